// blas.h: matrix products by CLBlast, a candidate for GPUs. f32 only: its half products also sum in half.
#ifndef MW_BLAS_H
#define MW_BLAS_H

#include "core/cl/device.h"

#include <CL/cl.h>

// A row-major matrix for each of `batch` products; offsets and distances in elements.
typedef struct mw_blas_matrix {
    cl_mem buffer;
    size_t begin, pitch, batch_stride;
} mw_blas_matrix;

// y[m,n] = alpha * a[m,k] b[k,n], enqueued on the context's device. False, with nothing pending, when CLBlast
// refuses.
bool mw_blas_gemm(mw_ctx *c, size_t m, size_t n, size_t k, size_t batch, float alpha, mw_blas_matrix a,
                  mw_blas_matrix b, mw_blas_matrix y);

#endif
