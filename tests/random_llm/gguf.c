// gguf.c: a model in a GGUF file, written as it is drawn.
#include "tests/random_llm/random_llm.h"

#include "core/base/half.h"
#include "nodes/nets/llm/gguf_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Where blocks of the types that are not quantised here hold their scales, how wide codes times inner scales
// spread, and what of the first scale the second one is, so that the mean is 0.
static const struct {
    mw_ggml_type type;
    int scale, least; // bytes into the block; -1: there is none
    float spread, balance;
} drawn[] = {
    {MW_GGML_Q2_K, 80, 82, 11, 1.5f}, {MW_GGML_Q3_K, 108, -1, 42, 0},   {MW_GGML_Q4_K, 0, 2, 190, 7.5f},
    {MW_GGML_Q5_K, 0, 2, 390, 15.5f}, {MW_GGML_Q6_K, 208, -1, 1370, 0}, {MW_GGML_IQ4_NL, 0, -1, 62, 0},
    {MW_GGML_IQ4_XS, 0, -1, 1150, 0},
};

static void draw_blocks(const job *j, const weight *w, mw_ggml_type type, uint8_t *out, int64_t n)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(type);
    size_t bytes = (size_t)(n / f->block * f->bytes), k = 0;
    uint64_t s = random_stream(j, w->name);
    while (drawn[k].type != type)
        k++;
    for (size_t i = 0; i + 8 <= bytes; i += 8)
        memcpy(out + i, &(uint64_t){random_next(&s)}, 8);
    float scale = random_spread(w) / (float)sqrt(3) / drawn[k].spread;
    uint16_t d = mw_float_to_half(scale), m = mw_float_to_half(scale * drawn[k].balance);
    for (uint8_t *b = out; b < out + bytes; b += f->bytes) {
        memcpy(b + drawn[k].scale, &d, sizeof d);
        if (drawn[k].least >= 0)
            memcpy(b + drawn[k].least, &m, sizeof m);
    }
}

// Rows of q and k lie as pairs where the architecture has them so.
static void encode_rows(const job *j, const weight *w, mw_ggml_type type)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(type);
    int64_t columns = w->columns ? w->columns : 1;
    mw_block_rows b = {.type = type,
                       .rows = w->rows,
                       .columns = columns,
                       .row_bytes = (size_t)(columns / f->block * f->bytes),
                       .data = j->bytes,
                       .group = w->heads && !strcmp(j->architecture, "llama") ? j->config.head : 0};
    for (int64_t r = 0; r < w->rows; r++)
        mw_ggml_encode(type, j->values + r * columns, j->bytes + (mw_block_row(&b, r) - j->bytes), columns);
}

static const void *make_gguf(mw_ctx *c, void *user, const mw_gguf_out_tensor *t)
{
    job *j = user;
    (void)c;
    const weight *w = &j->weights[t - j->tensors];
    int64_t n = w->rows * (w->columns ? w->columns : 1);
    if (!random_room(j, n))
        return NULL;
    if (mw_ggml_type_facts(t->type)->encodes) {
        random_draw(j, w, w->kind == NORM ? 1 : 0, j->values, n);
        encode_rows(j, w, t->type);
    } else {
        draw_blocks(j, w, t->type, j->bytes, n);
    }
    return j->bytes;
}

typedef struct {
    mw_gguf_out_value v[32];
    char keys[32][64];
    uint32_t whole[32];
    float real[32];
    size_t n;
} metadata;

// A key of the architecture ("%s.") or one of all files.
static mw_gguf_out_value *put(const job *j, metadata *m, const char *key, mw_gguf_kind k, const void *data)
{
    snprintf(m->keys[m->n], sizeof m->keys[0], strchr(key, '%') ? key : "%.0s%s", j->architecture, key);
    m->v[m->n] = (mw_gguf_out_value){.key = m->keys[m->n], .kind = k, .data = data};
    return &m->v[m->n++];
}

static void put_int(const job *j, metadata *m, const char *key, int x)
{
    m->whole[m->n] = (uint32_t)x;
    put(j, m, key, MW_GGUF_U32, &m->whole[m->n]);
}

static void put_real(const job *j, metadata *m, const char *key, double x)
{
    m->real[m->n] = (float)x;
    put(j, m, key, MW_GGUF_F32, &m->real[m->n]);
}

