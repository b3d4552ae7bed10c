// clip_settings.c: the settings of a tokenizer_config.json beside its tokens: read, refused, or harmless.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include "nodes/nets/base/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Read elsewhere, or without effect on the ids of a CLIP tokenizer: it always lower-cases, adds no space, and
// puts begin and end around a text.
static const char *const known[] = {
    "added_tokens_decoder",
    "additional_special_tokens",
    "bos_token",
    "eos_token",
    "extra_special_tokens",
    "model_max_length",
    "pad_token",
    "unk_token",
    "add_bos_token",
    "add_eos_token",
    "add_prefix_space",
    "backend",
    "chat_template",
    "clean_up_tokenization_spaces",
    "cls_token",
    "device",
    "do_lower_case",
    "errors",
    "from_slow",
    "image_processor_type",
    "is_fast",
    "is_local",
    "legacy",
    "local_files_only",
    "mask_token",
    "max_length",
    "merges_file",
    "model_input_names",
    "model_specific_special_tokens",
    "name_or_path",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "processor_class",
    "return_attention_mask",
    "sep_token",
    "special_tokens_map_file",
    "stride",
    "tokenizer_file",
    "trim_offsets",
    "truncation",
    "truncation_strategy",
    "use_fast",
    "vocab_file",
};

// A side: config's, else that of tokenizer.json, else the right one.
static const char *side(mw_config *cfg, const mw_clip_files *f, const char *key, const char *section)
{
    const char *json = json_string_value(json_object_get(json_object_get(f->whole, section), "direction"));
    const char *s = mw_config_text(cfg, key, json && strcasecmp(json, "left") == 0 ? "left" : "right");
    if (s && strcmp(s, "left") != 0 && strcmp(s, "right") != 0)
        mw_config_fail(cfg, key, "\"%.40s\" is neither \"left\" nor \"right\"", s);
    return s ? s : "right";
}

static void check_class(mw_config *cfg)
{
    static const char *const classes[] = {"CLIPTokenizer", "CLIPTokenizerFast", "PreTrainedTokenizerFast",
                                          "TokenizersBackend", NULL};
    const char *class = mw_config_text(cfg, "tokenizer_class", classes[0]);
    for (int i = 0; class && classes[i]; i++)
        if (strcmp(class, classes[i]) == 0)
            return;
    if (class)
        mw_config_fail(cfg, "tokenizer_class", "\"%.60s\" is not supported, only \"CLIPTokenizer\" is",
                       class);
}

mw_status mw_clip_read_settings(mw_ctx *c, mw_clip_files *f)
{
    mw_config cfg;
    char *file = mw_format(c, "%s/tokenizer_config.json", f->folder);
    json_t *none = json_object();
    if (file && mw_config_begin(c, &cfg, f->config ? f->config : none, file) == MW_OK) {
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            mw_config_raw(&cfg, known[i]);
        check_class(&cfg);
        f->t->pad_left = strcmp(side(&cfg, f, "padding_side", "padding"), "left") == 0;
        if (strcmp(side(&cfg, f, "truncation_side", "truncation"), "right") != 0)
            mw_config_fail(&cfg, "truncation_side", "texts are only cut at their end (\"right\")");
        mw_config_only(&cfg, "split_special_tokens", "false", "special tokens in a text are always read");
        mw_config_done(&cfg);
    }
    json_decref(none);
    free(file);
    return mw_err(c);
}
