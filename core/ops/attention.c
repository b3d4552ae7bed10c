// attention.c: softmax(scale q k^T + mask) v for each head, and the probabilities alone.
// Long: forward and gradient of one op, each in both families.
#include "core/ops/ops_internal.h"

typedef struct attrs {
    int heads, kv_heads;
    double scale;
    bool causal;
    int window; // 0: none
} attrs;

enum { Q, K, V, MASK }; // inputs; attention_probs has no V

static bool fits(mw_ctx *c, const mw_call *k, const mw_tensor *t, const char *name, int64_t batch,
                 int64_t keys, int64_t width)
{
    char text[MW_SHAPE_TEXT];
    if (t->ndim == 3 && t->shape[0] == batch && (keys < 0 || t->shape[1] == keys) && t->shape[2] == width &&
        t->dtype <= MW_F16)
        return true;
    if (keys < 0)
        mw_op_fail(c, k, "%s must be [%lld,S,%lld] in f32 or f16, got %s", name, (long long)batch,
                   (long long)width, mw_shape_text(t, text, sizeof text));
    else
        mw_op_fail(c, k, "%s must be [%lld,%lld,%lld] in f32 or f16, got %s", name, (long long)batch,
                   (long long)keys, (long long)width, mw_shape_text(t, text, sizeof text));
    return false;
}

static bool check(mw_ctx *c, const mw_call *k)
{
    const mw_tensor *q = k->in[Q], *key = k->in[K], *v = k->in[V], *mask = k->in[MASK];
    int heads = ((const attrs *)k->attrs)->heads, kv_heads = ((const attrs *)k->attrs)->kv_heads;
    char text[MW_SHAPE_TEXT];
    if (q->ndim != 3 || q->dtype > MW_F16) {
        mw_op_fail(c, k, "q must be [B,T,H*D] in f32 or f16, got %s", mw_shape_text(q, text, sizeof text));
        return false;
    }
    if (heads < 1 || q->shape[2] % heads) {
        mw_op_fail(c, k, "%lld columns cannot be cut into %d heads", (long long)q->shape[2], heads);
        return false;
    }
    if (kv_heads < 1 || heads % kv_heads) {
        mw_op_fail(c, k, "%d heads cannot share %d of keys", heads, kv_heads);
        return false;
    }
    int64_t width = q->shape[2] / heads * kv_heads;
    if (q->shape[1] > INT32_MAX / 2 || key->shape[1] > INT32_MAX / 2 || q->shape[2] > INT32_MAX / 2) {
        mw_op_fail(c, k, "too long: %s", mw_shape_text(q, text, sizeof text));
        return false;
    }
    if (!fits(c, k, key, "k", q->shape[0], -1, width) ||
        (v && !fits(c, k, v, "v", q->shape[0], key->shape[1], width)))
        return false;
    if (mask &&
        (mask->ndim != 2 || mask->shape[0] != q->shape[0] || mask->shape[1] != key->shape[1] ||
         mask->dtype != MW_I32)) {
        mw_op_fail(c, k, "key_mask must be [%lld,%lld] i32, got %s", (long long)q->shape[0],
                   (long long)key->shape[1], mw_shape_text(mask, text, sizeof text));
        return false;
    }
    return true;
}

// out[1]: the logarithms of the sums [B,H,T], which the CPU family's gradient takes.
static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *q = k->in[Q];
    if (!check(c, k) || mw_op_like(c, k, k->in[Q]) != MW_OK)
        return mw_err(c);
    k->out[1] =
        mw_tensor_new(c, MW_F32, MW_SHAPE(q->shape[0], ((const attrs *)k->attrs)->heads, q->shape[1]));
    return mw_err(c);
}

static mw_status infer_probs(mw_ctx *c, mw_call *k)
{
    const mw_tensor *q = k->in[Q];
    if (!check(c, k))
        return mw_err(c);
    k->out[0] = mw_tensor_new(
        c, MW_F32, MW_SHAPE(q->shape[0], ((const attrs *)k->attrs)->heads, q->shape[1], k->in[K]->shape[1]));
    return mw_err(c);
}

