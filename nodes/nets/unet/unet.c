// unet.c: the text-conditioned UNet of Stable Diffusion 1, 2 and XL (Rombach et al. 2022).
#include "nodes/nets/unet/position_net.h"
#include "core/ops.h"
#include "nodes/nets/unet/unet_internal.h"

#include <stdlib.h>
#include <string.h>

void mw_unet_tap(const mw_unet_run *r, const char *module, mw_tensor *x)
{
    if (x && r->taps && r->taps->act)
        r->taps->act(r->nn.c, r->taps->user, module, x);
}

mw_tensor *mw_unet_for_texts(const mw_unet_run *r, mw_tensor *x)
{
    mw_ctx *c = r->nn.c;
    int64_t n = mw_dim(r->text, 0);
    if (!x || mw_dim(x, 0) == n)
        return x;
    int64_t one[MW_MAXDIM] = {1}, all[MW_MAXDIM] = {n / mw_dim(x, 0)}, joint[MW_MAXDIM] = {n};
    for (int i = 0; i < x->ndim; i++) {
        one[i + 1] = all[i + 1] = x->shape[i];
        joint[i] = i ? x->shape[i] : n;
    }
    mw_tensor *many = mw_expand(c, mw_reshape(c, x, x->ndim + 1, one), x->ndim + 1, all);
    return mw_reshape(c, mw_contiguous(c, many), x->ndim, joint);
}

static void push(mw_unet_run *r, mw_tensor *x)
{
    if (x && r->nskips < MW_UNET_SKIPS)
        r->skip[r->nskips++] = mw_retain(x);
}

// The latest skip; it now belongs to the open scope.
static mw_tensor *pop(mw_unet_run *r)
{
    return r->nskips ? mw_scope_adopt(r->nn.c, r->skip[--r->nskips]) : NULL;
}

// A residual block as a segment: what it needs besides its inputs.
typedef struct resnet_job {
    mw_weights *weights;
    mw_path path;
    int64_t channels;
    int groups;
    double eps;
} resnet_job;

static mw_tensor *run_resnet(mw_ctx *c, const void *user, mw_tensor *const *in)
{
    const resnet_job *j = user;
    return mw_nn_resnet(&(mw_nn){c, j->weights}, j->path.s, in[0], j->channels, j->groups, j->eps, in[1]);
}

static mw_tensor *resnet(const mw_unet_run *r, mw_path path, mw_tensor *x, int64_t channels)
{
    resnet_job j = {r->nn.w, path, channels, r->cfg->groups, r->cfg->norm_eps};
    mw_tensor *time = mw_dim(x, 0) == mw_dim(r->time, 0) ? r->time : r->times;
    mw_tensor *shift = mw_unet_memo_get(r->memo, path.s, "time");
    if (!shift)
        shift = mw_unet_memo_put(r->nn.c, r->memo, path.s, "time",
                                 mw_nn_resnet_time(&r->nn, path.s, time, channels));
    return mw_segment(r->nn.c, run_resnet, &j, sizeof j, 2, (mw_tensor *[]){x, shift});
}

// Residual block i of a block and the transformer after it, if any. x is dropped.
static mw_tensor *pair(mw_unet_run *r, const mw_unet_block *b, const char *path, int i, mw_tensor *x)
{
    mw_tensor *y = resnet(r, mw_path_of("%s.resnets.%d", path, i), x, b->channels);
    mw_drop(r->nn.c, x);
    if (b->attends)
        y = mw_unet_transformer(r, b, b->depth[i], mw_path_of("%s.attentions.%d", path, i).s, y);
    return y;
}

static mw_tensor *down(mw_unet_run *r, int level, mw_tensor *x)
{
    const mw_unet_block *b = &r->cfg->down[level];
    mw_path path = mw_path_of("down_blocks.%d", level);
    mw_scope_begin(r->nn.c);
    for (int i = 0; i < b->layers && !mw_unet_done(r) && !mw_cancelled(r->nn.c); i++) {
        mw_scope_begin(r->nn.c);
        x = mw_scope_end(r->nn.c, pair(r, b, path.s, i, x));
        push(r, x);
    }
    if (b->resamples && !mw_unet_done(r)) {
        x = mw_nn_conv_down(&r->nn, path.s, "downsamplers.0.conv", x, b->channels, r->cfg->down_padding);
        push(r, x);
    }
    mw_unet_tap(r, path.s, x);
    return mw_scope_end(r->nn.c, x);
}

