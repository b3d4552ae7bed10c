// winograd_internal.c: 3x3 convolutions of stride 1 as 36 smaller matrix products (kernels/winograd.cl).
//
// Nothing is kept between calls: the 36 transformed weights, four times the size of the plain ones, are made
// from the panels in each call, for so many channels of the result at a time that they stay small. The fused
// form makes them in local memory, once for each block of tiles; where there is little to do its items make
// the patches too, in one launch.
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
    int lanes, block, chunk;
    mw_variant variant;
} form;

static const form forms[] = {
    {16, 65, 64, MW_VARIANT_WINOGRAD_16_65}, {16, 39, 32, MW_VARIANT_WINOGRAD_16_39},
    {8, 48, 32, MW_VARIANT_WINOGRAD_8},      {4, 48, 32, MW_VARIANT_WINOGRAD_4},
    {1, 0, 0, MW_VARIANT_WINOGRAD_GPU},
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

// As the structs of these names in kernels/winograd.cl.
typedef struct picture {
    int64_t image_stride, row_stride, pixel_stride;
    int32_t channels, in_h, in_w, pad, tiles_h, tiles_w;
} picture;

typedef struct cut {
    int64_t v_batch, v_item;
    int32_t first, count, block, rows, panels, own;
} cut;

// Channels of the result.
typedef struct part {
    int64_t first, n;
} part;

static part part_of(const mw_gemm *g, const tiling *p, int64_t panel)
{
    int64_t first = panel * p->columns, n = p->part * p->columns;
    return (part){first, n < g->n - first ? n : g->n - first};
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows of a register tile for n tiles: smaller ones read more for each product, by so many hundredths.
static int64_t rows_for(const form *f, int64_t n)
{
    static const struct {
        int lanes, rows, cost;
    } sizes[] = {{16, 13, 100}, {16, 8, 104}, {16, 4, 115}, {16, 2, 150}, {8, 6, 100},
                 {8, 4, 105},   {8, 2, 150},  {4, 6, 100},  {4, 4, 105},  {4, 2, 150}};
    int64_t best = 0, rows = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t cost = ceil_div(n, sizes[i].rows) * sizes[i].rows * sizes[i].cost;
        if (sizes[i].lanes == f->lanes && (!rows || cost < best)) {
            best = cost;
            rows = sizes[i].rows;
        }
    }
    return rows;
}

// Blocks of equal size and at most f->block tiles, whole register tiles each.
static void cut_blocks(const form *f, int64_t tiles, int64_t blocks, cut *s)
{
    int64_t n = ceil_div(tiles, blocks), rows = rows_for(f, n), most = f->block / rows * rows;
    n = ceil_div(n, rows) * rows;
    s->rows = (int32_t)rows;
    s->block = (int32_t)(n < most ? n : most);
}

// How `count` tiles are cut for the fused form. Each item makes its own patches where that is less work than
// a launch for them. Work in cycles: of PATCH for those of a tile, WEIGHT for a channel's of a panel.
static cut cut_of(const mw_ctx *c, const mw_gemm *g, const tiling *p, int64_t count)
{
    enum { PATCH = 150, WEIGHT = 160, LAUNCH = 40000, MOST = 1 << 17 }; // MOST: elements of an item's patches
    int64_t patches = PATCH * count * (g->channels / p->form->lanes),
            weights = WEIGHT * g->channels * p->panels;
    int64_t most = MOST / (POINTS * g->channels), best = LAUNCH;
    cut s = {.count = (int32_t)count, .panels = 1};
    most = most < p->form->block ? most : p->form->block;
    cut_blocks(p->form, count, 1, &s);
    for (int64_t parts = 1; parts <= p->panels && most > 0 && count == p->tiles; parts++) {
        int64_t each = ceil_div(p->panels, parts), blocks = ceil_div(count, most);
        int64_t busy = ceil_div(mw_device_caps(c)->compute_units, ceil_div(p->panels, each));
        blocks = blocks > busy ? blocks : busy;
        int64_t more = (parts - 1) * patches + (blocks - 1) * weights;
        if (more < best) {
            best = more;
            s.own = 1;
            s.panels = (int32_t)each;
            cut_blocks(p->form, count, blocks, &s);
        }
    }
    s.v_batch = (s.own ? s.block : count) * g->channels + SKEW;
    s.v_item = s.own ? POINTS * s.v_batch : 0;
    return s;
}

static int64_t items_of(const cut *s, int64_t panels)
{
    return ceil_div(s->count, s->block) * ceil_div(panels, s->panels);
}

static tiling tiling_of(const mw_ctx *c, const mw_gemm *g, bool fused)
{
    tiling p = {.form = form_of(mw_device_caps(c)),
                .columns = mw_gemm_columns(c, g->n),
                .tiles_h = ceil_div(g->out_h, SIDE),
                .tiles_w = ceil_div(g->out_w, SIDE)};
    p.tiles = g->rows / (g->out_h * g->out_w) * p.tiles_h * p.tiles_w;
    p.panels = ceil_div(g->n, p.columns);
    int64_t most = WEIGHT_BYTES / (POINTS * (int64_t)sizeof(float) * p.columns * g->channels);
    p.part = ceil_div(p.panels, ceil_div(p.panels, most > 0 ? most : 1));
    p.u_batch = p.part * p.columns * g->channels + SKEW;
    int64_t least = fused ? p.form->block : GPU_GROUP;
    int64_t channels = g->channels + (fused ? 0 : part_of(g, &p, 0).n);
    int64_t at_once = PATCH_BYTES / (POINTS * (int64_t)sizeof(float) * channels);
    at_once = at_once < least ? least : at_once;
    p.at_once = ceil_div(p.tiles, ceil_div(p.tiles, at_once));
    if (fused) {
        cut s = cut_of(c, g, &p, p.at_once);
        int64_t overhang = s.rows * p.form->chunk;
        p.v_size = (s.own ? items_of(&s, p.panels) * s.v_item : POINTS * s.v_batch) + overhang;
        return p;
    }
    p.v_size = POINTS * (p.at_once * g->channels + SKEW);
    p.u_size = POINTS * p.u_batch;
    p.m_size = POINTS * p.at_once * part_of(g, &p, 0).n;
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

// Counts what each way costs in multiply-adds; an element moved through memory costs as much as MOVE of them,
// one moved through the caches as CLOSE. With few tiles the weights are what moves, and are better kept in
// local memory; with many it is the patches, which the products of mw_gemm_run read less often. Below a least
// there is nothing to save that would pay for three more kernels; that of GPUs was not measured.
mw_conv_way mw_winograd_likely(const mw_ctx *c, const mw_gemm *g)
{
    enum { MOVE = 24, CLOSE = 6, WEIGHT = 3, FEW = 400 };
    const double least = mw_device_caps(c)->cpu ? 1e8 : 1e9;
    if (!mw_winograd_fits(c, g, false))
        return MW_CONV_DIRECT;
    double tiles = (double)g->rows / (double)(g->out_h * g->out_w) *
        (double)(ceil_div(g->out_h, SIDE) * ceil_div(g->out_w, SIDE));
    double weights = (double)g->channels * (double)g->n, sums = (double)(g->channels + g->n);
    double direct = (double)g->rows * 9 * weights;
    double fused = POINTS * ((tiles + WEIGHT) * weights + CLOSE * tiles * sums);
    double apart = POINTS * ((tiles + 2 * MOVE) * weights + MOVE * tiles * sums);
    if ((tiles <= FEW || direct < least) && mw_winograd_fits(c, g, true))
        return fused < 0.95 * direct ? MW_CONV_FUSED : MW_CONV_DIRECT;
    return direct >= least && apart < 0.8 * direct ? MW_CONV_WINOGRAD : MW_CONV_DIRECT;
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

static picture picture_of(const mw_gemm *g, const tiling *p)
{
    return (picture){.image_stride = g->image_stride,
                     .row_stride = g->row_stride,
                     .pixel_stride = g->pixel_stride,
                     .channels = (int32_t)g->channels,
                     .in_h = (int32_t)g->in_h,
                     .in_w = (int32_t)g->in_w,
                     .pad = g->pad,
                     .tiles_h = (int32_t)p->tiles_h,
                     .tiles_w = (int32_t)p->tiles_w};
}

static void transform_input(mw_ctx *c, const mw_gemm *g, const tiling *p, int64_t first, int64_t count,
                            int64_t v_batch, int64_t together)
{
    mw_launch l = launch_of(c, g, p, "input");
    picture from = picture_of(g, p);
    l.global[0] = p->form->lanes == 1 ? GPU_GROUP : 1;
    l.global[1] = (size_t)count;
    MW_RUN(c, &l, MW_T(g->x), MW_T(p->v), MW_STRUCT(&from), MW_I(first), MW_I(together), MW_L(v_batch));
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

// The tiles [first, first + count) with products and transformed weights in local memory.
static void run_fused(mw_ctx *c, const mw_gemm *g, const tiling *p, int64_t first, int64_t count)
{
    cut s = cut_of(c, g, p, count);
    picture from = picture_of(g, p);
    s.first = (int32_t)first;
    if (!s.own)
        transform_input(c, g, p, first, count, s.v_batch, p->form->chunk);
    mw_launch l = launch_of(c, g, p, "fused");
    l.global[0] = (size_t)items_of(&s, p->panels);
    l.products = 2.0 * POINTS * (double)count * (double)g->channels * (double)g->n;
    MW_RUN(c, &l, MW_T(g->x), MW_T(p->v), MW_T(g->w), MW_T(g->bias), MW_T(g->residual), MW_T(g->y),
           MW_STRUCT(&from), MW_STRUCT(&s), MW_I(g->n), MW_I(g->out_h), MW_I(g->out_w),
           MW_I(mw_gemm_flags(g)));
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