static const double LOG2_E = 1.4426950408889634;

// What both forms hand to the kernels: inputs whose columns lie side by side, and the sizes.
typedef struct job {
    mw_tensor *q, *k, *v, *mask;
    int64_t B, T, S, D;
    int heads, kv_heads;
    bool causal;
    int window;   // NO_WINDOW where there is none
    double scale; // for logits in base 2
} job;

enum { NO_WINDOW = 1 << 30 }; // more than there are keys

static mw_tensor *rows_of(mw_ctx *c, mw_tensor *t)
{
    return t && t->stride[2] == 1 ? t : mw_contiguous(c, t);
}

static job make_job(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    job j = {
        .q = rows_of(c, k->in[Q]),
        .k = rows_of(c, k->in[K]),
        .v = k->in[V] ? rows_of(c, mw_cast(c, k->in[V], k->in[K]->dtype)) : NULL,
        .mask = k->in[MASK] ? mw_contiguous(c, k->in[MASK]) : NULL,
        .B = mw_dim(k->in[Q], 0),
        .T = mw_dim(k->in[Q], 1),
        .S = mw_dim(k->in[K], 1),
        .D = mw_dim(k->in[Q], 2) / a->heads,
        .heads = a->heads,
        .kv_heads = a->kv_heads,
        .causal = a->causal,
        .window = a->window ? a->window : NO_WINDOW,
        .scale = a->scale * LOG2_E,
    };
    return j;
}

// The CPU kernels' tiles: as the enums in kernels/attention.cl.
typedef struct tiles {
    int64_t lanes, m, queries, keys; // V, M, TQ, NK
    int64_t keys_up, width_up;       // S and D rounded up to m
    int64_t room;                    // room_for(D)
} tiles;

static tiles tiles_of(const mw_ctx *c, const job *j)
{
    int lanes = mw_op_lanes(c);
    tiles t = {.lanes = lanes, .m = lanes == 16 ? 5 : 4, .queries = lanes * (lanes == 16 ? 4 : 3)};
    t.keys = 24 * t.m;
    t.keys_up = (j->S + t.m - 1) / t.m * t.m;
    t.width_up = (j->D + t.m - 1) / t.m * t.m;
    t.room = (j->D + lanes - 1) / lanes * lanes;
    t.room = t.room > t.width_up ? t.room : t.width_up;
    return t;
}

static size_t blocks(int64_t n, int64_t each) { return (size_t)((n + each - 1) / each); }

static size_t work_bytes(const tiles *t)
{
    return (size_t)((2 * t->room + t->keys + t->lanes) * t->queries) * sizeof(float);
}

static bool cpu_family(const mw_ctx *c, const job *j)
{
    tiles t = tiles_of(c, j);
    return mw_device_caps(c)->cpu && work_bytes(&t) <= mw_device_caps(c)->local_bytes;
}

static mw_launch launch_of(const mw_ctx *c, const job *j, const char *entry, bool cpu)
{
    tiles t = tiles_of(c, j);
    mw_launch l = {.file = cpu ? "attention" : "attention_gpu",
                   .entry = entry,
                   .variant = mw_op_variant(c),
                   .dims = 3,
                   .local = {1, 1, 1}};
    l.t = j->q->dtype;
    l.w = j->k->dtype;
    l.local[0] = cpu ? 1 : 64;
    l.global[0] = blocks(j->T, cpu ? t.queries : 16) * l.local[0];
    l.global[1] = (size_t)j->heads;
    l.global[2] = (size_t)j->B;
    return l;
}

// The operations of n products of queries with keys.
static double products_of(const job *j, int n)
{
    return 2.0 * n * (double)(j->B * j->heads) * (double)(j->T * j->S) * (double)j->D;
}

