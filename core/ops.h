// ops.h: THE MENU. Every op with its formula and shapes.
//
// All take and return tensors owned by the open scope; NULL in, NULL out. Unless said otherwise inputs may be
// any view, outputs are contiguous with the dtype of the first input, sums are accumulated in f32, and shape
// errors are MW_E_SHAPE with the op's name and signature. "..": any leading dimensions.
#ifndef MW_OPS_H
#define MW_OPS_H

#include "core/base/ggml_blocks.h"
#include "core/tensor/activation.h"
#include "core/tensor/tensor.h"

// ---- weights: put a weight into the packing that this device's kernels like. Done once, at load; the shape
// stays the logical one. Unprepared (plain) weights are accepted everywhere too, and prepared on the fly.
// w[N,K] of a linear layer.
mw_tensor *mw_prepare_linear(mw_ctx *c, mw_tensor *w);
// w[O,I,kh,kw] as checkpoints store it.
mw_tensor *mw_prepare_conv2d(mw_ctx *c, mw_tensor *w);
// The prepared weight again, in place, from w of its shape (f32 or f16) that was changed, or another. Until
// then a prepared weight is stale from a change of what it was made from on (mw_stale), and refused by every
// op.
mw_status mw_prepare_again(mw_ctx *c, mw_tensor *packed, mw_tensor *w);
// Let go of the other form of a prepared weight (NULL accepted) that its gradient made; it is made again when
// wanted.
void mw_forget_twin(mw_tensor *w);

// w[rows,columns] whose rows stay as a language model's file holds them: in blocks of codes, or as f32, f16
// or bf16. It is good for mw_linear and mw_embedding, which widen it to f32 inside their kernels, and which
// take no other dtype's part in it: x and results are f32 or f16. On devices that read the host's memory
// (mw_lends) b->data is read where it lies, and must stay there, unchanged, until done(user) is called (NULL:
// it stays for ever): once, by any thread, when all is through; others get a copy. done is called also when
// this fails: MW_E_ARG for a type that kernels do not read (whole numbers, f64), MW_E_SHAPE for rows that are
// none of it.
mw_tensor *mw_weight_blocks(mw_ctx *c, const mw_block_rows *b, void (*done)(void *user), void *user);

// ---- matrix products
// y[..,M,N] = alpha * a[..,M,K] b[..,K,N]; leading dimensions broadcast. Transposed operands: pass
// mw_transpose views.
mw_tensor *mw_matmul(mw_ctx *c, mw_tensor *a, mw_tensor *b, double alpha);
// y[..,N] = act(x[..,K] w[N,K]^T + bias[N]) (+ residual[..,N] when given, added last). bias may be NULL.
mw_tensor *mw_linear(mw_ctx *c, mw_tensor *x, mw_tensor *w, mw_tensor *bias, mw_activation act,
                     mw_tensor *residual);
// y[i] = rms_norm(x) w[i]^T for i < n <= 3, with mw_rms_norm's gamma (NULL: x as it is) and eps. Where x has
// few rows and the weights are in blocks, it is one launch; else each step on its own.
mw_status mw_linear_many(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, double eps, int n, mw_tensor *const *w,
                         mw_tensor **y);
// (act(gate) * up) w^T (+ residual), likewise.
mw_tensor *mw_linear_gated(mw_ctx *c, mw_tensor *gate, mw_tensor *up, mw_activation act, mw_tensor *w,
                           mw_tensor *residual);
// y[B,h',w',O] = conv(x[B,h,w,I], w[O,I,kh,kw]) + bias[O] + residual[B,h',w',O]; channels-last.
// pad_begin: rows and columns of zeros above and left, pad_end: below and right.
// h' = (h + pad_begin + pad_end - kh) / stride + 1. bias, residual may be NULL.
mw_tensor *mw_conv2d(mw_ctx *c, mw_tensor *x, mw_tensor *w, mw_tensor *bias, int stride, int pad_begin,
                     int pad_end, mw_tensor *residual);

// ---- attention: softmax(scale * q k^T + mask) v for each head. q[B,T,H*D], k[B,S,H*D], v[B,S,H*D] ->
// [B,T,H*D]. No T x S matrix in memory. causal: query t sees keys s <= t (+ S - T). key_mask[B,S] i32 (0
// hides) or NULL.
mw_tensor *mw_attention(mw_ctx *c, mw_tensor *q, mw_tensor *k, mw_tensor *v, int heads, double scale,
                        bool causal, mw_tensor *key_mask);
// As mw_attention, causal, with `kv_heads` heads of keys and values (k, v[B,S,kv_heads*D]): query head h
// reads head h / (heads / kv_heads) of them. window: query t sees its own and the window - 1 positions
// before; 0: all.
mw_tensor *mw_grouped_attention(mw_ctx *c, mw_tensor *q, mw_tensor *k, mw_tensor *v, int heads, int kv_heads,
                                double scale, int window);
