// weights.c: which weights a language model has, and random values for them.
#include "tests/random_llm/random_llm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(job *j, kind k, int64_t rows, int64_t columns, char *name)
{
    if (name && j->weights)
        j->weights[j->n++] =
            (weight){name, k, rows, columns, strstr(name, "q_proj") || strstr(name, "k_proj")};
}

#define ADD(k, rows, columns, ...) add(j, (k), (rows), (columns), mw_format(j->c, __VA_ARGS__))

static void list_layer(job *j, int i)
{
    const mw_llm_config *f = &j->config;
    const char *at = "model.layers";
    int64_t q = (int64_t)f->heads * f->head, kv = (int64_t)f->kv_heads * f->head, w = f->width;
    ADD(NORM, w, 0, "%s.%d.input_layernorm.weight", at, i);
    ADD(MATRIX, q, w, "%s.%d.self_attn.q_proj.weight", at, i);
    ADD(MATRIX, kv, w, "%s.%d.self_attn.k_proj.weight", at, i);
    ADD(MATRIX, kv, w, "%s.%d.self_attn.v_proj.weight", at, i);
    ADD(INTO_STREAM, w, q, "%s.%d.self_attn.o_proj.weight", at, i);
    if (f->qkv_bias) {
        ADD(BIAS, q, 0, "%s.%d.self_attn.q_proj.bias", at, i);
        ADD(BIAS, kv, 0, "%s.%d.self_attn.k_proj.bias", at, i);
        ADD(BIAS, kv, 0, "%s.%d.self_attn.v_proj.bias", at, i);
    }
    if (f->head_norms) {
        ADD(NORM, f->head, 0, "%s.%d.self_attn.q_norm.weight", at, i);
        ADD(NORM, f->head, 0, "%s.%d.self_attn.k_norm.weight", at, i);
    }
    ADD(NORM, w, 0, "%s.%d.post_attention_layernorm.weight", at, i);
    if (f->sandwich) {
        ADD(NORM, w, 0, "%s.%d.pre_feedforward_layernorm.weight", at, i);
        ADD(NORM, w, 0, "%s.%d.post_feedforward_layernorm.weight", at, i);
    }
    ADD(MATRIX, f->inner, w, "%s.%d.mlp.gate_proj.weight", at, i);
    ADD(MATRIX, f->inner, w, "%s.%d.mlp.up_proj.weight", at, i);
    ADD(INTO_STREAM, w, f->inner, "%s.%d.mlp.down_proj.weight", at, i);
}

void random_list(job *j)
{
    const mw_llm_config *f = &j->config;
    j->weights = mw_alloc(j->c, ((size_t)f->layers * 16 + 3) * sizeof *j->weights);
    ADD(MATRIX, f->vocab, f->width, "model.embed_tokens.weight");
    for (int i = 0; i < f->layers; i++)
        list_layer(j, i);
    ADD(NORM, f->width, 0, "model.norm.weight");
    if (!f->tied)
        ADD(MATRIX, f->vocab, f->width, "lm_head.weight");
}

// Marsaglia's xorshift64*, begun from the seed and a name.
uint64_t random_stream(const job *j, const char *name)
{
    uint64_t s = j->seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u;
    for (; *name; name++)
        s = (s ^ (uint8_t)*name) * 0x100000001b3u;
    return s ? s : 1;
}

uint64_t random_next(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 0x2545f4914f6cdd1du;
}

float random_spread(const weight *w)
{
    if (w->kind == NORM || w->kind == BIAS)
        return 0.1f;
    return (w->kind == INTO_STREAM ? 0.3f : 1.0f) * (float)sqrt(3 / (double)w->columns);
}

// Uniform around 0, of a norm around `centre`.
void random_draw(const job *j, const weight *w, float centre, float *out, int64_t n)
{
    uint64_t s = random_stream(j, w->name);
    float spread = random_spread(w);
    for (int64_t i = 0; i < n; i++)
        out[i] = centre + spread * (float)((int64_t)random_next(&s) >> 32) * 0x1p-31f;
}

// Room for n values and as many bytes.
bool random_room(job *j, int64_t n)
{
    if ((size_t)n <= j->room)
        return true;
    free(j->values);
    free(j->bytes);
    j->room = (size_t)n;
    j->values = mw_alloc(j->c, j->room * sizeof *j->values);
    j->bytes = mw_alloc(j->c, j->room * sizeof *j->values);
    return mw_err(j->c) == MW_OK;
}
