// few_internal.c: products of a few rows with weights in blocks, one token's above all: memory is read once,
// and launches are saved, since at that size they take as long as the work.
#include "core/ops/few_internal.h"
#include "core/ops/ops_internal.h"

#include <string.h>

enum { MOST_ROWS = 8, TILE = 4 }; // TILE: as in kernels/blocks.cl

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// x in whole 32 weights; in the CPU family a sum of each, in the GPU family a float for each item.
static size_t local_bytes(const mw_ctx *c, int64_t rows, int64_t columns)
{
    int64_t groups = ceil_div(columns, MW_BLOCKS_AT_ONCE);
    int64_t more = mw_device_caps(c)->cpu ? rows * groups : mw_op_group(c);
    return (size_t)(rows * groups * MW_BLOCKS_AT_ONCE + more) * sizeof(float);
}

bool mw_few_fits(const mw_ctx *c, int64_t rows, int64_t columns)
{
    enum { BESIDE = 1024 }; // bytes of local memory that kernels take themselves
    return rows <= MOST_ROWS && local_bytes(c, rows, columns) + BESIDE <= mw_device_caps(c)->local_bytes;
}

// The struct of that name in kernels/blocks.cl.
typedef struct few_rows {
    int64_t row_bytes[MW_FEW_WEIGHTS];
    int32_t rows[MW_FEW_WEIGHTS], type[MW_FEW_WEIGHTS], group[MW_FEW_WEIGHTS];
    int32_t columns, m, act, flags, each;
    float eps;
} few_rows;

// Work-groups: in the CPU family a few for each unit, each with a span of the rows of all w; in the GPU
// family one for each row.
static mw_launch launch_of(const mw_ctx *c, const mw_few *f, few_rows *p)
{
    enum { GROUPS_PER_UNIT = 2 };
    const mw_caps *caps = mw_device_caps(c);
    size_t group = (size_t)mw_op_group(c);
    int64_t parts = 0, rows = 0;
    for (int i = 0; i < f->n; i++) {
        parts += ceil_div(p->rows[i], caps->cpu ? TILE : 1);
        rows += p->rows[i];
    }
    p->each = caps->cpu ? (int32_t)ceil_div(parts, (int64_t)caps->compute_units * GROUPS_PER_UNIT) : 1;
    return (mw_launch){.file = "blocks",
                       .entry = "few",
                       .variant = mw_op_variant(c),
                       .t = f->x->dtype,
                       .dims = 1,
                       .global = {(size_t)ceil_div(parts, p->each) * group},
                       .local = {group},
                       .products = 2.0 * (double)p->m * (double)rows * p->columns};
}

mw_status mw_few_run(mw_ctx *c, const mw_few *f)
{
    enum { BIAS = 1, RESIDUAL = 2, NORM = 4, GATED = 8 };
    if (mw_err(c))
        return mw_err(c);
    few_rows p = {.columns = (int32_t)mw_dim(f->x, -1), .act = (int32_t)f->act, .eps = (float)f->eps};
    p.m = (int32_t)(mw_numel(f->x) / p.columns);
    p.flags =
        (f->bias[0] ? BIAS : 0) | (f->residual ? RESIDUAL : 0) | (f->gamma ? NORM : 0) | (f->up ? GATED : 0);
    for (int i = 0; i < f->n; i++) {
        p.rows[i] = (int32_t)f->w[i]->shape[0];
        mw_blocks_facts(f->w[i], &p.row_bytes[i], &p.type[i], &p.group[i]);
    }
    mw_launch l = launch_of(c, f, &p);
    return MW_RUN(c, &l, MW_T(f->x), MW_T(f->up), MW_T(f->gamma), MW_T(f->w[0]), MW_T(f->w[1]), MW_T(f->w[2]),
                  MW_T(f->bias[0]), MW_T(f->bias[1]), MW_T(f->bias[2]), MW_T(f->residual), MW_T(f->y[0]),
                  MW_T(f->y[1]), MW_T(f->y[2]), MW_STRUCT(&p), MW_LOCAL(local_bytes(c, p.m, p.columns)));
}
