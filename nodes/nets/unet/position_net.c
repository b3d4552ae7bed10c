// position_net.c: grounding tokens from boxes and phrases: what GLIGEN's gated layers attend to.
#include "nodes/nets/unet/position_net.h"
#include "core/ops.h"

#include "nodes/nets/base/nn.h"

#include <math.h>
#include <stdlib.h>

enum { FREQUENCIES = 8, FEATURES = FREQUENCIES * 2 * 4, HIDDEN = 512 };

// Sines, then cosines, of the four coordinates at the frequencies 100^(k/8); zeros for unused slots.
static mw_tensor *fourier(mw_ctx *c, const mw_grounding *g)
{
    int64_t n = g->pictures * g->slots;
    float *v = mw_alloc(c, (size_t)n * FEATURES * sizeof *v);
    for (int64_t i = 0; v && i < n; i++)
        for (int k = 0; k < FREQUENCIES && g->mask[i] != 0; k++)
            for (int j = 0; j < 4; j++) {
                double angle = g->box[4 * i + j] * pow(100, (double)k / FREQUENCIES);
                float *at = v + i * FEATURES + 8 * k + j;
                at[0] = (float)(g->mask[i] * sin(angle));
                at[4] = (float)(g->mask[i] * cos(angle));
            }
    mw_tensor *x = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(g->pictures, g->slots, FEATURES), v) : NULL;
    free(v);
    return x;
}

// [pictures,slots,1]: scale * mask + shift.
static mw_tensor *mask_of(mw_ctx *c, const mw_grounding *g, double scale, double shift)
{
    int64_t n = g->pictures * g->slots;
    float *v = mw_alloc(c, (size_t)n * sizeof *v);
    for (int64_t i = 0; v && i < n; i++)
        v[i] = (float)(scale * g->mask[i] + shift);
    mw_tensor *x = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(g->pictures, g->slots, 1), v) : NULL;
    free(v);
    return x;
}

static mw_status check(mw_ctx *c, const mw_unet_model *m, const mw_grounding *g)
{
    char got[64];
    const mw_tensor *p = g->phrase;
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (!m->config.gated)
        return mw_fail(c, MW_E_ARG, "%s: the unet has no gated layers (GLIGEN), so it takes no grounding",
                       mw_weights_path(m->weights));
    if (!p || p->ndim != 3 || mw_dim(p, 0) != g->pictures || mw_dim(p, 1) != g->slots ||
        mw_dim(p, 2) != m->config.phrase_width)
        return mw_fail(c, MW_E_SHAPE, "unet: phrases of the grounding must be [%lld,%lld,%d], got %s",
                       (long long)g->pictures, (long long)g->slots, m->config.phrase_width,
                       mw_shape_text(p, got, sizeof got));
    return MW_OK;
}

mw_tensor *mw_position_net(mw_ctx *c, const mw_unet_model *m, const mw_grounding *g)
{
    static const char path[] = "position_net";
    if (check(c, m, g) != MW_OK)
        return NULL;
    mw_nn nn = {c, m->weights};
    mw_scope_begin(c);
    mw_tensor *null_phrase =
        mw_weight_vector(c, nn.w, "position_net.null_positive_feature", m->config.phrase_width);
    mw_tensor *null_box = mw_weight_vector(c, nn.w, "position_net.null_position_feature", FEATURES);
    mw_tensor *used = mask_of(c, g, 1, 0), *unused = mask_of(c, g, -1, 1);
    mw_tensor *phrase = mw_mul(c, mw_cast(c, g->phrase, MW_F32), used);
    mw_tensor *parts[2] = {mw_add(c, phrase, mw_mul(c, unused, null_phrase)),
                           mw_add(c, fourier(c, g), mw_mul(c, unused, null_box))};
    mw_tensor *x = mw_cast(c, mw_concat(c, 2, parts, 2), mw_weights_dtype(nn.w));
    x = mw_nn_linear(&nn, path, "linears.0", x, HIDDEN, 0, MW_ACT_SILU, NULL);
    x = mw_nn_linear(&nn, path, "linears.2", x, HIDDEN, 0, MW_ACT_SILU, NULL);
    x = mw_nn_linear(&nn, path, "linears.4", x, m->config.context, 0, MW_ACT_NONE, NULL);
    return mw_scope_end(c, x);
}
