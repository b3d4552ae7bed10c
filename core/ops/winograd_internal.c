// winograd_internal.c: 3x3 convolutions of stride 1 as 36 smaller matrix products (kernels/winograd.cl).
//
// Nothing is kept between calls: the 36 transformed weights, four times the size of the plain ones, are made
// from the panels in each call, which costs less than 5 % of it where the method pays.
#include "core/ops/gemm_internal.h"

enum {
    POINTS = 36,            // 6 x 6 products for
    SIDE = 4,               // 4 x 4 results
    PATCH_BYTES = 16 << 20, // patches and products in flight: they should stay in the cache
    GPU_GROUP = 64,         // channels side by side in the GPU family
    SKEW = 16,              // elements between the 36 planes, so that they do not fall on the same cache sets
};

static int lanes_of(const mw_caps *caps)
{
    return !caps->cpu ? 1 : caps->vector_width >= 16 ? 16 : caps->vector_width >= 8 ? 8 : 4;
}

bool mw_winograd_fits(const mw_ctx *c, const mw_gemm *g)
{
    int lanes = lanes_of(mw_device_caps(c));
    return g->stride == 1 && g->taps_w == 3 && g->k == 9 * g->channels && g->batch == 1 && g->alpha == 1 &&
        g->act == MW_ACT_NONE && g->channels % lanes == 0 && g->n % lanes == 0;
}

// Counts what each way costs in multiply-adds; an element moved through memory costs as much as MOVE of them.
// Below LEAST there is nothing to save that would pay for compiling three more kernels.
bool mw_winograd_pays(const mw_gemm *g)
{
    enum { MOVE = 24, LEAST = 1000000000 };
    double tiles =
        (double)g->rows / g->out_h / g->out_w * (double)((g->out_h + 3) / 4) * (double)((g->out_w + 3) / 4);
    double weights = (double)g->channels * (double)g->n, sums = (double)(g->channels + g->n);
    double direct = (double)g->rows * 9 * weights;
    double winograd = POINTS * (tiles * weights + MOVE * (2 * weights + tiles * sums));
    return direct > LEAST && winograd < 0.8 * direct;
}

static const char *defines(int lanes)
{
    return lanes == 16 ? "-DVL=16" : lanes == 8 ? "-DVL=8" : lanes == 4 ? "-DVL=4" : "-DVL=1";
}

typedef struct plan {
    int lanes;
    int64_t columns, tiles_h, tiles_w, tiles, panels;
    int64_t u_batch;
    mw_tensor *u, *v, *m;
} plan;

static mw_status transform_weights(mw_ctx *c, const mw_gemm *g, const plan *p)
{
    mw_launch l = {.file = "winograd",
                   .entry = "weights",
                   .defs = defines(p->lanes),
                   .t = g->x->dtype,
                   .w = g->w->dtype,
                   .dims = 3,
                   .global = {p->lanes == 1 ? (size_t)p->columns : 1, (size_t)g->channels, (size_t)p->panels},
                   .local = {mw_gemm_group(c), 1, 1}};
    return MW_RUN(c, &l, MW_T(g->w), MW_T(p->u), MW_I(g->channels), MW_I(p->columns), MW_L(p->u_batch));
}

// The tiles [first, first + count).
static mw_status run_tiles(mw_ctx *c, const mw_gemm *g, const plan *p, int64_t first, int64_t count)
{
    bool gpu = p->lanes == 1;
    int64_t v_batch = count * g->channels + SKEW;
    mw_launch l = {.file = "winograd",
                   .entry = "input",
                   .defs = defines(p->lanes),
                   .t = g->x->dtype,
                   .w = g->w->dtype,
                   .dims = 2,
                   .global = {gpu ? GPU_GROUP : 1, (size_t)count},
                   .local = {mw_gemm_group(c), 1}};
    MW_RUN(c, &l, MW_T(g->x), MW_T(p->v), MW_I(first), MW_I(g->channels), MW_I(p->tiles_h), MW_I(p->tiles_w),
           MW_I(g->in_h), MW_I(g->in_w), MW_I(g->pad), MW_L(g->image_stride), MW_L(g->row_stride),
           MW_L(g->pixel_stride), MW_L(v_batch));
    mw_gemm products = {.x = p->v,
                        .w = p->u,
                        .y = p->m,
                        .rows = count,
                        .n = g->n,
                        .k = g->channels,
                        .channels = g->channels,
                        .taps_w = 1,
                        .in_h = 1,
                        .in_w = count,
                        .out_h = 1,
                        .out_w = count,
                        .pixel_stride = g->channels,
                        .stride = 1,
                        .batch = POINTS,
                        .x_batch = v_batch,
                        .w_batch = p->u_batch,
                        .alpha = 1,
                        .act = MW_ACT_NONE};
    mw_gemm_run(c, &products);
    l.entry = "output";
    return MW_RUN(c, &l, MW_T(p->m), MW_T(g->bias), MW_T(g->residual), MW_T(g->y), MW_I(first), MW_I(g->n),
                  MW_I(p->tiles_h), MW_I(p->tiles_w), MW_I(g->out_h), MW_I(g->out_w), MW_L(count * g->n),
                  MW_I(g->bias != NULL), MW_I(g->residual != NULL));
}

mw_status mw_winograd_run(mw_ctx *c, const mw_gemm *g)
{
    mw_scope_begin(c);
    plan p = {.lanes = lanes_of(mw_device_caps(c)),
              .columns = mw_gemm_columns(c, g->n),
              .tiles_h = (g->out_h + SIDE - 1) / SIDE,
              .tiles_w = (g->out_w + SIDE - 1) / SIDE};
    p.tiles = g->rows / (g->out_h * g->out_w) * p.tiles_h * p.tiles_w;
    p.panels = (g->n + p.columns - 1) / p.columns;
    p.u_batch = p.panels * p.columns * g->channels + SKEW;
    int64_t at_once = PATCH_BYTES / (POINTS * (int64_t)sizeof(float) * (g->channels + g->n));
    at_once = at_once < 64 ? 64 : at_once;
    int64_t parts = (p.tiles + at_once - 1) / at_once;
    at_once = (p.tiles + parts - 1) / parts;
    p.u = mw_tensor_new(c, MW_F32, MW_SHAPE(POINTS * p.u_batch));
    p.v = mw_tensor_new(c, MW_F32, MW_SHAPE(POINTS * (at_once * g->channels + SKEW)));
    p.m = mw_tensor_new(c, MW_F32, MW_SHAPE(POINTS * at_once * g->n));
    mw_gemm r = *g;
    r.bias = mw_contiguous(c, mw_cast(c, g->bias, g->w->dtype));
    r.residual = mw_contiguous(c, mw_cast(c, g->residual, g->x->dtype));
    if (!mw_err(c))
        transform_weights(c, &r, &p);
    for (int64_t first = 0; first < p.tiles && !mw_err(c); first += at_once)
        run_tiles(c, &r, &p, first, first + at_once < p.tiles ? at_once : p.tiles - first);
    mw_scope_end(c, NULL);
    return mw_err(c);
}
