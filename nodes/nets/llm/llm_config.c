// llm_config.c: the shape of a decoder-only language model, from a transformers config.json.
#include "nodes/nets/llm/llm_config.h"

#include "core/base/text.h"
#include "core/io/json.h"

#include <string.h>

static const struct {
    const char *type, *class;
    bool bias; // on q, k and v, without a key that says so
} types[] = {{"llama", "LlamaForCausalLM", false},
             {"mistral", "MistralForCausalLM", false},
             {"qwen2", "Qwen2ForCausalLM", true}};

enum { TYPES = sizeof types / sizeof *types };

// By "model_type", else by the first of "architectures".
static void read_type(mw_config *cfg, mw_llm_config *m)
{
    char shown[60];
    const char *type = mw_config_text(cfg, "model_type", NULL);
    const char *class = json_string_value(json_array_get(json_object_get(cfg->json, "architectures"), 0));
    for (int i = 0; i < TYPES; i++)
        if (type ? !strcmp(type, types[i].type) : class && !strcmp(class, types[i].class)) {
            m->type = types[i].type;
            m->qkv_bias = types[i].bias;
        }
    if (!m->type)
        mw_config_fail(cfg, "model_type", "\"%s\" is not supported, only llama, mistral and qwen2 are",
                       mw_printable(type        ? type
                                        : class ? class
                                                : "",
                                    shown, sizeof shown));
}

static void read_sizes(mw_config *cfg, mw_llm_config *m)
{
    m->width = mw_config_need_int(cfg, "hidden_size", 1, 1 << 18);
    m->inner = mw_config_need_int(cfg, "intermediate_size", 1, 1 << 20);
    m->layers = mw_config_need_int(cfg, "num_hidden_layers", 1, 1 << 12);
    m->heads = mw_config_need_int(cfg, "num_attention_heads", 1, 1 << 14);
    m->kv_heads = mw_config_int(cfg, "num_key_value_heads", m->heads, 1, 1 << 14);
    m->head = mw_config_int(cfg, "head_dim", 0, 1, 1 << 14);
    m->vocab = mw_config_need_int(cfg, "vocab_size", 1, 1 << 24);
    mw_config_int(cfg, "max_position_embeddings", 2048, 1, 1 << 30);
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

// A positive number that `owner`, an object inside the config, must have.
static double need_positive(mw_config *cfg, const char *where, const char *owner, const json_t *o,
                            const char *key)
{
    char got[60];
    const json_t *v = json_object_get(o, key);
    double x = json_number_value(v);
    if (json_is_number(v) && x > 0)
        return x;
    mw_config_fail(cfg, owner, "the rule %s needs '%s', a number above 0, got %s", where, key,
                   v ? mw_json_text_of(v, got, sizeof got) : "none");
    return 1;
}

// rope_scaling of older files, rope_parameters of newer ones: the rule by which the rotation's frequencies
// change.
static void read_rope(mw_config *cfg, const char *key)
{
    char got[60];
    const json_t *o = mw_config_raw(cfg, key);
    if (!o)
        return;
    const json_t *rule = json_object_get(o, "rope_type");
    rule = rule ? rule : json_object_get(o, "type");
    const char *name = json_string_value(rule);
    if (!name) {
        mw_config_fail(cfg, key, "must be an object with 'rope_type', got %s",
                       mw_json_text_of(o, got, sizeof got));
    } else if (!strcmp(name, "linear")) {
        need_positive(cfg, name, key, o, "factor");
    } else if (!strcmp(name, "llama3")) {
        need_positive(cfg, name, key, o, "factor");
        need_positive(cfg, name, key, o, "original_max_position_embeddings");
        double low = need_positive(cfg, name, key, o, "low_freq_factor");
        double high = need_positive(cfg, name, key, o, "high_freq_factor");
        if (mw_err(cfg->c) == MW_OK && high <= low)
            mw_config_fail(cfg, key, "high_freq_factor %g must be above low_freq_factor %g", high, low);
    } else if (strcmp(name, "default")) {
        mw_config_fail(cfg, key, "the rule \"%s\" is not supported, only default, linear and llama3 are",
                       mw_printable(name, got, sizeof got));
    }
    if (json_object_get(o, "rope_theta") && mw_err(cfg->c) == MW_OK)
        need_positive(cfg, name, key, o, "rope_theta");
}

static void read_numbers(mw_config *cfg)
{
    mw_config_number(cfg, "rms_norm_eps", 1e-6, 1e-12, 1);
    mw_config_number(cfg, "rope_theta", 10000, 1, 1e12);
    read_rope(cfg, "rope_scaling");
    read_rope(cfg, "rope_parameters");
    mw_config_only_silu(cfg, "hidden_act");
    mw_config_only(cfg, "mlp_bias", "false", NULL);
    mw_config_only(cfg, "pretraining_tp", "1", NULL);
    mw_config_only(cfg, "quantization_config", "null", "weights must be plain numbers");
    mw_config_bool(cfg, "use_sliding_window", false);
    mw_config_int(cfg, "sliding_window", 0, 1, 1 << 30);
    mw_config_int(cfg, "max_window_layers", 0, 0, 1 << 12);
    // Ids of the tokenizer: a number or a list of them; the layers' kinds repeat what the window says.
    mw_config_raw(cfg, "eos_token_id");
    mw_config_raw(cfg, "layer_types");
}

mw_status mw_llm_config_read(mw_ctx *c, const json_t *json, const char *file, mw_llm_config *out)
{
    mw_config cfg;
    *out = (mw_llm_config){0};
    if (mw_config_begin(c, &cfg, json, file) != MW_OK)
        return mw_err(c);
    read_type(&cfg, out);
    read_sizes(&cfg, out);
    read_numbers(&cfg);
    out->tied = mw_config_bool(&cfg, "tie_word_embeddings", false);
    bool bias = mw_config_bool(&cfg, "attention_bias", false);
    if (!strcmp(out->type ? out->type : "", "llama"))
        out->qkv_bias = out->out_bias = bias; // the other classes do not look at the key
    return mw_config_done(&cfg);
}

int64_t mw_llm_config_count(const mw_llm_config *m)
{
    int64_t q = (int64_t)m->heads * m->head, kv = (int64_t)m->kv_heads * m->head, w = m->width;
    int64_t layer = w * (2 * q + 2 * kv) + (m->qkv_bias ? q + 2 * kv : 0) + (m->out_bias ? w : 0) +
        3 * w * m->inner + 2 * w;
    return m->layers * layer + w + w * m->vocab * (m->tied ? 1 : 2);
}