// k (and v) into the layout of the CPU kernels.
static void pack(mw_ctx *c, const job *j, mw_tensor **keys, mw_tensor **values)
{
    tiles t = tiles_of(c, j);
    *keys = mw_tensor_new(c, MW_F32, MW_SHAPE(j->B, j->kv_heads, t.keys_up, j->D));
    *values = j->v ? mw_tensor_new(c, MW_F32, MW_SHAPE(j->B, j->kv_heads, j->S, t.width_up)) : NULL;
    if (mw_err(c))
        return;
    mw_launch l = launch_of(c, j, "attention_pack", true);
    l.global[0] = blocks(t.keys_up, t.keys);
    l.global[1] = (size_t)j->kv_heads;
    size_t row = (size_t)(t.width_up + mw_op_lanes(c)) * sizeof(float);
    const mw_tensor *v = j->v ? j->v : j->k;
    MW_RUN(c, &l, MW_T(j->k), MW_T(v), MW_T(*keys), MW_T(*values ? *values : *keys), MW_I(j->S), MW_I(j->D),
           MW_L(j->k->stride[0]), MW_L(j->k->stride[1]), MW_L(v->stride[0]), MW_L(v->stride[1]),
           MW_I(j->v != NULL), MW_LOCAL(row));
}

static void run_cpu(mw_ctx *c, const job *j, mw_tensor *y, mw_tensor *log_sum)
{
    tiles t = tiles_of(c, j);
    mw_tensor *keys, *values;
    pack(c, j, &keys, &values);
    if (mw_err(c))
        return;
    mw_launch l = launch_of(c, j, j->v ? "attention" : "attention_probs", true);
    l.products = products_of(j, j->v ? 2 : 1);
    int group = j->heads / j->kv_heads;
    mw_arg mask = MW_T(j->mask ? j->mask : keys), work = MW_LOCAL(work_bytes(&t));
    if (j->v)
        MW_RUN(c, &l, MW_T(j->q), MW_T(keys), MW_T(values), mask, MW_T(y), MW_T(log_sum), MW_I(j->T),
               MW_I(j->S), MW_I(j->D), MW_L(j->q->stride[0]), MW_L(j->q->stride[1]), MW_I(j->mask != NULL),
               MW_I(j->causal), MW_F(j->scale), MW_I(group), MW_I(j->window), work);
    else
        MW_RUN(c, &l, MW_T(j->q), MW_T(keys), mask, MW_T(y), MW_I(j->T), MW_I(j->S), MW_I(j->D),
               MW_L(j->q->stride[0]), MW_L(j->q->stride[1]), MW_I(j->mask != NULL), MW_I(j->causal),
               MW_F(j->scale), MW_I(group), MW_I(j->window), work);
}

enum { GPU_EDGE = 32, GPU_MOST = 4 }; // EDGE in kernels/attention_gpu.cl; the widest COLUMNS in edges

