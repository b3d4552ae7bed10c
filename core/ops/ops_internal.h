// ops_internal.h: what the ops share: checks of inputs, and how work is cut. Private to core/ops.
#ifndef MW_OPS_INTERNAL_H
#define MW_OPS_INTERNAL_H

#include "core/ops.h"
#include "core/tensor/launch.h"
#include "core/tensor/op.h"

// The sentence buffers of mw_shape_text.
enum { MW_SHAPE_TEXT = 128 };

// True when every input that was given is f32 or f16; else records which is not.
bool mw_op_floats(mw_ctx *c, const mw_call *k);
// Resolve a dimension counted from the end; records and returns false when x has none of that number.
bool mw_op_dim(mw_ctx *c, const mw_call *k, const mw_tensor *x, int *dim);
// Vectors as gamma and beta must be [n].
bool mw_op_vector(mw_ctx *c, const mw_call *k, const mw_tensor *t, const char *name, int64_t n);
// out[0] := an uninitialised tensor like x.
mw_status mw_op_like(mw_ctx *c, mw_call *k, const mw_tensor *x);

// The device's lanes (V) and items of a work-group (WG) as prelude.cl's vector part wants them.
int mw_op_lanes(const mw_ctx *c);
int mw_op_group(const mw_ctx *c);
mw_variant mw_op_variant(const mw_ctx *c);

// A launch over n consecutive elements, `*chunk` of them (a multiple of the lanes) for each item.
mw_launch mw_op_flat(const mw_ctx *c, const char *file, const char *entry, int64_t n, int *chunk);
// A launch of one work-group for every `*each` rows of n elements.
mw_launch mw_op_rows(const mw_ctx *c, const char *file, const char *entry, int64_t rows, int64_t n,
                     int *each);

// Product of the sizes of dimensions begin..end-1.
int64_t mw_op_count(const mw_tensor *x, int begin, int end);

// x, or a contiguous copy in dtype.
mw_tensor *mw_op_dense(mw_ctx *c, mw_tensor *x, mw_dtype dtype);
// An uninitialised f32 tensor of x's shape: where a gradient goes.
mw_tensor *mw_op_grad_like(mw_ctx *c, const mw_tensor *x);
// y (gy - sum y gy) over the last dimension; y, gy contiguous f32 of one shape.
mw_tensor *mw_op_softmax_grad(mw_ctx *c, mw_tensor *y, mw_tensor *gy);
// gy times the derivative of act at x; contiguous f32 of one shape.
mw_tensor *mw_op_activation_grad(mw_ctx *c, mw_tensor *x, mw_tensor *gy, mw_activation act);
// g summed over what was broadcast to make it from x.
mw_tensor *mw_op_unbroadcast(mw_ctx *c, mw_tensor *g, const mw_tensor *x);

// mw_attention_probs with a window (0: none), as mw_grouped_attention has it.
mw_tensor *mw_op_window_probs(mw_ctx *c, mw_tensor *q, mw_tensor *k, int heads, double scale, bool causal,
                              int window, mw_tensor *key_mask);

typedef struct mw_op_attention {
    mw_tensor *q, *k, *v, *mask; // as mw_attention and mw_grouped_attention take them
    int heads, kv_heads;
    double scale;
    bool causal;
    int window;
} mw_op_attention;

// ---- attention_few_internal.c: causal attention of few queries over many keys, which are split into parts.
// Columns of q, k, v lie side by side; k and v have one dtype; scale: of logits in base 2; window: at
// least 1.
bool mw_op_few_queries(const mw_ctx *c, const mw_op_attention *a);
void mw_op_attention_few(mw_ctx *c, const mw_op_attention *a, mw_tensor *y);

// ---- attention_grad_internal.c; g and gp contiguous f32
// gin[0..2] := gradients for q, k, v where wanted.
void mw_op_attention_grad(mw_ctx *c, const mw_op_attention *a, mw_tensor *g, const bool *want,
                          mw_tensor **gin);
// Gradients for q and k of the probabilities p [B,heads,T,S], whose gradient is gp.
void mw_op_attention_probs_grad(mw_ctx *c, mw_tensor *p, mw_tensor *gp, mw_tensor *q, mw_tensor *k, int heads,
                                double scale, const bool *want, mw_tensor **gq, mw_tensor **gk);

#endif
