// winograd_internal.c: 3x3 convolutions of stride 1 as 36 smaller matrix products (kernels/winograd.cl).
//
// Nothing is kept between calls: the 36 transformed weights, four times the size of the plain ones, are made
// from the panels in each call, for so many channels of the result at a time that they stay small. The fused
// form makes them in local memory, once for each block of tiles.
#include "core/ops/gemm_internal.h"

enum {
    POINTS = 36,             // 6 x 6 products for
    SIDE = 4,                // 4 x 4 results
    PATCH_BYTES = 16 << 20,  // patches and products in flight: they should stay in the cache
    WEIGHT_BYTES = 40 << 20, // transformed weights at a time; each part reads all patches again
    GPU_GROUP = 64,          // channels side by side in the GPU family
    SHARE = 8, // of the memory limit that patches and weights may take: not of what is free, so that the same
               // recipe goes the same way whatever else is in memory
    SKEW = 16, // elements between the 36 planes, so that they do not fall on the same cache sets
};

// Sizes of the fused form, the same as in the variant; kernels/winograd.cl has the register tile of
// kernels/gemm.cl.
typedef struct form {
    int lanes, tile_rows, block, chunk;
    mw_variant variant;
} form;

static const form forms[] = {
    {16, 13, 65, 64, MW_VARIANT_WINOGRAD_16_65}, {16, 13, 39, 32, MW_VARIANT_WINOGRAD_16_39},
    {8, 6, 48, 32, MW_VARIANT_WINOGRAD_8},       {4, 6, 48, 32, MW_VARIANT_WINOGRAD_4},
    {1, 0, 0, 0, MW_VARIANT_WINOGRAD_GPU},
};

static int lanes_of(const mw_caps *caps)
{
    return !caps->cpu ? 1 : caps->vector_width >= 16 ? 16 : caps->vector_width >= 8 ? 8 : 4;
}

static size_t local_bytes(const form *f)
{
    return (size_t)(POINTS * (f->block + f->chunk + 1) * 2 * f->lanes) * sizeof(float);
}

// The largest form that the device's local memory holds; the smallest one when it holds none.
static const form *form_of(const mw_caps *caps)
{
    int lanes = lanes_of(caps);
    const form *f = forms;
    while (f->lanes != lanes || (local_bytes(f) > caps->local_bytes && f[1].lanes == lanes))
        f++;
    return f;
}

typedef struct tiling {
    const form *form;
    int64_t columns, tiles_h, tiles_w, tiles, at_once;
    int64_t panels, part, u_batch;  // part: panels whose weights are transformed at a time
    int64_t u_size, v_size, m_size; // elements; u and m: 0 in the fused form
    mw_tensor *u, *v, *m;
} tiling;

// Channels of the result.
typedef struct part {
    int64_t first, n;
} part;

static part part_of(const mw_gemm *g, const tiling *p, int64_t panel)
{
    int64_t first = panel * p->columns, n = p->part * p->columns;
    return (part){first, n < g->n - first ? n : g->n - first};
}

static tiling tiling_of(const mw_ctx *c, const mw_gemm *g, bool fused)
{
    tiling p = {.form = form_of(mw_device_caps(c)),
                .columns = mw_gemm_columns(c, g->n),
                .tiles_h = (g->out_h + SIDE - 1) / SIDE,
                .tiles_w = (g->out_w + SIDE - 1) / SIDE};
    p.tiles = g->rows / (g->out_h * g->out_w) * p.tiles_h * p.tiles_w;
    p.panels = (g->n + p.columns - 1) / p.columns;
    int64_t most = WEIGHT_BYTES / (POINTS * (int64_t)sizeof(float) * p.columns * g->channels);
    most = most > 0 ? most : 1;
    int64_t cuts = (p.panels + most - 1) / most;
    p.part = (p.panels + cuts - 1) / cuts;
    p.u_batch = p.part * p.columns * g->channels + SKEW;
    int64_t least = fused ? p.form->block : GPU_GROUP;
    int64_t channels = g->channels + (fused ? 0 : part_of(g, &p, 0).n);
    int64_t at_once = PATCH_BYTES / (POINTS * (int64_t)sizeof(float) * channels);
    at_once = at_once < least ? least : at_once;
    int64_t parts = (p.tiles + at_once - 1) / at_once;
    p.at_once = (p.tiles + parts - 1) / parts;
    int64_t overhang = fused ? p.form->tile_rows * p.form->chunk : 0;
    p.v_size = POINTS * (p.at_once * g->channels + SKEW) + overhang;
    p.u_size = fused ? 0 : POINTS * p.u_batch;
    p.m_size = fused ? 0 : POINTS * p.at_once * part_of(g, &p, 0).n;
    return p;
}

