// family_llama.c: ops llm.forward, llm.gguf: streams, norms and logits of language models, and what they say.
#include "tests/golden_runner/golden.h"

#include "core/ops.h"
#include "nodes/nets/llm/llm_network.h"

#include <stdlib.h>
#include <string.h>

typedef struct job {
    golden_case *k;
    const mw_llm_network *n;
    int s; // the sequence
    const int32_t *ids;
    int64_t count;
    float *streams; // the last `rows` rows behind each block
    int64_t rows;
} job;

static const char *name_of(mw_ctx *c, const job *j, const char *what)
{
    return golden_text(c, j->k, "s%d.%s", j->s, what);
}

// The last n rows of [..,rows,width] with one dimension in front dropped.
static mw_tensor *last_rows(mw_ctx *c, mw_tensor *x, int64_t n)
{
    x = mw_reshape(c, x, MW_SHAPE(-1, mw_dim(x, -1)));
    return mw_slice(c, x, 0, mw_dim(x, 0) - n, n);
}

// As transformers lists them: 0 the embedding, i behind block i - 1, the last one behind the final norm.
static void give_hidden(mw_ctx *c, const job *j, int i, mw_tensor *x)
{
    const char *name = golden_text(c, j->k, "s%d.hidden_states.%d", j->s, i);
    if (golden_wants(j->k, name))
        golden_give_tensor(c, j->k, name, mw_reshape(c, x, MW_SHAPE(-1, mw_dim(x, -1))));
}

static void keep_stream(mw_ctx *c, void *user, int layer, mw_tensor *x)
{
    job *j = user;
    int64_t width = j->n->config.width;
    if (!x)
        return;
    mw_scope_begin(c);
    if (layer + 1 < j->n->config.layers)
        give_hidden(c, j, layer + 1, x);
    if (layer >= 0)
        mw_tensor_read_f32(c, last_rows(c, x, j->rows), j->streams + layer * j->rows * width);
    mw_scope_end(c, NULL);
}

// Layers' outputs: all of them, or the last one's alone.
static void give_streams(mw_ctx *c, const job *j)
{
    const mw_llm_config *f = &j->n->config;
    golden_give_f32(c, j->k, name_of(c, j, "layer_out"), 3, (int64_t[]){f->layers, j->rows, f->width},
                    j->streams);
    golden_give_f32(c, j->k, name_of(c, j, "last_layer"), 2, (int64_t[]){j->rows, f->width},
                    j->streams + (f->layers - 1) * j->rows * f->width);
}

static void give_rows(mw_ctx *c, const job *j, const char *what, mw_tensor *x)
{
    const mw_st_entry *e = golden_wants(j->k, name_of(c, j, what));
    if (e && x && e->shape[0] <= mw_dim(x, 0))
        golden_give_tensor(c, j->k, name_of(c, j, what), mw_contiguous(c, last_rows(c, x, e->shape[0])));
}

static void give_forward(mw_ctx *c, job *j)
{
    const mw_st_entry *e = golden_wants(j->k, name_of(c, j, "layer_out"));
    e = e ? e : golden_wants(j->k, name_of(c, j, "last_layer"));
    j->rows = e && e->ndim >= 2 ? e->shape[e->ndim - 2] : 1;
    j->streams = mw_alloc(c, (size_t)(j->n->config.layers * j->rows * j->n->config.width) * sizeof(float));
    mw_scope_begin(c);
    mw_llm_pass p = {.batch = 1,
                     .tokens = j->count,
                     .ids = j->ids,
                     .blocks = -1,
                     .on_stream = keep_stream,
                     .user = j,
                     .want_logits = true};
    if (j->streams && mw_llm_forward(c, j->n, &p) == MW_OK) {
        give_streams(c, j);
        give_hidden(c, j, j->n->config.layers, p.norm);
        give_rows(c, j, "final_norm", p.norm);
        give_rows(c, j, "logits", p.logits);
    }
    mw_scope_end(c, NULL);
    free(j->streams);
}

static void two_best(const float *logits, int64_t n, int32_t *best, float *gap)
{
    int64_t a = 0, b = -1;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[a]) {
            b = a;
            a = i;
        } else if (b < 0 || logits[i] > logits[b]) {
            b = i;
        }
    *best = (int32_t)a;
    *gap = b < 0 ? 0 : logits[a] - logits[b];
}

// The likeliest token each time, the end token like any other; the prompt in one piece, then token by token.
static void give_greedy(mw_ctx *c, const job *j)
{
    const mw_st_entry *e = golden_wants(j->k, name_of(c, j, "greedy"));
    int64_t n = e ? e->count : 0;
    if (!n)
        return;
    int32_t *made = mw_alloc(c, (size_t)n * sizeof *made);
    float *gap = mw_alloc(c, (size_t)n * sizeof *gap);
    float *logits = mw_alloc(c, (size_t)j->n->config.vocab * sizeof *logits);
    mw_kv_cache *cache = mw_llm_cache(c, j->n, 1, j->count + n);
    for (int64_t i = 0; i < n && mw_err(c) == MW_OK; i++) {
        mw_scope_begin(c);
        const int32_t last = (int32_t)(i ? 0 : j->count - 1);
        mw_llm_pass p = {.batch = 1,
                         .tokens = i ? 1 : j->count,
                         .ids = i ? &made[i - 1] : j->ids,
                         .cache = cache,
                         .blocks = -1,
                         .rows = &last,
                         .n_rows = 1,
                         .want_logits = true};
        mw_llm_forward(c, j->n, &p);
        if (mw_tensor_read_f32(c, p.logits, logits) == MW_OK)
            two_best(logits, j->n->config.vocab, &made[i], &gap[i]);
        mw_scope_end(c, NULL);
    }
    golden_give_i32(c, j->k, name_of(c, j, "greedy"), 1, &n, made);
    golden_give_f32(c, j->k, name_of(c, j, "greedy_gap"), 1, &n, gap);
    mw_kv_cache_free(cache);
    free(made);
    free(gap);
    free(logits);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_llm_network n = {0};
    const char *model = mw_json_string(c, k->name, k->params, "model");
    mw_llm_network_open(c, model ? golden_path(c, k, model) : NULL, k->dtype, &n);
    for (int s = 0; mw_err(c) == MW_OK; s++) {
        const char *name = golden_text(c, k, "s%d.ids", s);
        if (!golden_has(k, name))
            break;
        const mw_st_entry *e = golden_input(c, k, name);
        job j = {.k = k, .n = &n, .s = s, .ids = golden_input_i32(c, k, name), .count = e->count};
        give_forward(c, &j);
        give_greedy(c, &j);
    }
    mw_llm_network_close(&n);
    return mw_err(c);
}

const golden_family golden_llama = {{"llm.forward", "llm.gguf"}, true, run};
