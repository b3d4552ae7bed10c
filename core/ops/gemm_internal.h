// gemm_internal.h: the matrix product behind linear, conv2d and matmul; private to core/ops.
#ifndef MW_GEMM_INTERNAL_H
#define MW_GEMM_INTERNAL_H

#include "core/cl/tune.h"
#include "core/ops.h"
#include "core/tensor/launch.h"
#include "core/tensor/op.h"

// Layout of a packed weight: panels [N/NR][K][NR] of columns, zero-padded; K runs over taps, then channels.
enum { MW_PACKING_PANELS = 1 };

// y[m,n] = act(alpha * sum_k A[m,k] B[k,n] + bias[n]) + residual[m,n] for each of `batch` products.
// Row m of A is pixel (b,oy,ox) of the result; k = (tap, channel): what x holds under that tap.
typedef struct mw_gemm {
    const mw_tensor *x, *w; // w in panels
    mw_tensor *bias;        // [N] or NULL
    mw_tensor *residual;    // the shape of y, or NULL
    const mw_tensor *y;     // contiguous
    int64_t rows, n, k;
    int64_t channels, taps_w; // of one tap; taps in a row
    int64_t in_h, in_w, out_h, out_w;
    int64_t image_stride, row_stride, pixel_stride; // of x, in elements; channels lie together
    int stride, pad;
    int64_t batch, x_batch, w_batch; // products, and the distance of their operands in elements
    double alpha;
    mw_activation act;
} mw_gemm;

// Columns of a panel of a weight with n columns: the width of the CPU family's register tile; in the GPU
// family all of them, rounded up, so that the one panel is a plain row-major matrix.
int64_t mw_gemm_columns(const mw_ctx *c, int64_t n);

// Items of a work-group for simple kernels over channels: 1 in the CPU family; 0: the driver's choice.
size_t mw_gemm_group(const mw_ctx *c);

// What a packed weight is made from: element (b,n,channel,ty,tx) of w lies at these strides.
typedef struct mw_gemm_weight {
    int64_t batch, n, channels, taps_h, taps_w;
    int64_t batch_stride, n_stride, channel_stride, tap_y_stride, tap_x_stride;
} mw_gemm_weight;

// Pack w, in its own dtype. The result is flat; the caller gives it its logical shape.
mw_tensor *mw_gemm_pack(mw_ctx *c, const mw_tensor *w, const mw_gemm_weight *g);
// Pack a plain weight w[N,C] or w[N,C,kh,kw] (any view) and keep its shape and label; w itself when it is
// packed.
mw_tensor *mw_gemm_prepare(mw_ctx *c, mw_tensor *w);

// Bias and residual as the kernels take them: contiguous, bias in f32, residual in x's dtype. And which there
// are.
void mw_gemm_extras(mw_ctx *c, mw_gemm *g);
int mw_gemm_flags(const mw_gemm *g);

mw_status mw_gemm_run(mw_ctx *c, const mw_gemm *g);

// The key under which the ways to do `g` are tuned: "<op> <dtypes> <classes of rows, n, k>".
typedef char mw_gemm_key[64];
const char *mw_gemm_key_of(const char *op, const mw_gemm *g, mw_gemm_key key);

// A convolution by Winograd's method, fused: with weights and products in local memory. Whether it can be
// done so, what is likely fastest, and doing it.
typedef enum { MW_CONV_DIRECT, MW_CONV_WINOGRAD, MW_CONV_FUSED } mw_conv_way;
bool mw_winograd_fits(const mw_ctx *c, const mw_gemm *g, bool fused);
mw_conv_way mw_winograd_likely(const mw_ctx *c, const mw_gemm *g);
mw_status mw_winograd_run(mw_ctx *c, const mw_gemm *g, bool fused);

// Shared checks of infer(): a float dtype, and sizes that the kernels' 32-bit counters hold.
mw_status mw_gemm_check(mw_ctx *c, const mw_call *k, int64_t rows, int64_t n, int64_t depth);
// Shared checks of bias [n] and of residual, which has y's shape; either may be NULL.
mw_status mw_gemm_check_extra(mw_ctx *c, const mw_call *k, const mw_tensor *bias, const mw_tensor *residual,
                              const mw_tensor *y, int64_t n);
// ---- gemm_grad_internal.c
// A packed weight's logical shape, label and packing, taken from w.
void mw_gemm_shape_weight(mw_tensor *packed, const mw_tensor *w);
// w with its first two dimensions exchanged and its taps reversed, prepared: what carries a gradient back.
// Kept beside w.
mw_tensor *mw_gemm_twin(mw_ctx *c, mw_tensor *w);
// Gradients of a convolution's x (only its shape is read; plus, may be NULL, is added) and w; g: of its
// result, f32.
mw_tensor *mw_conv2d_grad_x(mw_ctx *c, mw_tensor *w, const mw_tensor *x, mw_tensor *g, int stride,
                            int pad_begin, mw_tensor *plus);
mw_tensor *mw_conv2d_grad_w(mw_ctx *c, const mw_tensor *w, mw_tensor *x, mw_tensor *g, int stride,
                            int pad_begin);
// Those of bias[n] (input 2) and residual (input 3).
void mw_gemm_extra_grads(mw_ctx *c, mw_tensor *g, int64_t n, mw_tensor **gin, const bool *want);

#endif