static mw_tensor *middle(mw_unet_run *r, mw_tensor *x)
{
    const mw_unet_config *f = r->cfg;
    if (f->mid_kind == MW_MID_NONE)
        return x;
    mw_scope_begin(r->nn.c);
    x = pair(r, &f->mid, "mid_block", 0, x);
    if (f->mid_kind == MW_MID_CROSS && !mw_unet_done(r))
        x = resnet(r, mw_path_of("mid_block.resnets.1"), x, f->mid.channels);
    mw_unet_tap(r, "mid_block", x);
    return mw_scope_end(r->nn.c, x);
}

// x and the latest skip beside each other; both are dropped.
static mw_tensor *joined(mw_unet_run *r, mw_tensor *x)
{
    mw_ctx *c = r->nn.c;
    mw_tensor *parts[2] = {x, mw_unet_for_texts(r, pop(r))}, *both = mw_concat(c, 2, parts, 3);
    mw_drop(c, x);
    mw_drop(c, parts[1]);
    return both;
}

static mw_tensor *up(mw_unet_run *r, int index, mw_tensor *x)
{
    const mw_unet_block *b = &r->cfg->up[index];
    mw_path path = mw_path_of("up_blocks.%d", index);
    mw_ctx *c = r->nn.c;
    mw_scope_begin(c);
    for (int i = 0; i < b->layers && !mw_unet_done(r) && !mw_cancelled(c); i++) {
        mw_scope_begin(c);
        x = mw_scope_end(c, pair(r, b, path.s, i, joined(r, x)));
    }
    if (b->resamples && r->nskips &&
        !mw_unet_done(r)) { // the size to reach is the next skip's: odd sizes were rounded up on the way down
        const mw_tensor *next = r->skip[r->nskips - 1];
        mw_tensor *wide = mw_resize_nearest(c, x, mw_dim(next, 1), mw_dim(next, 2));
        mw_drop(c, x);
        x = mw_nn_conv(&r->nn, path.s, "upsamplers.0.conv", wide, b->channels, 3, NULL);
    }
    mw_unet_tap(r, path.s, x);
    return mw_scope_end(c, x);
}

static mw_tensor *head(const mw_unet_run *r, mw_tensor *x)
{
    const mw_unet_config *f = r->cfg;
    bool tapped = r->taps && r->taps->act;
    x = mw_nn_group_norm(&r->nn, "", "conv_norm_out", x, f->groups, f->norm_eps,
                         tapped ? MW_ACT_NONE : MW_ACT_SILU);
    if (tapped) {
        mw_unet_tap(r, "conv_norm_out", x);
        x = mw_activate(r->nn.c, x, MW_ACT_SILU);
    }
    return mw_nn_conv(&r->nn, "", "conv_out", x, f->out_channels, f->conv_out_kernel, NULL);
}

static mw_status check(mw_ctx *c, const mw_unet_config *f, const mw_unet_in *in)
{
    char got[64];
    const mw_tensor *z = in->latents, *text = in->text;
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (!z || z->ndim != 4 || mw_dim(z, 1) != f->in_channels || mw_numel(z) == 0)
        return mw_fail(c, MW_E_SHAPE, "unet: latents must be [B,%d,h,w], got %s", f->in_channels,
                       mw_shape_text(z, got, sizeof got));
    if (!text || text->ndim != 3 || mw_dim(text, 0) == 0 || mw_dim(text, 0) % mw_dim(z, 0) != 0 ||
        (f->text_time && mw_dim(text, 0) != mw_dim(z, 0)) || (f->context && mw_dim(text, 2) != f->context) ||
        mw_dim(text, 1) < 1)
        return mw_fail(
            c, MW_E_SHAPE,
            "unet: the embedding must be [%lld,L,%d], got %s: it must come from the text encoder of "
            "the same model",
            (long long)mw_dim(z, 0), f->context, mw_shape_text(text, got, sizeof got));
    if (in->objs && !f->gated)
        return mw_fail(c, MW_E_ARG, "unet: this model has no gated layers, so it takes no grounding");
    if (in->objs &&
        (in->objs->ndim != 3 || mw_dim(in->objs, 0) != mw_dim(text, 0) || mw_dim(in->objs, 1) < 1 ||
         mw_dim(in->objs, 2) != f->context))
        return mw_fail(c, MW_E_SHAPE, "unet: grounding tokens must be [%lld,n,%d], got %s",
                       (long long)mw_dim(text, 0), f->context, mw_shape_text(in->objs, got, sizeof got));
    return MW_OK;
}