// The probabilities alone, [B,heads,T,S] f32.
mw_tensor *mw_attention_probs(mw_ctx *c, mw_tensor *q, mw_tensor *k, int heads, double scale, bool causal,
                              mw_tensor *key_mask);

// Rotary position embedding of x[B,T,H*D] by halves: with c, s the halves of row t of table[T,R] f32 (R <= D,
// even), y[i] = x[i] c[i] - x[i+R/2] s[i] and y[i+R/2] = x[i+R/2] c[i] + x[i] s[i] in each head, i < R/2;
// columns from R on stay.
mw_tensor *mw_rope(mw_ctx *c, mw_tensor *x, mw_tensor *table, int heads);

// ---- normalisation; gamma, beta [C] in any float dtype; statistics in f32, two passes (no E[x^2]-E[x]^2)
// act(norm(x[B,..,C]) * gamma + beta) over each of `groups` groups of channels and all positions. act: NONE
// or SILU.
mw_tensor *mw_group_norm(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, mw_tensor *beta, int groups, double eps,
                         mw_activation act);
mw_tensor *mw_layer_norm(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, mw_tensor *beta, double eps);
mw_tensor *mw_rms_norm(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, double eps);
mw_tensor *mw_softmax(mw_ctx *c, mw_tensor *x); // over the last dimension

// ---- element-wise, with broadcasting as in NumPy
mw_tensor *mw_add(mw_ctx *c, mw_tensor *a, mw_tensor *b);
mw_tensor *mw_sub(mw_ctx *c, mw_tensor *a, mw_tensor *b);
mw_tensor *mw_mul(mw_ctx *c, mw_tensor *a, mw_tensor *b);
mw_tensor *mw_div(mw_ctx *c, mw_tensor *a, mw_tensor *b);
mw_tensor *mw_affine(mw_ctx *c, mw_tensor *x, double scale, double shift); // scale * x + shift
mw_tensor *mw_clamp(mw_ctx *c, mw_tensor *x, double low, double high);
mw_tensor *mw_pow(mw_ctx *c, mw_tensor *x, double exponent);
mw_tensor *mw_exp(mw_ctx *c, mw_tensor *x);
mw_tensor *mw_log_e(mw_ctx *c, mw_tensor *x);
mw_tensor *mw_sqrt(mw_ctx *c, mw_tensor *x);
mw_tensor *mw_abs(mw_ctx *c, mw_tensor *x);
mw_tensor *mw_activate(mw_ctx *c, mw_tensor *x, mw_activation act);
// y[..,N] = x[..,:N] * gelu(x[..,N:]) of x[..,2N]
mw_tensor *mw_geglu(mw_ctx *c, mw_tensor *x);
// act(gate) * up, of one shape.
mw_tensor *mw_glu(mw_ctx *c, mw_tensor *gate, mw_tensor *up, mw_activation act);
// sum_i coef[i] * x[i]: n <= 6 tensors of one shape, in one pass.
mw_tensor *mw_lincomb(mw_ctx *c, int n, mw_tensor *const *x, const double *coef);

// ---- reductions over one dimension (negative counts from the end), which stays with size 1 when keep
mw_tensor *mw_sum(mw_ctx *c, mw_tensor *x, int dim, bool keep);
mw_tensor *mw_mean(mw_ctx *c, mw_tensor *x, int dim, bool keep);
mw_tensor *mw_max(mw_ctx *c, mw_tensor *x, int dim, bool keep);
// The k largest along the last dimension, descending; values and (when indices is not NULL) their i32
// positions. Equal values: lower position first. NaN counts as largest.
mw_tensor *mw_topk(mw_ctx *c, mw_tensor *x, int k, mw_tensor **indices);

// ---- moving data
mw_tensor *mw_contiguous(mw_ctx *c, mw_tensor *x);                    // x itself when it already is
mw_tensor *mw_cast(mw_ctx *c, mw_tensor *x, mw_dtype dtype);          // x itself when it already is
mw_tensor *mw_concat(mw_ctx *c, int n, mw_tensor *const *x, int dim); // n <= 8
// y[..,D] = table[ids[..]]; ids i32; table [V,D] f32, f16 or mw_weight_blocks, result in `dtype`. An id
// outside 0..V-1 gives NaN rows.
mw_tensor *mw_embedding(mw_ctx *c, mw_tensor *table, mw_tensor *ids, mw_dtype dtype);
// x[B,h,w,C] -> [B,h2,w2,C]: y(i,j) = x(floor(i*h/h2), floor(j*w/w2))
mw_tensor *mw_resize_nearest(mw_ctx *c, mw_tensor *x, int64_t h2, int64_t w2);
// as PyTorch's interpolate(mode="bilinear", align_corners=False, antialias=False)
mw_tensor *mw_resize_bilinear(mw_ctx *c, mw_tensor *x, int64_t h2, int64_t w2);

#endif
