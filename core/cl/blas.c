// blas.c: CLBlast behind one function.
#include "core/cl/blas.h"

#include "core/cl/device_internal.h"

#include <clblast_c.h>

// Its kernels are built at their first call: not under the device's lock.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool mw_blas_gemm(mw_ctx *c, size_t m, size_t n, size_t k, size_t batch, float alpha, mw_blas_matrix a,
                  mw_blas_matrix b, mw_blas_matrix y)
{
    mw_stream *d = c->stream;
    CLBlastStatusCode s;
    pthread_mutex_lock(&lock);
    if (batch == 1)
        s = CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m, n, k, alpha,
                         a.buffer, a.begin, a.pitch, b.buffer, b.begin, b.pitch, 0, y.buffer, y.begin,
                         y.pitch, &d->queue, NULL);
    else
        s = CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m, n, k,
                                       alpha, a.buffer, a.begin, a.pitch, a.batch_stride, b.buffer, b.begin,
                                       b.pitch, b.batch_stride, 0, y.buffer, y.begin, y.pitch, y.batch_stride,
                                       batch, &d->queue, NULL);
    pthread_mutex_unlock(&lock);
    pthread_mutex_lock(&d->lock);
    if (s == CLBlastSuccess)
        d->products += 2.0 * (double)m * (double)n * (double)k * (double)batch;
    pthread_mutex_unlock(&d->lock);
    return s == CLBlastSuccess;
}