bool mw_winograd_fits(const mw_ctx *c, const mw_gemm *g, bool fused)
{
    const mw_caps *caps = mw_device_caps(c);
    const form *f = form_of(caps);
    if (fused && (f->lanes == 1 || local_bytes(f) > caps->local_bytes || g->channels % f->chunk != 0))
        return false;
    if (g->stride != 1 || g->taps_w != 3 || g->k != 9 * g->channels || g->batch != 1 || g->alpha != 1 ||
        g->act != MW_ACT_NONE || g->channels % f->lanes != 0 || g->n % f->lanes != 0)
        return false;
    tiling p = tiling_of(c, g, fused);
    uint64_t bytes = (uint64_t)(p.u_size + p.v_size + p.m_size) * sizeof(float);
    return bytes <= mw_memory_limit(c) / SHARE;
}

// Counts what each way costs in multiply-adds; an element moved through memory costs as much as MOVE of them.
// With few tiles the weights are what moves, and are better kept in local memory; with many it is the
// patches, which the products of mw_gemm_run read less often. Below LEAST there is nothing to save that would
// pay for more kernels.
mw_conv_way mw_winograd_likely(const mw_ctx *c, const mw_gemm *g)
{
    enum { MOVE = 24, WEIGHT = 4, FEW = 400, LEAST = 1000000000 };
    if (!mw_winograd_fits(c, g, false))
        return MW_CONV_DIRECT;
    double tiles = (double)g->rows / (double)(g->out_h * g->out_w) * (double)((g->out_h + 3) / 4) *
        (double)((g->out_w + 3) / 4);
    double weights = (double)g->channels * (double)g->n, sums = (double)(g->channels + g->n);
    double direct = (double)g->rows * 9 * weights;
    bool fused = tiles <= FEW && mw_winograd_fits(c, g, true);
    double winograd = POINTS * ((tiles + (fused ? WEIGHT : 2 * MOVE)) * weights + MOVE * tiles * sums);
    if (direct < LEAST || winograd > 0.8 * direct)
        return MW_CONV_DIRECT;
    return fused ? MW_CONV_FUSED : MW_CONV_WINOGRAD;
}

static mw_launch launch_of(mw_ctx *c, const mw_gemm *g, const tiling *p, const char *entry)
{
    return (mw_launch){.file = "winograd",
                       .entry = entry,
                       .variant = p->form->variant,
                       .t = g->x->dtype,
                       .w = g->w->dtype,
                       .dims = 3,
                       .global = {1, 1, 1},
                       .local = {mw_gemm_group(c), 1, 1}};
}

static void transform_weights(mw_ctx *c, const mw_gemm *g, const tiling *p, int64_t first)
{
    mw_launch l = launch_of(c, g, p, "weights");
    l.global[0] = p->form->lanes == 1 ? (size_t)p->columns : 1;
    l.global[1] = (size_t)g->channels;
    l.global[2] = (size_t)(first + p->part < p->panels ? p->part : p->panels - first);
    MW_RUN(c, &l, MW_T(g->w), MW_T(p->u), MW_I(first), MW_I(g->channels), MW_I(p->columns), MW_L(p->u_batch));
}

