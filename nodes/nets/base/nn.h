// nn.h: layers by the path of their module: what the networks are written in.
//
// A layer `name` of module `path` has its weights under "<path>.<name>.weight" and ".bias". Widths of inputs
// are taken from the input, so a network states only what it makes; the weights' shapes are checked against
// both.
#ifndef MW_NN_H
#define MW_NN_H

#include "core/tensor/activation.h"
#include "nodes/nets/base/weights.h"

typedef struct mw_nn {
    mw_ctx *c;
    mw_weights *w;
} mw_nn;

// A module path or weight name, by value: mw_path_of("%s.resnets.%d", path, i).s
typedef struct mw_path {
    char s[160];
} mw_path;
mw_path mw_path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

enum { MW_NN_NO_BIAS = 1 }; // flags

// [..,K] -> act([..,n]) (+ residual)
mw_tensor *mw_nn_linear(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n,
                        unsigned flags, mw_activation act, mw_tensor *residual);
// [B,h,w,I] -> [B,h',w',n] (+ residual); k x k, stride 1, padded so that the size stays.
mw_tensor *mw_nn_conv(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n, int k,
                      mw_tensor *residual);
// [B,h,w,C] -> halved: 3 x 3, stride 2. pad_begin: 1 both sides are padded, 0 below and right only.
mw_tensor *mw_nn_conv_down(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n,
                           int pad_begin);
mw_tensor *mw_nn_group_norm(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int groups,
                            double eps, mw_activation act);
mw_tensor *mw_nn_layer_norm(const mw_nn *m, const char *path, const char *name, mw_tensor *x, double eps);

// The MLP of a transformer with a GEGLU (diffusers' FeedForward at `path`): [..,C] -> [..,C] (+ residual).
// Goes through its rows in parts where the 8 C columns between the layers would be large and no gradient
// needs them.
mw_tensor *mw_nn_gated_mlp(const mw_nn *m, const char *path, mw_tensor *x, mw_tensor *residual);

// The residual block of diffusers (ResnetBlock2D): norm, SiLU, conv, + projected time, norm, SiLU, conv, +
// shortcut. shift: what mw_nn_resnet_time gives, or NULL.
mw_tensor *mw_nn_resnet(const mw_nn *m, const char *path, mw_tensor *x, int64_t channels, int groups,
                        double eps, mw_tensor *shift);
// The projected time and the first convolution's bias, [B,channels] or [1,channels] of all. time: [B,T] or
// [1,T] with its SiLU already applied.
mw_tensor *mw_nn_resnet_time(const mw_nn *m, const char *path, mw_tensor *time, int64_t channels);

// [B,h,w,C] -> [B,C,h,w] f32 and back into dtype.
mw_tensor *mw_nn_to_planes(mw_ctx *c, mw_tensor *x);
mw_tensor *mw_nn_from_planes(mw_ctx *c, mw_tensor *x, mw_dtype dtype);

// Run `walk` in a context without storage, then read what it asked for: how every network is loaded.
mw_status mw_nn_load(mw_ctx *c, mw_weights *w, void (*walk)(mw_ctx *c, void *model), void *model,
                     bool (*ignorable)(const char *name));

#endif
