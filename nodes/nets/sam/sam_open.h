// sam_open.h: a Segment Anything model as it travels on wires.
#ifndef MW_SAM_OPEN_H
#define MW_SAM_OPEN_H

#include "nodes/nets/sam/sam.h"

typedef struct mw_sam {
    mw_object base; // "sam"
    mw_sam_model model;
    mw_image_prep prep;
} mw_sam;

// Opens a folder as transformers lays it out (SamModel). Everything is checked; weights are read when first
// used. One share; NULL with MW_E_FILE and a sentence that names file and reason.
mw_sam *mw_sam_open(mw_ctx *c, const char *folder, mw_dtype dtype);

#endif