static void transform_input(mw_ctx *c, const mw_gemm *g, const tiling *p, int64_t first, int64_t count,
                            int64_t v_batch, int64_t together)
{
    mw_launch l = launch_of(c, g, p, "input");
    l.global[0] = p->form->lanes == 1 ? GPU_GROUP : 1;
    l.global[1] = (size_t)count;
    MW_RUN(c, &l, MW_T(g->x), MW_T(p->v), MW_I(first), MW_I(g->channels), MW_I(together), MW_I(p->tiles_h),
           MW_I(p->tiles_w), MW_I(g->in_h), MW_I(g->in_w), MW_I(g->pad), MW_L(g->image_stride),
           MW_L(g->row_stride), MW_L(g->pixel_stride), MW_L(v_batch));
}

// The tiles [first, first + count) with the products of mw_gemm_run, for some channels of the result.
static void run_apart(mw_ctx *c, const mw_gemm *g, const tiling *p, part some, int64_t first, int64_t count)
{
    int64_t v_batch = count * g->channels + SKEW;
    transform_input(c, g, p, first, count, v_batch, g->channels);
    mw_gemm products = {.x = p->v,
                        .w = p->u,
                        .y = p->m,
                        .rows = count,
                        .n = some.n,
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
    mw_launch l = launch_of(c, g, p, "output");
    l.global[0] = p->form->lanes == 1 ? GPU_GROUP : 1;
    l.global[1] = (size_t)count;
    MW_RUN(c, &l, MW_T(p->m), MW_T(g->bias), MW_T(g->residual), MW_T(g->y), MW_I(first), MW_I(some.first),
           MW_I(some.n), MW_I(g->n), MW_I(p->tiles_h), MW_I(p->tiles_w), MW_I(g->out_h), MW_I(g->out_w),
           MW_L(count * some.n), MW_I(mw_gemm_flags(g)));
}

// The tiles [first, first + count) in blocks of equal numbers of register tiles.
static void run_fused(mw_ctx *c, const mw_gemm *g, const tiling *p, int64_t first, int64_t count)
{
    int64_t v_batch = count * g->channels + SKEW;
    int64_t rows = (count + p->form->tile_rows - 1) / p->form->tile_rows,
            most = p->form->block / p->form->tile_rows;
    int64_t blocks = (rows + most - 1) / most, block = (rows + blocks - 1) / blocks * p->form->tile_rows;
    transform_input(c, g, p, first, count, v_batch, p->form->chunk);
    mw_launch l = launch_of(c, g, p, "fused");
    l.global[0] = (size_t)((count + block - 1) / block * p->panels);
    l.products = 2.0 * POINTS * (double)count * (double)g->channels * (double)g->n;
    MW_RUN(c, &l, MW_T(p->v), MW_T(g->w), MW_T(g->bias), MW_T(g->residual), MW_T(g->y), MW_I(first),
           MW_I(count), MW_I(block), MW_I(g->channels), MW_I(g->n), MW_I(p->tiles_h), MW_I(p->tiles_w),
           MW_I(g->out_h), MW_I(g->out_w), MW_L(v_batch), MW_I(mw_gemm_flags(g)));
}

mw_status mw_winograd_run(mw_ctx *c, const mw_gemm *g, bool fused)
{
    mw_scope_begin(c);
    tiling p = tiling_of(c, g, fused);
    p.v = mw_tensor_new(c, MW_F32, MW_SHAPE(p.v_size));
    if (!fused) {
        p.u = mw_tensor_new(c, MW_F32, MW_SHAPE(p.u_size));
        p.m = mw_tensor_new(c, MW_F32, MW_SHAPE(p.m_size));
    }
    mw_gemm r = *g;
    mw_gemm_extras(c, &r);
    for (int64_t panel = 0; panel < p.panels && !mw_err(c); panel += fused ? p.panels : p.part) {
        if (!fused)
            transform_weights(c, &r, &p, panel);
        for (int64_t first = 0; first < p.tiles && !mw_err(c); first += p.at_once) {
            int64_t count = first + p.at_once < p.tiles ? p.at_once : p.tiles - first;
            if (fused)
                run_fused(c, &r, &p, first, count);
            else
                run_apart(c, &r, &p, part_of(&r, &p, panel), first, count);
        }
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}
