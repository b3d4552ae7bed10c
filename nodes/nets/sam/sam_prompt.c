// sam_prompt.c: Segment Anything's prompts as tokens (points, boxes) and as a map (coarse masks).
#include "nodes/nets/sam/sam_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

// ---- positions

// Sines and cosines of x, y in 0..1 projected by gauss[2][F] into out[count][2F].
static void encode(const float *gauss, int F, const double *xy, int64_t count, float *out)
{
    const double turn = 2 * acos(-1.0);
    for (int64_t i = 0; i < count; i++, out += 2 * F)
        for (int k = 0; k < F; k++) {
            double a = turn * ((2 * xy[2 * i] - 1) * gauss[k] + (2 * xy[2 * i + 1] - 1) * gauss[F + k]);
            out[k] = (float)sin(a);
            out[F + k] = (float)cos(a);
        }
}

mw_tensor *mw_sam_positions(const mw_sam_net *n, const double *xy, int64_t count)
{
    mw_ctx *c = n->nn.c;
    int F = n->cfg->features;
    mw_tensor *table = mw_weight_table(c, n->nn.w, "shared_image_embedding.positional_embedding", 2, F);
    if (!table || c->dry)
        return table ? mw_tensor_new(c, mw_weights_dtype(n->nn.w), MW_SHAPE(count, 2 * F)) : NULL;
    float *gauss = mw_alloc(c, 2 * (size_t)F * sizeof *gauss);
    float *v = mw_alloc(c, (size_t)count * 2 * (size_t)F * sizeof *v);
    mw_tensor *t = NULL;
    if (gauss && v && mw_tensor_read_f32(c, table, gauss) == MW_OK) {
        encode(gauss, F, xy, count, v);
        t = mw_tensor_from_f32(c, mw_weights_dtype(n->nn.w), MW_SHAPE(count, 2 * F), v);
    }
    free(gauss);
    free(v);
    return t;
}

// ---- points and boxes

// Rows of the table of kinds below; 0 and 1 are also the labels of points.
enum { OUTSIDE, INSIDE, TOP_LEFT, BOTTOM_RIGHT, NOT_A_POINT, KINDS };

static mw_tensor *kinds(const mw_sam_net *n)
{
    mw_tensor *row[KINDS];
    for (int i = 0; i < KINDS; i++) {
        mw_path name = i == NOT_A_POINT ? mw_path_of("prompt_encoder.not_a_point_embed.weight")
                                        : mw_path_of("prompt_encoder.point_embed.%d.weight", i);
        row[i] = mw_weight_table(n->nn.c, n->nn.w, name.s, 1, n->cfg->channels);
    }
    return mw_concat(n->nn.c, KINDS, row, 0);
}

// One token: where, and what it means.
static void put(const mw_sam_net *n, double x, double y, int kind, double *xy, int32_t *id, float *counts)
{
    xy[0] = (x + 0.5) / n->cfg->image; // the middle of the pixel
    xy[1] = (y + 0.5) / n->cfg->image;
    *id = kind;
    *counts = kind != NOT_A_POINT;
}

// All k tokens of prompt i.
static void list(const mw_sam_net *n, const mw_sam_prompt *p, int i, double *xy, int32_t *id, float *counts)
{
    int k = 0;
    for (int j = 0; j < p->npoints; j++, k++) {
        int at = i * p->npoints + j, label = p->labels[at];
        put(n, p->points[2 * at], p->points[2 * at + 1],
            label == MW_SAM_NOTHING       ? NOT_A_POINT
                : label == MW_SAM_OUTSIDE ? OUTSIDE
                                          : INSIDE,
            xy + 2 * k, id + k, counts + k);
    }
    if (!p->boxes) {
        put(n, 0, 0, NOT_A_POINT, xy + 2 * k, id + k, counts + k);
        return;
    }
    for (int corner = 0; corner < 2; corner++, k++)
        put(n, p->boxes[4 * i + 2 * corner], p->boxes[4 * i + 2 * corner + 1],
            corner ? BOTTOM_RIGHT : TOP_LEFT, xy + 2 * k, id + k, counts + k);
}