static void run_gpu(mw_ctx *c, const job *j, mw_tensor *y)
{
    static const mw_variant variants[] = {MW_VARIANT_COLUMNS_32, MW_VARIANT_COLUMNS_64, MW_VARIANT_COLUMNS_96,
                                          MW_VARIANT_COLUMNS_128};
    size_t edges = blocks(j->D, GPU_EDGE), parts = (edges + GPU_MOST - 1) / GPU_MOST;
    mw_launch l = launch_of(c, j, j->v ? "attention" : "attention_probs", false);
    l.products = products_of(j, j->v ? 2 : 1);
    l.variant = variants[j->v ? (edges + parts - 1) / parts - 1 : 0];
    mw_arg mask = MW_T(j->mask ? j->mask : j->k);
    int group = j->heads / j->kv_heads;
    if (j->v) {
        l.global[1] *= parts;
        MW_RUN(c, &l, MW_T(j->q), MW_T(j->k), MW_T(j->v), mask, MW_T(y), MW_I(j->T), MW_I(j->S), MW_I(j->D),
               MW_I(j->heads), MW_L(j->q->stride[0]), MW_L(j->q->stride[1]), MW_L(j->k->stride[0]),
               MW_L(j->k->stride[1]), MW_L(j->v->stride[0]), MW_L(j->v->stride[1]), MW_I(j->mask != NULL),
               MW_I(j->causal), MW_F(j->scale), MW_I(group), MW_I(j->window));
    } else {
        MW_RUN(c, &l, MW_T(j->q), MW_T(j->k), mask, MW_T(y), MW_I(j->T), MW_I(j->S), MW_I(j->D),
               MW_I(j->heads), MW_L(j->q->stride[0]), MW_L(j->q->stride[1]), MW_L(j->k->stride[0]),
               MW_L(j->k->stride[1]), MW_I(j->mask != NULL), MW_I(j->causal), MW_F(j->scale), MW_I(group),
               MW_I(j->window));
    }
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    if (!mw_numel(k->out[0]))
        return MW_OK;
    mw_scope_begin(c);
    job j = make_job(c, k);
    if (!mw_err(c)) {
        mw_op_attention few = {.q = j.q,
                               .k = j.k,
                               .v = j.v,
                               .heads = j.heads,
                               .kv_heads = j.kv_heads,
                               .scale = j.scale,
                               .window = j.window};
        if (j.v && j.causal && !j.mask && mw_op_few_queries(c, &few))
            mw_op_attention_few(c, &few, k->out[0]);
        else if (cpu_family(c, &j))
            run_cpu(c, &j, k->out[0], k->out[1]);
        else
            run_gpu(c, &j, k->out[0]);
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// ---- the gradient in the CPU family

// How attention_grad cuts its work, the enums in kernels/attention.cl among it.
typedef struct grad_tiles {
    int64_t vectors, wide; // NW; D rounded up to as many vectors
    int64_t chunk, chunks; // keys of an item
    int64_t span, spans;   // queries of an item
    size_t bytes;          // of local scratch
} grad_tiles;

static grad_tiles grad_tiles_of(const mw_ctx *c, const job *j)
{
    enum { SUMS = 20480, LEAST_SPAN = 1024 }; // cells of gk and gv of an item: they stay in L2
    tiles t = tiles_of(c, j);
    grad_tiles g = {0};
    for (int64_t n = 3; n <= 5; n++) {
        int64_t wide = (int64_t)blocks(j->D, n * t.lanes) * n * t.lanes;
        if (!g.wide || wide <= g.wide) {
            g.vectors = n;
            g.wide = wide;
        }
    }
    int64_t keys = 8 * t.m, most_rows = 8;
    g.chunk = SUMS / g.wide < j->S ? SUMS / g.wide : j->S;
    g.chunk = (int64_t)blocks(g.chunk, keys) * keys;
    g.chunks = (int64_t)blocks(j->S, g.chunk);
    g.span = g.chunks > 1 ? j->T : (LEAST_SPAN + t.queries - 1) / t.queries * t.queries;
    g.spans = (int64_t)blocks(j->T, g.span);
    g.bytes = sizeof(float) *
        (size_t)((3 * t.room + 2 * g.wide + 2 * (keys + most_rows)) * t.queries +
                 2 * (g.chunk + most_rows) * g.wide);
    return g;
}

static bool fits_grad(const mw_ctx *c, const job *j)
{
    return cpu_family(c, j) && !j->causal && !j->mask && j->heads == j->kv_heads && j->B * j->T * j->S > 0 &&
        grad_tiles_of(c, j).bytes <= mw_device_caps(c)->local_bytes;
}

// [parts,..] added up.
static mw_tensor *whole(mw_ctx *c, mw_tensor *x)
{
    if (mw_dim(x, 0) != 1)
        return mw_sum(c, x, 0, false);
    return mw_reshape(c, x, MW_SHAPE(mw_dim(x, 1), mw_dim(x, 2), mw_dim(x, 3)));
}

// part := what the keys of *j add to the gradient for q, and those for k and v; all of *j in f32. g: the
// result's gradient, dense; delta: its product with the result [B,T,H].
static void grad_of_keys(mw_ctx *c, const job *j, mw_tensor *log_sum, mw_tensor *g, mw_tensor *delta,
                         mw_tensor **part)
{
    grad_tiles t = grad_tiles_of(c, j);
    int64_t width = j->heads * j->D;
    static const mw_variant variants[2][3] = {
        {MW_VARIANT_ATTENTION_GRAD_8_3, MW_VARIANT_ATTENTION_GRAD_8_4, MW_VARIANT_ATTENTION_GRAD_8_5},
        {MW_VARIANT_ATTENTION_GRAD_16_3, MW_VARIANT_ATTENTION_GRAD_16_4, MW_VARIANT_ATTENTION_GRAD_16_5},
    };
    mw_tensor *keys, *values, *columns, *none;
    job turned = *j;
    turned.v = j->k;
    pack(c, &turned, &keys, &columns);
    turned.k = j->v;
    turned.v = NULL;
    pack(c, &turned, &values, &none);
    part[0] = mw_tensor_new(c, MW_F32, MW_SHAPE(t.chunks, j->B, j->T, width));
    part[1] = mw_tensor_new(c, MW_F32, MW_SHAPE(t.spans, j->B, j->S, width));
    part[2] = mw_tensor_new(c, MW_F32, MW_SHAPE(t.spans, j->B, j->S, width));
    if (mw_err(c))
        return;
    mw_launch l = launch_of(c, j, "attention_grad", true);
    l.variant = variants[mw_op_lanes(c) == 16][t.vectors - 3];
    l.global[0] = (size_t)(t.chunks * t.spans);
    l.products = products_of(j, 5);
    MW_RUN(c, &l, MW_T(j->q), MW_T(g), MW_T(log_sum), MW_T(delta), MW_T(keys), MW_T(values), MW_T(columns),
           MW_T(part[0]), MW_T(part[1]), MW_T(part[2]), MW_I(j->T), MW_I(j->S), MW_I(j->D), MW_I(t.chunk),
           MW_I(t.span), MW_I(t.wide), MW_I(j->B), MW_L(j->q->stride[0]), MW_L(j->q->stride[1]),
           MW_F(j->scale / LOG2_E), MW_LOCAL(t.bytes));
    for (int i = 0; i < 3; i++)
        part[i] = whole(c, part[i]);
}

// gin := gradients for q, k and v; y: the result. So many keys at a time that the parts of q's gradient, one
// for each chunk of keys, stay small.
static void run_grad_cpu(mw_ctx *c, const job *j, mw_tensor *y, mw_tensor *log_sum, mw_tensor *g,
                         mw_tensor **gin)
{
    enum { PARTS_BYTES = 64 << 20 };
    int64_t chunk = grad_tiles_of(c, j).chunk, bytes = mw_numel(y) * (int64_t)sizeof(float);
    int64_t at_once = chunk * (bytes < PARTS_BYTES ? PARTS_BYTES / bytes : 1);
    mw_tensor *delta = mw_reshape(c, mw_mul(c, g, y), MW_SHAPE(j->B, j->T, j->heads, j->D));
    delta = mw_contiguous(c, mw_sum(c, delta, 3, false));
    for (int64_t first = 0; first < j->S && !mw_err(c); first += at_once) {
        job some = *j;
        mw_tensor *part[3] = {0};
        some.S = at_once < j->S - first ? at_once : j->S - first;
        mw_scope_begin(c);
        some.k = mw_slice(c, j->k, 1, first, some.S);
        some.v = mw_slice(c, j->v, 1, first, some.S);
        if (!mw_err(c))
            grad_of_keys(c, &some, log_sum, g, delta, part);
        for (int i = 0; i < 3 && first && !mw_err(c); i++)
            part[i] = i ? mw_concat(c, 2, (mw_tensor *[]){gin[i], part[i]}, 1) : mw_add(c, gin[i], part[i]);
        mw_scope_end_many(c, part, 3);
        for (int i = 0; i < 3; i++) {
            if (first)
                mw_drop(c, gin[i]);
            gin[i] = part[i];
        }
    }
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const attrs *a = k->attrs;
    job j = make_job(c, k);
    if (!mw_err(c) && fits_grad(c, &j)) {
        mw_tensor *all[3] = {0};
        mw_scope_begin(c);
        j.q = rows_of(c, mw_cast(c, j.q, MW_F32));
        j.k = rows_of(c, mw_cast(c, j.k, MW_F32));
        j.v = rows_of(c, mw_cast(c, j.v, MW_F32));
        run_grad_cpu(c, &j, mw_cast(c, k->out[0], MW_F32), k->out[1], gout[0], all);
        mw_scope_end_many(c, all, 3);
        for (int i = 0; i < 3; i++)
            gin[i] = want[i] ? all[i] : NULL;
        return mw_err(c);
    }
    mw_op_attention in = {.q = k->in[Q],
                          .k = k->in[K],
                          .v = k->in[V],
                          .mask = k->in[MASK],
                          .heads = a->heads,
                          .kv_heads = a->kv_heads,
                          .scale = a->scale,
                          .causal = a->causal,
                          .window = a->window};
    mw_op_attention_grad(c, &in, gout[0], want, gin);
    return mw_err(c);
}

static mw_status vjp_probs(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                           const bool *want)
{
    const attrs *a = k->attrs;
    mw_op_attention_probs_grad(c, k->out[0], gout[0], k->in[Q], k->in[K], a->heads, a->scale, want, &gin[Q],
                               &gin[K]);
    return mw_err(c);
}

static const mw_op attention = {
    .name = "attention",
    .sig = "q[B,T,H*D], k[B,S,G*D], v[B,S,G*D], key_mask[B,S] -> y[B,T,H*D]",
    .doc = "softmax(scale * q k^T + mask) v for each head.",
    .nin = 4,
    .nreq = 3,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
};

static const mw_op attention_probs = {
    .name = "attention_probs",
    .sig = "q[B,T,H*D], k[B,S,H*D], key_mask[B,S] -> p[B,H,T,S]",
    .doc = "softmax(scale * q k^T + mask) for each head.",
    .nin = 4,
    .nreq = 2,
    .infer = infer_probs,
    .forward = forward,
    .vjp = vjp_probs,
    .attrs_size = sizeof(attrs),
};

mw_tensor *mw_attention(mw_ctx *c, mw_tensor *q, mw_tensor *k, mw_tensor *v, int heads, double scale,
                        bool causal, mw_tensor *key_mask)
{
    attrs a = {.heads = heads, .kv_heads = heads, .scale = scale, .causal = causal};
    return mw_apply(c, &attention, (mw_tensor *[]){q, k, v, key_mask}, 4, &a);
}

mw_tensor *mw_grouped_attention(mw_ctx *c, mw_tensor *q, mw_tensor *k, mw_tensor *v, int heads, int kv_heads,
                                double scale, int window)
{
    attrs a = {.heads = heads,
               .kv_heads = kv_heads,
               .scale = scale,
               .causal = true,
               .window = window > 0 ? window : 0};
    return mw_apply(c, &attention, (mw_tensor *[]){q, k, v, NULL}, 4, &a);
}

mw_tensor *mw_attention_probs(mw_ctx *c, mw_tensor *q, mw_tensor *k, int heads, double scale, bool causal,
                              mw_tensor *key_mask)
{
    attrs a = {.heads = heads, .kv_heads = heads, .scale = scale, .causal = causal};
    return mw_apply(c, &attention_probs, (mw_tensor *[]){q, k, NULL, key_mask}, 4, &a);
}

mw_tensor *mw_op_window_probs(mw_ctx *c, mw_tensor *q, mw_tensor *k, int heads, double scale, bool causal,
                              int window, mw_tensor *key_mask)
{
    attrs a = {.heads = heads, .kv_heads = heads, .scale = scale, .causal = causal, .window = window};
    return mw_apply(c, &attention_probs, (mw_tensor *[]){q, k, NULL, key_mask}, 4, &a);
}
