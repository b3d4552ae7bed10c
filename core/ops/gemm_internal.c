// gemm_internal.c: packing of weights, and the one launch behind linear, conv2d and matmul.
#include "core/ops/blocks_internal.h"

#include <stdio.h>
#include <string.h>

// How the kernels of the CPU family cut the work.
typedef struct cut {
    int lanes, tile_rows, middle_rows, columns, chunk, block_rows, block_columns;
    mw_variant variant, blocks; // the same for kernels/gemm.cl; where x is in blocks
} cut;

enum { GPU_COLUMNS = 128 };

size_t mw_gemm_group(const mw_ctx *c)
{
    const mw_caps *caps = mw_device_caps(c);
    return caps->cpu ? 1 : caps->max_group >= 64 ? 64 : 0;
}

// The widest vectors, and the largest blocks that the device's local memory holds; the last ones fit 32 KiB.
static const cut *cpu_cut(const mw_caps *caps)
{
    static const cut cuts[] = {
        {16, 13, 8, 32, 384, 130, 320, MW_VARIANT_GEMM_16_LARGE, MW_VARIANT_GEMM_16_LARGE_BLOCKS},
        {16, 13, 8, 32, 64, 26, 96, MW_VARIANT_GEMM_16_SMALL, MW_VARIANT_GEMM_16_SMALL_BLOCKS},
        {8, 6, 4, 16, 256, 96, 320, MW_VARIANT_GEMM_8_LARGE, MW_VARIANT_GEMM_8_LARGE_BLOCKS},
        {8, 6, 4, 16, 64, 24, 96, MW_VARIANT_GEMM_8_SMALL, MW_VARIANT_GEMM_8_SMALL_BLOCKS},
        {4, 6, 4, 8, 256, 96, 320, MW_VARIANT_GEMM_4_LARGE, MW_VARIANT_GEMM_4_LARGE_BLOCKS},
        {4, 6, 4, 8, 64, 24, 96, MW_VARIANT_GEMM_4_SMALL, MW_VARIANT_GEMM_4_SMALL_BLOCKS},
    };
    int lanes = caps->vector_width >= 16 ? 16 : caps->vector_width >= 8 ? 8 : 4;
    const cut *u = cuts;
    while (u->lanes != lanes)
        u++;
    enum { PITCH_SKEW = 16, ROW_BYTES = 16 };
    int floats = u->block_rows * (u->chunk + PITCH_SKEW + u->block_columns) + u->chunk * u->columns;
    return (size_t)floats * sizeof(float) + (size_t)u->block_rows * ROW_BYTES <= caps->local_bytes ? u
                                                                                                   : u + 1;
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t mw_gemm_columns(const mw_ctx *c, int64_t n)
{
    const mw_caps *caps = mw_device_caps(c);
    return caps->cpu ? cpu_cut(caps)->columns : ceil_div(n, GPU_COLUMNS) * GPU_COLUMNS;
}

static void pack_into(mw_ctx *c, const mw_tensor *w, const mw_gemm_weight *g, const mw_tensor *y)
{
    enum { CPU_ROWS = 128, CPU_ROWS_OF_TAPS = 32, GPU_ROWS = 4 };
    int64_t columns = mw_gemm_columns(c, g->n), panels = ceil_div(g->n, columns);
    bool cpu = mw_device_caps(c)->cpu;
    int rows = !cpu ? GPU_ROWS : g->taps_h * g->taps_w == 1 ? CPU_ROWS : CPU_ROWS_OF_TAPS;
    size_t parts = (size_t)ceil_div(g->channels, rows), all = (size_t)(panels * g->batch);
    mw_launch l = {.file = "pack", .entry = "pack", .t = w->dtype, .w = w->dtype, .dims = cpu ? 2 : 3};
    if (cpu)
        memcpy(l.global, (size_t[]){parts, all}, 2 * sizeof *l.global);
    else
        memcpy(l.global, (size_t[]){(size_t)columns, parts, all}, sizeof l.global);
    memcpy(l.local, (size_t[]){mw_gemm_group(c), 1, 1}, sizeof l.local);
    MW_RUN(c, &l, MW_T(w), MW_T(y), MW_I(g->n), MW_I(g->channels), MW_I(g->taps_h), MW_I(g->taps_w),
           MW_I(columns), MW_I(rows), MW_L(g->batch_stride), MW_L(g->n_stride), MW_L(g->channel_stride),
           MW_L(g->tap_y_stride), MW_L(g->tap_x_stride));
}

mw_tensor *mw_gemm_pack(mw_ctx *c, const mw_tensor *w, const mw_gemm_weight *g)
{
    int64_t columns = mw_gemm_columns(c, g->n), depth = g->taps_h * g->taps_w * g->channels;
    mw_tensor *y = mw_tensor_new(c, w->dtype, MW_SHAPE(g->batch * ceil_div(g->n, columns) * columns * depth));
    if (y)
        pack_into(c, w, g, y);
    return mw_err(c) ? NULL : y;
}

static mw_gemm_weight plain_weight(const mw_tensor *w)
{
    bool taps = w->ndim == 4;
    return (mw_gemm_weight){.batch = 1,
                            .n = w->shape[0],
                            .channels = w->shape[1],
                            .taps_h = taps ? w->shape[2] : 1,
                            .taps_w = taps ? w->shape[3] : 1,
                            .n_stride = w->stride[0],
                            .channel_stride = w->stride[1],
                            .tap_y_stride = taps ? w->stride[2] : 0,
                            .tap_x_stride = taps ? w->stride[3] : 0};
}

mw_tensor *mw_gemm_prepare(mw_ctx *c, mw_tensor *w)
{
    if (mw_err(c) || !w || w->packing == MW_PACKING_PANELS)
        return mw_err(c) ? NULL : w;
    if (w->packing) {
        mw_fail(c, MW_E_ARG, "%s is in blocks of codes, which only linear layers and embeddings read",
                w->label ? w->label : "the weight");
        return NULL;
    }
    mw_gemm_weight g = plain_weight(w);
    mw_tensor *p = mw_gemm_pack(c, w, &g);
    if (!p)
        return NULL;
    mw_gemm_shape_weight(p, w);
    mw_made_from(p, w);
    return p;
}

mw_status mw_prepare_again(mw_ctx *c, mw_tensor *packed, mw_tensor *w)
{
    char have[96], want[96];
    if (mw_err(c) || !packed || !w || !mw_tensor_here(c, w))
        return mw_err(c);
    if (packed->packing != MW_PACKING_PANELS || w->packing || !mw_same_shape(packed, w) || w->dtype > MW_F16)
        return mw_fail(c, MW_E_SHAPE, "%s %s cannot be prepared again from %s",
                       packed->label ? packed->label : "a weight", mw_shape_text(packed, have, sizeof have),
                       mw_shape_text(w, want, sizeof want));
    mw_scope_begin(c);
    mw_tensor *same = mw_cast(c, w, packed->dtype);
    if (same && mw_change(c, packed)) {
        mw_gemm_weight g = plain_weight(same);
        pack_into(c, same, &g, packed);
        mw_made_from(packed, w);
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

void mw_gemm_shape_weight(mw_tensor *packed, const mw_tensor *w)
{
    packed->ndim = w->ndim;
    memcpy(packed->shape, w->shape, sizeof packed->shape);
    int64_t stride = 1;
    for (int i = w->ndim - 1; i >= 0; i--) {
        packed->stride[i] = stride;
        stride *= w->shape[i];
    }
    packed->label = w->label;
    packed->packing = MW_PACKING_PANELS;
}

// The largest equal parts of `tiles` that are at most `most`.
static int64_t even_part(int64_t tiles, int64_t most) { return ceil_div(tiles, ceil_div(tiles, most)); }

// Chunks of K end with a tap, or cut each tap evenly.
static int64_t chunk_of(const mw_gemm *g, int64_t most)
{
    int64_t chunk = g->channels <= most ? most / g->channels * g->channels : even_part(g->channels, most);
    if (mw_is_blocks(g->x))
        chunk = ceil_div(chunk, MW_BLOCKS_AT_ONCE) * MW_BLOCKS_AT_ONCE;
    return chunk < g->k ? chunk : g->k;
}

int mw_gemm_flags(const mw_gemm *g) { return (g->bias ? 1 : 0) | (g->residual ? 2 : 0); }

// What both families' kernels take behind their operands: the struct of that name in kernels/prelude.cl.
typedef struct product {
    int64_t image_stride, row_stride, pixel_stride, x_batch, w_batch, row_bytes;
    int32_t rows, n, k, channels, taps_w, out_h, out_w, in_h, in_w, stride, pad;
    float alpha;
    int32_t act, flags;
    int32_t chunk, rows_of_tile, tiles_m, tiles_n; // CPU family
    int32_t pitch;                                 // GPU family
    int32_t type, group;                           // of x in blocks
} product;

static product product_of(const mw_gemm *g)
{
    return (product){.image_stride = g->image_stride,
                     .row_stride = g->row_stride,
                     .pixel_stride = g->pixel_stride,
                     .x_batch = g->x_batch,
                     .w_batch = g->w_batch,
                     .rows = (int32_t)g->rows,
                     .n = (int32_t)g->n,
                     .k = (int32_t)g->k,
                     .channels = (int32_t)g->channels,
                     .taps_w = (int32_t)g->taps_w,
                     .out_h = (int32_t)g->out_h,
                     .out_w = (int32_t)g->out_w,
                     .in_h = (int32_t)g->in_h,
                     .in_w = (int32_t)g->in_w,
                     .stride = g->stride,
                     .pad = g->pad,
                     .alpha = (float)g->alpha,
                     .act = (int32_t)g->act,
                     .flags = mw_gemm_flags(g)};
}

static double operations_of(const mw_gemm *g)
{
    return 2.0 * (double)g->rows * (double)g->n * (double)g->k * (double)g->batch;
}

static mw_status launch(mw_ctx *c, const mw_launch *l, const mw_gemm *g, const product *p)
{
    return MW_RUN(c, l, MW_T(g->x), MW_T(g->w), MW_T(g->bias), MW_T(g->residual), MW_T(g->y), MW_STRUCT(p));
}

// Rows of a register tile. Smaller ones read more for each product, which counts where they leave no less
// empty.
static int tile_rows(const cut *u, int64_t rows)
{
    enum { SMALL = 2, PERCENT = 108 };
    if (rows <= SMALL)
        return SMALL;
    int64_t full = ceil_div(rows, u->tile_rows) * u->tile_rows;
    return ceil_div(rows, u->middle_rows) * u->middle_rows * PERCENT < full * 100 ? u->middle_rows
                                                                                  : u->tile_rows;
}

static mw_status run_cpu(mw_ctx *c, const mw_gemm *g, const mw_caps *caps)
{
    enum {
        SMALL = 1 << 24,
        FEW = 2,
        MANY = 4
    }; // groups for a unit; many are better for units of unequal speed
    int64_t groups = caps->compute_units * (operations_of(g) < SMALL ? FEW : MANY);
    const cut *u = cpu_cut(caps);
    int high = tile_rows(u, g->rows);
    int64_t tiles_m = ceil_div(g->rows, high), tiles_n = ceil_div(g->n, u->columns);
    int64_t m = even_part(tiles_m, u->block_rows / high);
    int64_t n = even_part(tiles_n, u->block_columns / u->columns);
    while (ceil_div(tiles_m, m) * ceil_div(tiles_n, n) * g->batch < groups && (m > 1 || n > 1)) {
        if (n * u->columns > m * high && n > 1)
            n = ceil_div(n, 2);
        else if (m > 1)
            m = ceil_div(m, 2);
        else
            n = ceil_div(n, 2);
    }
    mw_launch l = {.file = "gemm",
                   .entry = "gemm",
                   .variant = mw_is_blocks(g->x) ? u->blocks : u->variant,
                   .t = g->y->dtype,
                   .w = g->w->dtype,
                   .dims = 2,
                   .global = {(size_t)(ceil_div(tiles_m, m) * ceil_div(tiles_n, n)), (size_t)g->batch},
                   .local = {1, 1},
                   .products = operations_of(g)};
    product p = product_of(g);
    p.chunk = (int32_t)chunk_of(g, u->chunk);
    p.rows_of_tile = high;
    p.tiles_m = (int32_t)m;
    p.tiles_n = (int32_t)n;
    if (mw_is_blocks(g->x))
        mw_blocks_facts(g->x, &p.row_bytes, &p.type, &p.group);
    return launch(c, &l, g, &p);
}

enum { GPU_SMALL = 4, GPU_LARGE = 8 }; // results of an item along each side

// Items along a side of a work-group.
static size_t gpu_side(const mw_caps *caps)
{
    return caps->max_group >= 256 ? 16 : caps->max_group >= 64 ? 8 : 4;
}

static mw_variant gpu_variant(size_t side, int results)
{
    static const mw_variant variants[3][2] = {
        {MW_VARIANT_GEMM_GPU_4_SMALL, MW_VARIANT_GEMM_GPU_4_LARGE},
        {MW_VARIANT_GEMM_GPU_8_SMALL, MW_VARIANT_GEMM_GPU_8_LARGE},
        {MW_VARIANT_GEMM_GPU_16_SMALL, MW_VARIANT_GEMM_GPU_16_LARGE},
    };
    return variants[side == 4 ? 0 : side == 8 ? 1 : 2][results == GPU_LARGE];
}

static mw_status run_gpu(mw_ctx *c, const mw_gemm *g, const mw_caps *caps, int results)
{
    size_t side = gpu_side(caps), tile = (size_t)results * side;
    size_t columns = (size_t)ceil_div(g->n, (int64_t)tile), rows = (size_t)ceil_div(g->rows, (int64_t)tile);
    mw_launch l = {.file = "gemm_gpu",
                   .entry = "gemm",
                   .variant = gpu_variant(side, results),
                   .t = g->x->dtype,
                   .w = g->w->dtype,
                   .dims = 3,
                   .global = {columns * side, rows * side, (size_t)g->batch},
                   .local = {side, side, 1},
                   .products = operations_of(g)};
    product p = product_of(g);
    p.pitch = (int32_t)mw_gemm_columns(c, g->n);
    return launch(c, &l, g, &p);
}

// Large tiles read less; small ones where large ones would leave units without work.
static int gpu_results(const mw_gemm *g, const mw_caps *caps)
{
    int64_t tile = GPU_LARGE * (int64_t)gpu_side(caps);
    int64_t groups = ceil_div(g->rows, tile) * ceil_div(g->n, tile) * g->batch;
    return groups >= 2 * caps->compute_units ? GPU_LARGE : GPU_SMALL;
}

// f32, and x a plain matrix with rows at one distance.
static bool blas_takes(const mw_gemm *g)
{
    return g->x->dtype == MW_F32 && g->w->dtype == MW_F32 && g->k == g->channels && g->stride == 1 &&
        g->pad == 0 && g->pixel_stride >= g->k &&
        (g->in_h == 1 || g->row_stride == g->in_w * g->pixel_stride) &&
        (g->rows == g->in_h * g->in_w || g->image_stride == g->in_h * g->in_w * g->pixel_stride);
}

static mw_status run_blas(mw_ctx *c, const mw_gemm *g, const mw_caps *caps)
{
    mw_matrix a = {g->x, g->pixel_stride, g->x_batch}, b = {g->w, mw_gemm_columns(c, g->n), g->w_batch};
    if (!mw_run_blas(c, g->rows, g->n, g->k, g->batch, g->alpha, a, b,
                     (mw_matrix){g->y, g->n, g->rows * g->n}))
        return run_gpu(c, g, caps, gpu_results(g, caps));
    if (!g->bias && !g->residual && g->act == MW_ACT_NONE)
        return MW_OK;
    mw_launch l = {.file = "gemm_gpu",
                   .entry = "finish",
                   .variant = MW_VARIANT_GEMM_GPU_16_SMALL,
                   .t = g->x->dtype,
                   .w = g->w->dtype,
                   .dims = 1,
                   .global = {(size_t)(g->rows * g->n)}};
    return MW_RUN(c, &l, MW_T(g->bias), MW_T(g->residual), MW_T(g->y), MW_I(g->n), MW_I(g->act),
                  MW_I(mw_gemm_flags(g)));
}

const char *mw_gemm_key_of(const char *op, const mw_gemm *g, mw_gemm_key key)
{
    int classes[3] = {0, 0, 0};
    const int64_t sizes[3] = {g->rows, g->n, g->k};
    for (int i = 0; i < 3; i++)
        while (classes[i] < 40 && ((int64_t)1 << classes[i]) < sizes[i])
            classes[i]++;
    snprintf(key, sizeof(mw_gemm_key), "%s %s %s %d %d %d%s", op, mw_dtype_name(g->x->dtype),
             mw_dtype_name(g->w->dtype), classes[0], classes[1], classes[2], g->batch > 1 ? " batch" : "");
    return key;
}

void mw_gemm_extras(mw_ctx *c, mw_gemm *g)
{
    g->bias = mw_contiguous(c, mw_cast(c, g->bias, MW_F32));
    g->residual = mw_contiguous(c, mw_cast(c, g->residual, g->y->dtype));
}

mw_status mw_gemm_run(mw_ctx *c, const mw_gemm *g)
{
    static const char *const ways[] = {"small", "large", "clblast", NULL};
    if (mw_err(c) || c->dry)
        return mw_err(c);
    mw_scope_begin(c);
    mw_gemm r = *g;
    mw_gemm_key key;
    mw_gemm_extras(c, &r);
    if (!mw_err(c)) {
        const mw_caps *caps = mw_device_caps(c);
        int way = caps->cpu ? -1 : mw_tune_find(c, mw_gemm_key_of("gemm", g, key), ways);
        if (caps->cpu)
            run_cpu(c, &r, caps);
        else if (way == 2 && blas_takes(g))
            run_blas(c, &r, caps);
        else
            run_gpu(c, &r, caps, way == 0 ? GPU_SMALL : way == 1 ? GPU_LARGE : gpu_results(g, caps));
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

mw_status mw_gemm_check(mw_ctx *c, const mw_call *k, int64_t rows, int64_t n, int64_t depth)
{
    for (int i = 0; i < 2; i++)
        if (k->in[i]->dtype != MW_F32 && k->in[i]->dtype != MW_F16 && !mw_is_blocks(k->in[i]))
            return mw_op_fail(c, k, "input %d is %s, not f32 or f16", i + 1, mw_dtype_name(k->in[i]->dtype));
    int64_t most = INT32_MAX - 1024;
    if (rows > most || n > most || depth > most || depth < 1)
        return mw_op_fail(c, k, "a product of %lld x %lld x %lld is out of range", (long long)rows,
                          (long long)n, (long long)depth);
    return MW_OK;
}

mw_status mw_gemm_check_extra(mw_ctx *c, const mw_call *k, const mw_tensor *bias, const mw_tensor *residual,
                              const mw_tensor *y, int64_t n)
{
    char have[96], want[96];
    if (bias && (bias->ndim != 1 || bias->shape[0] != n || bias->dtype > MW_F16))
        return mw_op_fail(c, k, "bias is %s, not [%lld]", mw_shape_text(bias, have, sizeof have),
                          (long long)n);
    if (residual && (!mw_same_shape(residual, y) || residual->dtype > MW_F16))
        return mw_op_fail(c, k, "residual is %s, the result %s", mw_shape_text(residual, have, sizeof have),
                          mw_shape_text(y, want, sizeof want));
    return MW_OK;
}
