// config.c: reading a network's config.json: defaults, ranges, refusals, and warnings for keys nobody knows.
#include "nodes/nets/base/config.h"

#include "core/io/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Keys that touch no number of a forward pass, of all networks and libraries that write these files.
static const char *const harmless[] = {
    // diffusers and transformers: where it came from, how it was stored, what an object returns
    "_class_name",
    "_commit_hash",
    "_diffusers_version",
    "_name_or_path",
    "_use_default_values",
    "add_cross_attention",
    "architectures",
    "auto_map",
    "chunk_size_feed_forward",
    "cross_attention_hidden_size",
    "dtype",
    "id2label",
    "is_decoder",
    "is_encoder_decoder",
    "label2id",
    "model_type",
    "output_attentions",
    "output_hidden_states",
    "problem_type",
    "pruned_heads",
    "return_dict",
    "task_specific_params",
    "tie_encoder_decoder",
    "tie_word_embeddings",
    "tokenizer_class",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "use_bfloat16",
    "use_cache",
    "finetuning_task",
    "prefix",
    "tf_legacy_loss",
    "typical_p",
    "exponential_decay_length_penalty",
    "suppress_tokens",
    "begin_suppress_tokens",
    "remove_invalid_values",
    "return_dict_in_generate",
    "output_scores",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "decoder_start_token_id",
    "sep_token_id",
    "pad_token_id",
    "bos_token_id",
    "bad_words_ids",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
    // what the tensors show themselves
    "quantization_config",
    // training
    "attention_dropout",
    "dropout",
    "gradient_checkpointing",
    "initializer_factor",
    "initializer_range",
    "decay",
    "inv_gamma",
    "min_decay",
    "optimization_step",
    "power",
    "update_after_step",
    "use_ema_warmup",
    // the engine's arithmetic is f32 anyway
    "upcast_attention",
    // how a matrix is stored, as one or as a 1x1 convolution; either is read
    "use_linear_projection",
    // parts of blocks that are refused by their type
    "addition_embed_type_num_heads",
    "mid_block_only_cross_attention",
    // the other towers of a whole CLIP config
    "vision_config",
    "vision_config_dict",
    "text_config_dict",
    "logit_scale_init_value",
};

mw_status mw_config_begin(mw_ctx *c, mw_config *cfg, const json_t *json, const char *file)
{
    *cfg = (mw_config){.c = c, .json = json, .file = file};
    if (!json_is_object(json))
        return mw_fail(c, MW_E_FILE, "%s: a config must be a JSON object", file);
    return mw_err(c);
}

static bool listed(const char *const *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], key) == 0)
            return true;
    return false;
}

static void know(mw_config *cfg, const char *key)
{
    if (!listed(cfg->known, (size_t)cfg->nknown, key) && cfg->nknown < MW_CONFIG_MAXKEYS)
        cfg->known[cfg->nknown++] = key;
}

mw_status mw_config_done(mw_config *cfg)
{
    const char *key;
    json_t *value;
    char text[64];
    if (mw_err(cfg->c) != MW_OK)
        return mw_err(cfg->c);
    json_object_foreach((json_t *)(uintptr_t)cfg->json, key, value)
    {
        if (!listed(cfg->known, (size_t)cfg->nknown, key) &&
            !listed(harmless, sizeof harmless / sizeof *harmless, key))
            mw_warn(cfg->c, "%s: unknown key '%.64s' (%s) is ignored", cfg->file, key,
                    mw_json_text_of(value, text, sizeof text));
    }
    return MW_OK;
}

