// llm_config.c: the shape of a decoder-only language model, from a transformers config.json.
#include "nodes/nets/llm/llm_config.h"

#include "core/base/text.h"
#include "nodes/nets/llm/llm_config_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// The classes, and what a config of theirs means where it does not say.
static const mw_llm_family families[] = {
    {.type = "llama", .model_type = "llama", .class = "LlamaForCausalLM", .context = 2048},
    {.type = "mistral",
     .model_type = "mistral",
     .class = "MistralForCausalLM",
     .kv_heads = 8,
     .window = 4096,
     .context = 131072},
    {.type = "qwen2",
     .model_type = "qwen2",
     .class = "Qwen2ForCausalLM",
     .kv_heads = 32,
     .window = 4096,
     .context = 32768},
    {.type = "qwen3",
     .model_type = "qwen3",
     .class = "Qwen3ForCausalLM",
     .kv_heads = 32,
     .head = 128,
     .window = 4096,
     .context = 32768},
    {.type = "gemma3",
     .model_type = "gemma3_text",
     .class = "Gemma3ForCausalLM",
     .heads = 8,
     .kv_heads = 4,
     .head = 256,
     .vocab = 262208,
     .window = 4096,
     .context = 131072,
     .base = 1e6},
};

enum { FAMILIES = sizeof families / sizeof *families };

const mw_llm_family *mw_llm_family_of(const char *type)
{
    for (int i = 0; i < FAMILIES; i++)
        if (!strcmp(type, families[i].type))
            return &families[i];
    return NULL;
}

// By "model_type", else by the first of "architectures".
static const mw_llm_family *read_type(mw_config *cfg)
{
    char shown[60];
    const char *type = mw_config_text(cfg, "model_type", NULL);
    const char *class = json_string_value(json_array_get(json_object_get(cfg->json, "architectures"), 0));
    for (int i = 0; i < FAMILIES; i++)
        if (type ? !strcmp(type, families[i].model_type) : class && !strcmp(class, families[i].class))
            return &families[i];
    mw_config_fail(cfg, "model_type",
                   "\"%s\" is not supported, only llama, mistral, qwen2, qwen3, gemma3 and gemma3_text are",
                   mw_printable(type        ? type
                                    : class ? class
                                            : "",
                                shown, sizeof shown));
    return NULL;
}

static void read_sizes(mw_config *cfg, const mw_llm_family *f, mw_llm_config *m)
{
    m->width = mw_config_need_int(cfg, "hidden_size", 1, 1 << 18);
    m->inner = mw_config_need_int(cfg, "intermediate_size", 1, 1 << 20);
    m->layers = mw_config_need_int(cfg, "num_hidden_layers", 1, MW_LLM_MAX_LAYERS);
    m->heads = f->heads ? mw_config_int(cfg, "num_attention_heads", f->heads, 1, 1 << 14)
                        : mw_config_need_int(cfg, "num_attention_heads", 1, 1 << 14);
    m->kv_heads = mw_config_int(cfg, "num_key_value_heads", f->kv_heads ? f->kv_heads : m->heads, 1, 1 << 14);
    m->head = mw_config_int(cfg, "head_dim", f->head, 1, 1 << 14);
    m->vocab = f->vocab ? mw_config_int(cfg, "vocab_size", f->vocab, 1, 1 << 24)
                        : mw_config_need_int(cfg, "vocab_size", 1, 1 << 24);
    m->context = mw_config_int(cfg, "max_position_embeddings", f->context, 1, 1 << 30);
    if (mw_err(cfg->c) != MW_OK)
        return;
    if (!m->head && m->width % m->heads)
        mw_config_fail(cfg, "num_attention_heads", "%d heads do not divide hidden_size %d", m->heads,
                       m->width);
    if (m->heads % m->kv_heads)
        mw_config_fail(cfg, "num_key_value_heads", "%d do not divide num_attention_heads %d", m->kv_heads,
                       m->heads);
    m->head = m->head ? m->head : m->width / m->heads;
    if (m->head % 2)
        mw_config_fail(cfg, "head_dim", "a head of %d has no pairs to rotate", m->head);
}

// Which layers see a window only: what transformers' configuration classes make of these keys.
static void read_windows(mw_config *cfg, const mw_llm_family *f, mw_llm_config *m)
{
    bool gemma = !strcmp(f->type, "gemma3"), qwen = !strncmp(f->type, "qwen", 4);
    int window = mw_config_int(cfg, "sliding_window", 0, 1, 1 << 30);
    int from = mw_config_int(cfg, "max_window_layers", 28, 0, 1 << 12);
    int pattern = mw_config_int(cfg, "sliding_window_pattern", 6, 1, 1 << 12);
    pattern = mw_config_int(cfg, "_sliding_window_pattern", pattern, 1, 1 << 12);
    bool wanted = mw_config_bool(cfg, "use_sliding_window", false);
    const json_t *kinds = mw_config_raw(cfg, "layer_types");
    if (!json_object_get(cfg->json, "sliding_window")) // absent: the class's own; null: none
        window = f->window;
    if (!f->window || (qwen && !wanted))
        window = 0;
    if (window && kinds && json_array_size(kinds) != (size_t)m->layers)
        mw_config_fail(cfg, "layer_types", "must be a list of %d, one for each layer", m->layers);
    m->window = window;
    for (int i = 0; window && i < m->layers && mw_err(cfg->c) == MW_OK; i++) {
        const char *kind = json_string_value(json_array_get(kinds, (size_t)i));
        m->windowed[i] = gemma ? (i + 1) % pattern != 0 : qwen ? i >= from : true;
        if (!kinds || !strcmp(f->type, "mistral")) // whose class has no such key
            continue;
        m->windowed[i] = kind && !strcmp(kind, "sliding_attention");
        if (!m->windowed[i] && (!kind || strcmp(kind, "full_attention") != 0))
            mw_config_fail(cfg, "layer_types", "layer %d must be full_attention or sliding_attention", i);
    }
}

