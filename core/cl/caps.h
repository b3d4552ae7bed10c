// caps.h: what a device can do, as far as the choice of kernel variants looks at it.
#ifndef MW_CAPS_H
#define MW_CAPS_H

#include <stdbool.h>
#include <stddef.h>

// What variant choice may look at.
typedef struct mw_caps {
    bool cpu;                     // CPU family: work-groups of one item, explicit vectors; else GPU family
    bool fp16, fp64;              // arithmetic
    bool subgroups, local_memory; // real local memory
    int vector_width;             // preferred f32 lanes (CPU: 8 AVX2, 16 AVX-512)
    int compute_units;
    size_t max_group, local_bytes;
} mw_caps;

#endif