mw_tensor *mw_sam_sparse(const mw_sam_net *n, const mw_sam_prompt *p)
{
    mw_ctx *c = n->nn.c;
    int64_t k = p->npoints + (p->boxes ? 2 : 1), count = p->n * k;
    if (!p->npoints && !p->boxes)
        return NULL;
    double *xy = mw_alloc(c, 2 * (size_t)count * sizeof *xy);
    int32_t *id = mw_alloc(c, (size_t)count * sizeof *id);
    float *counts = mw_alloc(c, (size_t)count * sizeof *counts);
    mw_tensor *t = NULL;
    if (xy && id && counts) {
        for (int i = 0; i < p->n; i++)
            list(n, p, i, xy + 2 * i * k, id + i * k, counts + i * k);
        mw_dtype dtype = mw_weights_dtype(n->nn.w);
        mw_tensor *place = mw_sam_positions(n, xy, count); // nothing has no place
        place = mw_mul(c, place, mw_tensor_from_f32(c, dtype, MW_SHAPE(count, 1), counts));
        t = mw_add(c, place, mw_embedding(c, kinds(n), mw_tensor_from_i32(c, MW_SHAPE(count), id), dtype));
        t = mw_reshape(c, t, MW_SHAPE(p->n, k, n->cfg->channels));
    }
    free(xy);
    free(id);
    free(counts);
    return t;
}

// ---- coarse masks

// 2 x 2, stride 2, norm, activation.
static mw_tensor *halve(const mw_sam_net *n, int i, mw_tensor *x, int64_t out)
{
    mw_ctx *c = n->nn.c;
    const char *path = "prompt_encoder.mask_embed";
    mw_tensor *w =
        mw_weight_conv(c, n->nn.w, mw_path_of("%s.conv%d.weight", path, i).s, out, mw_dim(x, 3), 2, 2);
    mw_tensor *bias = mw_weight_vector(c, n->nn.w, mw_path_of("%s.conv%d.bias", path, i).s, out);
    x = mw_conv2d(c, x, w, bias, 2, 0, 0, NULL);
    x = mw_nn_layer_norm(&n->nn, path, mw_path_of("layer_norm%d", i).s, x, n->cfg->prompt_eps);
    return mw_activate(c, x, n->cfg->prompt_act);
}

mw_tensor *mw_sam_dense(const mw_sam_net *n, const mw_sam_prompt *p)
{
    mw_ctx *c = n->nn.c;
    const mw_sam_config *f = n->cfg;
    mw_tensor *none = mw_weight_table(c, n->nn.w, "prompt_encoder.no_mask_embed.weight", 1, f->channels);
    int64_t side = 4 * mw_sam_side(f);
    char got[64];
    if (!p->mask)
        return mw_reshape(c, none, MW_SHAPE(1, 1, 1, f->channels));
    if (p->mask->ndim != 4 || (mw_dim(p->mask, 0) != 1 && mw_dim(p->mask, 0) != p->n) ||
        mw_dim(p->mask, 1) != side || mw_dim(p->mask, 2) != side || mw_dim(p->mask, 3) != 1)
        mw_fail(c, MW_E_SHAPE, "sam: a coarse mask must be [1 or %d,%lld,%lld,1], got %s", p->n,
                (long long)side, (long long)side, mw_shape_text(p->mask, got, sizeof got));
    mw_tensor *x = halve(n, 1, mw_cast(c, p->mask, mw_weights_dtype(n->nn.w)), f->mask_channels / 4);
    x = halve(n, 2, x, f->mask_channels);
    return mw_nn_conv(&n->nn, "prompt_encoder.mask_embed", "conv3", x, f->channels, 1, NULL);
}