static void read_gemma(mw_config *cfg, mw_llm_config *m)
{
    double scalar = mw_config_number(cfg, "query_pre_attn_scalar", 256, 1e-6, 1e9);
    m->scale = 1 / sqrt(scalar);
    m->act = mw_config_activation(cfg, "hidden_activation", "gelu_pytorch_tanh");
    mw_config_raw(cfg, "hidden_act"); // of older files, which transformers passes over
    mw_config_only(cfg, "attn_logit_softcapping", "null", NULL);
    mw_config_only(cfg, "final_logit_softcapping", "null", NULL);
    mw_config_only(cfg, "use_bidirectional_attention", "false",
                   "this is a model of sentences, not of what follows");
    mw_config_raw(cfg, "cache_implementation");
    m->head_norms = m->sandwich = m->norms_from_one = m->scaled_embedding = true;
}

static void read_numbers(mw_config *cfg, const mw_llm_family *f, mw_llm_config *m)
{
    bool gemma = !strcmp(f->type, "gemma3"), qwen2 = !strcmp(f->type, "qwen2");
    bool mistral = !strcmp(f->type, "mistral");
    m->eps = mw_config_number(cfg, "rms_norm_eps", 1e-6, 1e-12, 1);
    m->scale = 1 / sqrt((double)m->head);
    m->tied = mw_config_bool(cfg, "tie_word_embeddings", gemma);
    bool bias = mw_config_bool(cfg, "attention_bias", false);
    m->qkv_bias = qwen2 || (bias && !mistral); // these classes do not look at the key
    m->out_bias = bias && !qwen2 && !mistral;
    m->head_norms = !strcmp(f->type, "qwen3");
    m->act = MW_ACT_SILU;
    if (gemma)
        read_gemma(cfg, m);
    else
        mw_config_only_silu(cfg, "hidden_act");
    mw_config_only(cfg, "mlp_bias", "false", NULL);
    mw_config_only(cfg, "pretraining_tp", "1", NULL);
    mw_config_only(cfg, "partial_rotary_factor", "1", NULL);
    mw_config_only(cfg, "quantization_config", "null", "weights must be plain numbers");
    mw_config_raw(cfg, "eos_token_id"); // the tokenizer's: a number or a list of them
}

// The config of the language model within one of several parts.
static const json_t *text_part(const json_t *json)
{
    const json_t *part = json_object_get(json, "text_config");
    const char *type = json_string_value(json_object_get(json, "model_type"));
    return part && type && !strcmp(type, "gemma3") ? part : json;
}

mw_status mw_llm_config_read(mw_ctx *c, const json_t *json, const char *file, mw_llm_config *out)
{
    mw_config cfg;
    char label[512];
    const json_t *text = text_part(json);
    *out = (mw_llm_config){0};
    snprintf(label, sizeof label, "%s: text_config", file);
    if (mw_config_begin(c, &cfg, text, text == json ? file : label) != MW_OK)
        return mw_err(c);
    const mw_llm_family *f = read_type(&cfg);
    if (!f)
        return mw_err(c);
    out->type = f->type;
    read_sizes(&cfg, f, out);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    read_windows(&cfg, f, out);
    read_numbers(&cfg, f, out);
    mw_llm_config_read_rope(&cfg, f, out);
    return mw_config_done(&cfg);
}

const mw_rope_settings *mw_llm_config_rope(const mw_llm_config *m, int layer)
{
    return m->windowed[layer] ? &m->rope_windowed : &m->rope;
}

int mw_llm_config_window(const mw_llm_config *m, int layer) { return m->windowed[layer] ? m->window : 0; }

int64_t mw_llm_config_count(const mw_llm_config *m)
{
    int64_t q = (int64_t)m->heads * m->head, kv = (int64_t)m->kv_heads * m->head, w = m->width;
    int64_t norms = (m->sandwich ? 4 : 2) * w + (m->head_norms ? 2 * m->head : 0);
    int64_t layer = w * (2 * q + 2 * kv) + (m->qkv_bias ? q + 2 * kv : 0) + (m->out_bias ? w : 0) +
        3 * w * m->inner + norms;
    return m->layers * layer + w + w * m->vocab * (m->tied ? 1 : 2);
}
