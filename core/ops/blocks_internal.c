// blocks_internal.c: weights whose rows stay in the blocks of a file: what they are, and what is computed
// with them.
#include "core/ops/blocks_internal.h"
#include "core/ops/few_internal.h"
#include "core/ops/ops_internal.h"

#include <string.h>

// A tensor of bytes; what they are is told by its packing.
enum { BLOCKS = 2, KIND_BITS = 8, TYPE_SHIFT = 8, GROUP_SHIFT = 16, MOST_GROUP = 0x7fff };

bool mw_is_blocks(const mw_tensor *w) { return (w->packing & ((1 << KIND_BITS) - 1)) == BLOCKS; }

static mw_ggml_type type_of(const mw_tensor *w) { return (mw_ggml_type)(w->packing >> TYPE_SHIFT & 0xff); }

// What kernels/blocks.clh widens.
static bool is_widened(mw_ggml_type type)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(type);
    return f && f->decodes && (type < MW_GGML_I8 || type > MW_GGML_F64);
}

static int64_t bytes_of_row(mw_ggml_type type, int64_t columns)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(type);
    return columns / f->block * f->bytes;
}

static bool check(mw_ctx *c, const mw_block_rows *b)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(b->type);
    int64_t most = INT32_MAX - 1024;
    if (!is_widened(b->type))
        mw_fail(c, MW_E_ARG, "weights of type %s are not among those that kernels read",
                f ? f->name : "unknown");
    else if (b->rows < 1 || b->rows > most || b->columns < 1 || b->columns > most || b->columns % f->block ||
             (int64_t)b->row_bytes != bytes_of_row(b->type, b->columns))
        mw_fail(c, MW_E_SHAPE, "%lld rows of %lld weights in %zu bytes are not rows of %s",
                (long long)b->rows, (long long)b->columns, b->row_bytes, f->name);
    else if (b->group < 0 || b->group > MOST_GROUP || b->group % 2 || (b->group && b->rows % b->group))
        mw_fail(c, MW_E_SHAPE, "%lld rows are not in pairs within groups of %lld", (long long)b->rows,
                (long long)b->group);
    return mw_err(c) == MW_OK;
}

static bool is_aligned(const mw_block_rows *b)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(b->type);
    return (uintptr_t)b->data % (f->block > 1 ? sizeof(uint32_t) : (uintptr_t)f->bytes) == 0;
}

static void nothing(void *user) { (void)user; }

mw_tensor *mw_weight_blocks(mw_ctx *c, const mw_block_rows *b, void (*done)(void *user), void *user)
{
    done = done ? done : nothing;
    size_t bytes = b->row_bytes * (size_t)b->rows;
    mw_tensor *t = NULL;
    if (mw_err(c) == MW_OK && check(c, b)) {
        bool lent = mw_lends(c) && is_aligned(b);
        if (lent && !c->dry)
            t = mw_tensor_lent(c, b->data, bytes, done, user);
        else if (c->dry)
            t = mw_tensor_new(c, MW_U8, MW_SHAPE(lent ? 0 : (int64_t)bytes));
        else
            t = mw_tensor_from_bytes(c, MW_U8, MW_SHAPE((int64_t)bytes), b->data);
        if (lent && !c->dry)
            done = NULL;
    }
    if (done)
        done(user);
    if (!t)
        return NULL;
    t->ndim = 2;
    t->shape[0] = b->rows;
    t->shape[1] = b->columns;
    t->stride[0] = b->columns;
    t->stride[1] = 1;
    t->packing = BLOCKS | (int)b->type << TYPE_SHIFT | (int)b->group << GROUP_SHIFT;
    return t;
}

// The struct of that name in kernels/blocks.cl.
typedef struct block_rows {
    int64_t row_bytes, total;
    int32_t rows, columns, type, group;
    int32_t flags, each;
} block_rows;

void mw_blocks_facts(const mw_tensor *w, int64_t *row_bytes, int32_t *type, int32_t *group)
{
    *row_bytes = bytes_of_row(type_of(w), w->shape[1]);
    *type = (int32_t)type_of(w);
    *group = w->packing >> GROUP_SHIFT;
}

static block_rows rows_of(const mw_tensor *w)
{
    block_rows p = {.rows = (int32_t)w->shape[0], .columns = (int32_t)w->shape[1]};
    mw_blocks_facts(w, &p.row_bytes, &p.type, &p.group);
    return p;
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

mw_status mw_blocks_rows(mw_ctx *c, const mw_tensor *w, const mw_tensor *ids, const mw_tensor *y)
{
    int per;
    block_rows p = rows_of(w);
    p.total = mw_numel(y) / w->shape[1] * ceil_div(w->shape[1], MW_BLOCKS_AT_ONCE);
    p.flags = ids != NULL;
    mw_launch l = mw_op_flat(c, "blocks", "widen", p.total * MW_BLOCKS_AT_ONCE, &per);
    p.each = per >= MW_BLOCKS_AT_ONCE ? per / MW_BLOCKS_AT_ONCE : 1;
    l.global[0] = (size_t)ceil_div(ceil_div(p.total, p.each), (int64_t)l.local[0]) * l.local[0];
    l.t = y->dtype;
    return MW_RUN(c, &l, MW_T(w), MW_T(ids), MW_T(y), MW_STRUCT(&p));
}

mw_tensor *mw_blocks_widen(mw_ctx *c, const mw_tensor *w)
{
    mw_tensor *y = mw_tensor_new(c, MW_F32, 2, w->shape);
    return y && mw_blocks_rows(c, w, NULL, y) == MW_OK ? y : NULL;
}

// In the CPU family x takes the place of the weight, and is packed as one; y is the turned product.
static mw_status many_cpu(mw_ctx *c, const mw_gemm *extras, mw_tensor *w, int64_t m)
{
    int64_t k = w->shape[1];
    mw_gemm_weight rows = {
        .batch = 1, .n = m, .channels = k, .taps_h = 1, .taps_w = 1, .n_stride = k, .channel_stride = 1};
    mw_gemm g = *extras;
    g.w = mw_gemm_pack(c, g.x, &rows);
    g.x = w;
    g.rows = w->shape[0];
    g.n = m;
    g.k = g.channels = k;
    g.taps_w = g.stride = 1;
    g.batch = 1;
    g.alpha = 1;
    return g.w ? mw_gemm_run(c, &g) : mw_err(c);
}

static mw_status many_gpu(mw_ctx *c, const mw_gemm *g, mw_tensor *x, const mw_tensor *w)
{
    mw_tensor *y = mw_linear(c, x, mw_blocks_widen(c, w), g->bias, g->act, g->residual);
    return y ? mw_write(c, (mw_tensor *)(uintptr_t)g->y, y) : mw_err(c);
}

mw_status mw_blocks_linear(mw_ctx *c, mw_tensor *x, mw_tensor *w, mw_tensor *bias, mw_activation act,
                           mw_tensor *residual, const mw_tensor *y)
{
    int64_t m = mw_numel(y) / w->shape[0];
    x = mw_contiguous(c, x);
    mw_gemm g = {.x = x, .bias = bias, .residual = residual, .y = y, .act = act};
    mw_gemm_extras(c, &g);
    if (mw_err(c))
        return mw_err(c);
    if (!mw_few_fits(c, m, w->shape[1]))
        return mw_device_caps(c)->cpu ? many_cpu(c, &g, w, m) : many_gpu(c, &g, x, w);
    return mw_few_run(
        c,
        &(mw_few){.x = x, .act = act, .n = 1, .w = {w}, .bias = {g.bias}, .residual = g.residual, .y = {y}});
}
