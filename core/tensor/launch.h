// launch.h: run a kernel of kernels/<file>.cl on tensors. Only ops include this.
//
// A tensor argument becomes two kernel arguments, the buffer and the offset of its first element, so that
// views need no copies. In the kernel file:   kernel void k(ARG(const T, x), ARG(T, y), long n) { BEGIN(const
// T, x); BEGIN(T, y); ... } prelude.cl explains ARG, BEGIN, LOAD and STORE; the dtypes of the launch are
// given by `t` (activations) and `w` (weights).
#ifndef MW_LAUNCH_H
#define MW_LAUNCH_H

#include "core/cl/caps.h"
#include "core/tensor/tensor.h"

typedef struct mw_arg {
    enum { MW_ARG_TENSOR, MW_ARG_INT, MW_ARG_LONG, MW_ARG_FLOAT, MW_ARG_LOCAL, MW_ARG_STRUCT } kind;
    union {
        const mw_tensor *t; // NULL: a null buffer and offset 0
        int32_t i;
        int64_t l;
        float f;
        size_t bytes;   // MW_ARG_LOCAL: local memory
        const void *at; // MW_ARG_STRUCT: `size` bytes, laid out as the kernel's struct
    };
    size_t size;
} mw_arg;

#define MW_T(x) ((mw_arg){.kind = MW_ARG_TENSOR, .t = (x)})
#define MW_I(x) ((mw_arg){.kind = MW_ARG_INT, .i = (int32_t)(x)})
#define MW_L(x) ((mw_arg){.kind = MW_ARG_LONG, .l = (int64_t)(x)})
#define MW_F(x) ((mw_arg){.kind = MW_ARG_FLOAT, .f = (float)(x)})
#define MW_STRUCT(p) ((mw_arg){.kind = MW_ARG_STRUCT, .at = (p), .size = sizeof *(p)})
#define MW_LOCAL(n) ((mw_arg){.kind = MW_ARG_LOCAL, .bytes = (n)})

// The further compiler options of a launch, by name: see the table. The first, MW_VARIANT_PLAIN, has none.
typedef enum mw_variant {
#define VARIANT(name, family, files, options) MW_VARIANT_##name,
#include "core/tensor/variants.h"
#undef VARIANT
} mw_variant;

typedef struct mw_launch {
    const char *file;   // "norm": kernels/norm.cl
    const char *entry;  // kernel function
    mw_variant variant; // one that names the file
    mw_dtype t, w;      // dtypes behind T (LOAD, STORE) and W (LOADW)
    int dims;           // 1..3
    size_t global[3];
    size_t local[3]; // all 0: the driver's choice
    double products; // operations of the matrix products that it computes, a multiply-add counts as two
} mw_launch;

// Enqueue on the context's device, in order. No-op in a dry context or with an error pending.
mw_status mw_run(mw_ctx *c, const mw_launch *l, const mw_arg *args, int nargs);
#define MW_RUN(c, l, ...)                                                                                    \
    mw_run((c), (l), (mw_arg[]){__VA_ARGS__}, (int)(sizeof((mw_arg[]){__VA_ARGS__}) / sizeof(mw_arg)))

// A row-major matrix in a tensor, for each product of a batch; distances in elements.
typedef struct mw_matrix {
    const mw_tensor *t;
    int64_t pitch, batch_stride;
} mw_matrix;

// y[m,n] = alpha * a[m,k] b[k,n], f32, by the BLAS of GPUs. False when that refuses; then another way must be
// taken.
bool mw_run_blas(mw_ctx *c, int64_t m, int64_t n, int64_t k, int64_t batch, double alpha, mw_matrix a,
                 mw_matrix b, mw_matrix y);

// Of the context's device; a CPU's when there is none (dry runs).
const mw_caps *mw_device_caps(const mw_ctx *c);

#endif