static int wanted_maps(const mw_unet_config *f, const mw_unet_taps *taps)
{
    char path[96];
    int n = 0;
    for (int i = 0; taps && taps->want_map && mw_unet_layer_at(f, i, path, sizeof path, NULL, NULL); i++)
        n += taps->want_map(taps->user, path);
    return n;
}

mw_tensor *mw_unet_forward(mw_ctx *c, const mw_unet_model *m, const mw_unet_in *in)
{
    const mw_unet_config *f = &m->config;
    if (check(c, f, in) != MW_OK)
        return NULL;
    mw_dtype dtype = mw_weights_dtype(m->weights);
    mw_unet_run r = {.nn = {c, m->weights}, .cfg = f, .taps = in->taps, .memo = in->memo};
    r.maps_left = in->maps_only ? wanted_maps(f, in->taps) : -1;
    mw_scope_begin(c);
    r.text = mw_cast(c, in->text, dtype);
    r.objs = in->objs ? mw_cast(c, in->objs, dtype) : NULL;
    r.time = mw_unet_memo_get(r.memo, "", "time");
    if (!r.time) {
        mw_tensor *time = mw_unet_time(&r, in, mw_dim(in->latents, 0));
        r.time = mw_unet_memo_put(c, r.memo, "", "time", mw_activate(c, time, MW_ACT_SILU));
    }
    r.times = mw_dim(r.time, 0) == 1 ? r.time : mw_unet_for_texts(&r, r.time);
    mw_tensor *x = f->center_input ? mw_affine(c, in->latents, 2, -1) : in->latents;
    x = mw_nn_conv(&r.nn, "", "conv_in", mw_nn_from_planes(c, x, dtype), f->base, f->conv_in_kernel, NULL);
    mw_unet_tap(&r, "conv_in", x);
    push(&r, x);
    for (int i = 0; i < f->levels && !mw_unet_done(&r); i++)
        x = down(&r, i, x);
    if (!mw_unet_done(&r))
        x = middle(&r, x);
    for (int i = 0; i < f->levels && !mw_unet_done(&r); i++)
        x = up(&r, i, x);
    if (!mw_unet_done(&r))
        x = mw_nn_to_planes(c, head(&r, mw_unet_for_texts(&r, x)));
    while (r.nskips)
        mw_release(r.skip[--r.nskips]);
    return mw_scope_end(c, x);
}

static void walk(mw_ctx *c, void *model)
{
    const mw_unet_model *m = model;
    const mw_unet_config *f = &m->config;
    double zeros[8] = {0};
    int side = 1 << (f->levels - 1);
    int context = f->context ? f->context : 1;
    // How the additional conditions are divided is known only when they come; their joint width is what
    // counts here.
    int ids = f->text_time ? (f->add_width - 1) / f->time_id_width : 0;
    ids = ids > 6 ? 6 : ids;
    mw_unet_in in = {.t = zeros, .time_ids = zeros, .ntime_ids = ids};
    in.latents = mw_tensor_new(c, MW_F32, MW_SHAPE(1, f->in_channels, side, side));
    in.text = mw_tensor_new(c, mw_weights_dtype(m->weights), MW_SHAPE(1, 1, context));
    if (f->text_time)
        in.pooled = mw_tensor_new(c, MW_F32, MW_SHAPE(1, f->add_width - ids * f->time_id_width));
    if (f->gated) {
        mw_grounding g = {.pictures = 1, .slots = 1, .box = zeros, .mask = zeros};
        g.phrase = mw_tensor_new(c, MW_F32, MW_SHAPE(1, 1, f->phrase_width));
        in.objs = mw_position_net(c, m, &g);
    }
    mw_unet_forward(c, m, &in);
}

mw_status mw_unet_load(mw_ctx *c, mw_unet_model *m) { return mw_nn_load(c, m->weights, walk, m, NULL); }
