// unet_time.c: the UNet's embedding of the timestep and, for SDXL, of picture sizes and pooled text.
#include "nodes/nets/unet/unet_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

// Sinusoids of n positions, `width` numbers each (Vaswani et al. 2017 with a free shift of the frequencies).
// Computed in double: in f32 the angles near t = 1000 would be off by some 1e-5.
static mw_tensor *sinusoids(const mw_unet_run *r, const double *t, int64_t n, int width)
{
    mw_ctx *c = r->nn.c;
    int half = width / 2;
    float *v = mw_alloc(c, (size_t)n * (size_t)width * sizeof *v);
    if (!v)
        return NULL;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < half; k++) {
            double angle = t[i] * exp(-log(10000.0) * k / (half - r->cfg->freq_shift));
            float *row = v + i * width;
            row[k] = (float)(r->cfg->cos_first ? cos(angle) : sin(angle));
            row[half + k] = (float)(r->cfg->cos_first ? sin(angle) : cos(angle));
        }
    mw_tensor *x = mw_tensor_from_f32(c, mw_weights_dtype(r->nn.w), MW_SHAPE(n, width), v);
    free(v);
    return x;
}

static mw_tensor *two_layers(const mw_unet_run *r, const char *path, mw_tensor *x)
{
    int64_t n = r->cfg->time_width;
    x = mw_nn_linear(&r->nn, path, "linear_1", x, n, 0, MW_ACT_SILU, NULL);
    return mw_nn_linear(&r->nn, path, "linear_2", x, n, 0, MW_ACT_NONE, NULL);
}

static mw_tensor *addition(const mw_unet_run *r, const mw_unet_in *in, int64_t B)
{
    const mw_unet_config *f = r->cfg;
    mw_ctx *c = r->nn.c;
    int n = in->ntime_ids;
    if (!in->pooled || !in->time_ids || mw_dim(in->pooled, 0) != B || in->pooled->ndim != 2 ||
        mw_dim(in->pooled, 1) + (int64_t)n * f->time_id_width != f->add_width) {
        char got[64];
        mw_fail(c, MW_E_SHAPE,
                "unet: this model takes pooled text [%lld,P] and time ids of %d numbers each that make %d "
                "together, got pooled %s and %d time ids",
                (long long)B, f->time_id_width, f->add_width, mw_shape_text(in->pooled, got, sizeof got), n);
        return NULL;
    }
    mw_tensor *ids = mw_reshape(c, sinusoids(r, in->time_ids, B * n, f->time_id_width),
                                MW_SHAPE(B, (int64_t)n * f->time_id_width));
    mw_tensor *parts[2] = {mw_cast(c, in->pooled, mw_weights_dtype(r->nn.w)), ids};
    mw_tensor *x = two_layers(r, "add_embedding", mw_concat(c, 2, parts, 1));
    mw_unet_tap(r, "add_embedding", x);
    return x;
}

mw_tensor *mw_unet_time(const mw_unet_run *r, const mw_unet_in *in, int64_t B)
{
    mw_ctx *c = r->nn.c;
    bool one = !r->cfg->text_time;
    for (int64_t i = 1; i < B; i++)
        one = one && !(in->t[i] < in->t[0]) && !(in->t[i] > in->t[0]);
    mw_scope_begin(c);
    mw_tensor *x = two_layers(r, "time_embedding", sinusoids(r, in->t, one ? 1 : B, r->cfg->base));
    mw_unet_tap(r, "time_embedding", x ? mw_expand(c, x, 2, (int64_t[]){B, x->shape[1]}) : NULL);
    if (r->cfg->text_time)
        x = mw_add(c, x, addition(r, in, B));
    return mw_scope_end(c, x);
}
