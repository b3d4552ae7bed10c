// lora_settings.c: every key of PEFT's settings of a LoRA: read, refused by name, or known to touch no
// number.
#include "nodes/nets/lora/lora_internal.h"

#include "nodes/nets/base/config.h"

#include <string.h>

// What the tensors show themselves, what only training asks for, and where the adapter came from.
static const char *const harmless[] = {
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_dropout",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    // read by lora_scales.c
    "alpha_pattern",
    "lora_alpha",
    "use_rslora",
};

// Keys that change the network in ways that are not built, unless they say nothing.
static const struct {
    const char *key, *why;
} refused[] = {
    {"use_dora", "a DoRA adapter, which is not supported"},
    {"fan_in_fan_out", "weights stored the other way round are not supported"},
    {"lora_bias", "a bias beside the factors is not supported"},
    {"modules_to_save", "modules saved in full are not supported"},
    {"layer_replication", "layers used several times are not supported"},
    {"trainable_token_indices", "changed rows of an embedding table are not supported"},
    {"alora_invocation_tokens", "an adapter that waits for a token is not supported"},
    {"target_parameters", "an adapter of bare parameters is not supported"},
    {"use_qalora", "QALoRA is not supported"},
    {"arrow_config", "routing between adapters is not supported"},
    {"use_bdlora", "block-diagonal factors are not supported"},
    {"kasa_config", "KaSA is not supported"},
    {"monteclora_config", "MonteCLoRA is not supported"},
    {"velora_config", "VeLoRA is not supported"},
};

static bool says_nothing(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
        (json_is_object(v) && !json_object_size(v));
}

// How the factors began matters where PEFT takes their beginning out of the base weight first.
static void check_beginning(mw_config *cfg)
{
    static const char *const plain[] = {"gaussian", "eva", "orthogonal"};
    const json_t *v = mw_config_raw(cfg, "init_lora_weights");
    const char *text = json_string_value(v);
    for (size_t i = 0; text && i < sizeof plain / sizeof *plain; i++)
        if (strcmp(text, plain[i]) == 0)
            return;
    if (text)
        mw_config_fail(
            cfg, "init_lora_weights",
            "\"%.40s\" is not supported: such an adapter (PiSSA, OLoRA, CorDA, LoftQ, ...) belongs to a base "
            "weight that PEFT changes first; save it converted to a plain LoRA",
            text);
    else if (v && !json_is_boolean(v))
        mw_config_fail(cfg, "init_lora_weights", "must be true, false or a text");
}

mw_status mw_lora_check_settings(mw_ctx *c, const json_t *json, const char *file)
{
    mw_config cfg;
    if (mw_config_begin(c, &cfg, json, file) != MW_OK)
        return mw_err(c);
    mw_config_only(&cfg, "peft_type", "\"LORA\"", NULL);
    mw_config_only(&cfg, "bias", "\"none\"", "changed biases are not supported");
    check_beginning(&cfg);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (!says_nothing(mw_config_raw(&cfg, refused[i].key)))
            mw_config_fail(&cfg, refused[i].key, "%s", refused[i].why);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        mw_config_raw(&cfg, harmless[i]);
    return mw_config_done(&cfg);
}