static void put_config(const job *j, metadata *m)
{
    const mw_llm_config *f = &j->config;
    put_int(j, m, "%s.context_length", f->context);
    put_int(j, m, "%s.embedding_length", f->width);
    put_int(j, m, "%s.block_count", f->layers);
    put_int(j, m, "%s.feed_forward_length", f->inner);
    put_int(j, m, "%s.attention.head_count", f->heads);
    put_int(j, m, "%s.attention.head_count_kv", f->kv_heads);
    put_int(j, m, "%s.attention.key_length", f->head);
    put_int(j, m, "%s.attention.value_length", f->head);
    put_int(j, m, "%s.rope.dimension_count", f->head);
    put_real(j, m, "%s.attention.layer_norm_rms_epsilon", f->eps);
    put_real(j, m, "%s.rope.freq_base", f->rope.base);
    if (f->window)
        put_int(j, m, "%s.attention.sliding_window", f->window);
    if (f->rope.rule == MW_ROPE_LINEAR || f->rope.rule == MW_ROPE_YARN)
        put_real(j, m, "%s.rope.scaling.factor", f->rope.factor);
    if (f->rope.rule == MW_ROPE_YARN)
        put_int(j, m, "%s.rope.scaling.original_context_length", (int)f->rope.original);
}

// What llama3's rule divides the plain frequencies by, as converters store it.
static void divisors_of(const mw_llm_config *f, float *out)
{
    double plain[256], scaled[256];
    mw_rope_settings r = f->rope;
    mw_rope_frequencies(&r, NULL, scaled);
    r.rule = MW_ROPE_PLAIN;
    mw_rope_frequencies(&r, NULL, plain);
    for (int i = 0; i < r.width / 2 && i < 256; i++)
        out[i] = (float)(plain[i] / scaled[i]);
}

static void list_tensors(job *j, float *divisors, size_t *n)
{
    for (size_t i = 0; j->tensors && i < j->n; i++) {
        const weight *w = &j->weights[i];
        char stored[100];
        const char *name =
            mw_gguf_stored_name(mw_gguf_architecture_named(j->architecture), w->name, stored, sizeof stored);
        j->tensors[i] = (mw_gguf_out_tensor){.name = mw_strdup(j->c, name),
                                             .type = w->columns ? j->type : MW_GGML_F32,
                                             .ndim = w->columns ? 2 : 1,
                                             .shape = {w->rows, w->columns}};
    }
    *n = j->n;
    if (j->tensors && j->config.rope.rule == MW_ROPE_LLAMA3) {
        divisors_of(&j->config, divisors);
        j->tensors[(*n)++] = (mw_gguf_out_tensor){.name = mw_strdup(j->c, "rope_freqs.weight"),
                                                  .type = MW_GGML_F32,
                                                  .ndim = 1,
                                                  .shape = {j->config.head / 2},
                                                  .data = divisors};
    }
}

void random_write_gguf(job *j)
{
    static const char *const names[] = {"linear", "yarn", "llama", "default"};
    static const uint8_t yes = 1;
    const char *const name = "random weights";
    float divisors[256];
    size_t n = 0;
    metadata m = {.n = 0};
    put(j, &m, "general.architecture", MW_GGUF_TEXT, &j->architecture);
    put(j, &m, "general.name", MW_GGUF_TEXT, &name);
    put_config(j, &m);
    if (j->config.rope.rule == MW_ROPE_LINEAR || j->config.rope.rule == MW_ROPE_YARN)
        put(j, &m, "%s.rope.scaling.type", MW_GGUF_TEXT, &names[j->config.rope.rule == MW_ROPE_YARN]);
    put(j, &m, "tokenizer.ggml.model", MW_GGUF_TEXT, &names[2]);
    put(j, &m, "tokenizer.ggml.pre", MW_GGUF_TEXT, &names[3]);
    const struct {
        const char *key;
        mw_gguf_kind kind;
        const void *data;
    } arrays[] = {{"tokenizer.ggml.tokens", MW_GGUF_TEXT, j->words.texts},
                  {"tokenizer.ggml.scores", MW_GGUF_F32, j->words.scores},
                  {"tokenizer.ggml.token_type", MW_GGUF_I32, j->words.types}};
    for (int i = 0; i < 3; i++) {
        mw_gguf_out_value *v = put(j, &m, arrays[i].key, arrays[i].kind, arrays[i].data);
        v->array = true;
        v->count = j->words.n;
    }
    put_int(j, &m, "tokenizer.ggml.bos_token_id", 1);
    put_int(j, &m, "tokenizer.ggml.eos_token_id", 2);
    put_int(j, &m, "tokenizer.ggml.unknown_token_id", 0);
    put(j, &m, "tokenizer.ggml.add_bos_token", MW_GGUF_BOOL, &yes);
    j->tensors = mw_alloc(j->c, (j->n + 1) * sizeof *j->tensors);
    list_tensors(j, divisors, &n);
    if (mw_err(j->c) == MW_OK)
        mw_gguf_write(j->c, j->path, &(mw_gguf_out){m.v, m.n, j->tensors, n, make_gguf, j});
    for (size_t i = 0; i < n; i++)
        free((char *)j->tensors[i].name);
    free(j->tensors);
}