mw_status mw_config_fail_at(mw_config *cfg, const char *key, const char *file, int line, const char *fmt, ...)
{
    char sentence[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return mw_fail_at(cfg->c, MW_E_FILE, file, line, "%s: '%s': %s", cfg->file, key, sentence);
}

const json_t *mw_config_raw(mw_config *cfg, const char *key)
{
    know(cfg, key);
    return mw_json_has(cfg->json, key) ? json_object_get(cfg->json, key) : NULL;
}

int mw_config_int(mw_config *cfg, const char *key, int def, int low, int high)
{
    return mw_config_raw(cfg, key) ? mw_config_need_int(cfg, key, low, high) : def;
}

int mw_config_need_int(mw_config *cfg, const char *key, int low, int high)
{
    know(cfg, key);
    return (int)mw_json_int(cfg->c, cfg->file, cfg->json, key, low, high);
}

double mw_config_number(mw_config *cfg, const char *key, double def, double low, double high)
{
    if (!mw_config_raw(cfg, key))
        return def;
    double x = mw_json_number(cfg->c, cfg->file, cfg->json, key);
    if (mw_err(cfg->c) == MW_OK && !(x >= low && x <= high))
        mw_config_fail(cfg, key, "must be from %g to %g, got %g", low, high, x);
    return x;
}

bool mw_config_bool(mw_config *cfg, const char *key, bool def)
{
    return mw_config_raw(cfg, key) ? mw_json_bool(cfg->c, cfg->file, cfg->json, key) : def;
}

const char *mw_config_text(mw_config *cfg, const char *key, const char *def)
{
    return mw_config_raw(cfg, key) ? mw_json_string(cfg->c, cfg->file, cfg->json, key) : def;
}

void mw_config_ints(mw_config *cfg, const char *key, int def, int low, int high, int n, int *out)
{
    const json_t *v = mw_config_raw(cfg, key);
    if (!json_is_array(v)) {
        int x = mw_config_int(cfg, key, def, low, high);
        for (int i = 0; i < n; i++)
            out[i] = x;
        return;
    }
    int64_t wide[64] = {0};
    int found = mw_json_ints(cfg->c, cfg->file, cfg->json, key, low, high, wide, 64);
    if (mw_err(cfg->c) == MW_OK && found != n)
        mw_config_fail(cfg, key, "must have %d entries, one for each level, has %d", n, found);
    for (int i = 0; i < n; i++)
        out[i] = (int)wide[i];
}

int mw_config_list_size(mw_config *cfg, const char *key, int max)
{
    const json_t *v = mw_config_raw(cfg, key);
    size_t n = json_array_size(v);
    if (json_is_array(v) && n >= 1 && n <= (size_t)max)
        return (int)n;
    mw_config_fail(cfg, key, "must be a list of 1 to %d entries", max);
    return 0;
}

static bool same_value(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

void mw_config_only(mw_config *cfg, const char *key, const char *supported, const char *why)
{
    const json_t *v = mw_config_raw(cfg, key);
    if (!v)
        return;
    json_t *want = json_loads(supported, JSON_DECODE_ANY, NULL);
    char got[64];
    if (!want || !same_value(v, want))
        mw_config_fail(cfg, key, "%s is not supported, only %s is%s%s", mw_json_text_of(v, got, sizeof got),
                       supported, why ? ": " : "", why ? why : "");
    json_decref(want);
}

mw_activation mw_config_activation(mw_config *cfg, const char *key, const char *def)
{
    static const struct {
        const char *name;
        mw_activation act;
    } table[] = {
        {"silu", MW_ACT_SILU},          {"swish", MW_ACT_SILU},
        {"gelu", MW_ACT_GELU},          {"quick_gelu", MW_ACT_QUICK_GELU},
        {"gelu_new", MW_ACT_GELU_TANH}, {"gelu_pytorch_tanh", MW_ACT_GELU_TANH},
    };
    const char *name = mw_config_text(cfg, key, def);
    for (size_t i = 0; name && i < sizeof table / sizeof *table; i++)
        if (strcmp(name, table[i].name) == 0)
            return table[i].act;
    if (name)
        mw_config_fail(
            cfg, key,
            "activation \"%.40s\" is not supported, only silu (swish), gelu, quick_gelu, gelu_new and "
            "gelu_pytorch_tanh are",
            name);
    return MW_ACT_NONE;
}

void mw_config_only_silu(mw_config *cfg, const char *key)
{
    if (mw_config_activation(cfg, key, "silu") != MW_ACT_SILU && mw_err(cfg->c) == MW_OK)
        mw_config_fail(cfg, key, "only \"silu\" is supported here");
}
