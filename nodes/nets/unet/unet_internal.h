// unet_internal.h: what the files of the UNet share.
#ifndef MW_UNET_INTERNAL_H
#define MW_UNET_INTERNAL_H

#include "core/tensor/tape.h"
#include "nodes/nets/base/nn.h"
#include "nodes/nets/unet/unet.h"

enum { MW_UNET_SKIPS = MW_UNET_LEVELS * (MW_UNET_LAYERS + 1) + 1 };

// One run of the network.
typedef struct mw_unet_run {
    mw_nn nn;
    const mw_unet_config *cfg;
    const mw_unet_taps *taps;       // may be NULL
    mw_tensor *text;                // [n*B,L,context]
    mw_tensor *objs;                // [n*B,n,context] grounding tokens, or NULL
    mw_tensor *time;                // [B,T], or [1,T] of all; its SiLU applied
    mw_tensor *times;               // [n*B,T], the same behind the first attention to the text, or [1,T]
    mw_unet_memo *memo;             // may be NULL
    mw_tensor *skip[MW_UNET_SKIPS]; // one share each, waiting for the way up
    int nskips;
    int maps_left; // wanted maps still to come; counted only for maps_only, else -1
} mw_unet_run;

// What `put` was given under this name before, or NULL; m may be NULL. put returns t.
mw_tensor *mw_unet_memo_get(const mw_unet_memo *m, const char *path, const char *name);
mw_tensor *mw_unet_memo_put(mw_ctx *c, mw_unet_memo *m, const char *path, const char *name, mw_tensor *t);

// Nothing that is wanted comes any more.
static inline bool mw_unet_done(const mw_unet_run *r) { return r->maps_left == 0; }

// [B,time_width], before any SiLU: the sinusoid of t through two layers, plus the text_time embedding. [1,..]
// where that is the same for all.
mw_tensor *mw_unet_time(const mw_unet_run *r, const mw_unet_in *in, int64_t B);
// Attention of x[B,T,C] to grounding tokens[B,n,D] beside itself, then an MLP, each through a gate.
mw_tensor *mw_unet_fuser(const mw_nn *m, const char *path, int heads, mw_tensor *x, mw_tensor *tokens);
// A transformer (Transformer2DModel) of `depth` layers on x[B,h,w,C].
mw_tensor *mw_unet_transformer(mw_unet_run *r, const mw_unet_block *b, int depth, const char *path,
                               mw_tensor *x);
// x[B,..] for each of the texts, [n*B,..]; x itself when it is so already.
mw_tensor *mw_unet_for_texts(const mw_unet_run *r, mw_tensor *x);
void mw_unet_tap(const mw_unet_run *r, const char *module, mw_tensor *x);

#endif
