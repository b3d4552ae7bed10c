// lora_names.c: the names in LoRA files: which part, which module, which factor.
#include "nodes/nets/lora/lora_names.h"

#include <stdio.h>
#include <string.h>

// Ends of names. "*" stands for the name of an adapter. The first that fits counts.
static const struct {
    const char *front, *back; // back: after the adapter's name; NULL: there is none
    mw_lora_role role;
} endings[] = {
    {".lora_down.weight", NULL, MW_LORA_DOWN},
    {".lora_up.weight", NULL, MW_LORA_UP},
    {".lora_mid.weight", NULL, MW_LORA_MID},
    {".alpha", NULL, MW_LORA_ALPHA},
    {".lora_A.weight", NULL, MW_LORA_DOWN},
    {".lora_B.weight", NULL, MW_LORA_UP},
    {".lora.down.weight", NULL, MW_LORA_DOWN},
    {".lora.up.weight", NULL, MW_LORA_UP},
    {".lora_linear_layer.down.weight", NULL, MW_LORA_DOWN},
    {".lora_linear_layer.up.weight", NULL, MW_LORA_UP},
    {"_lora.down.weight", NULL, MW_LORA_DOWN},
    {"_lora.up.weight", NULL, MW_LORA_UP},
    {".lora_A.", ".weight", MW_LORA_DOWN},
    {".lora_B.", ".weight", MW_LORA_UP},
};

// Pieces of names of other kinds of adapters.
static const struct {
    const char *piece, *what;
} others[] = {
    {"dora_scale", "a DoRA adapter, which is not supported"},
    {"lora_magnitude_vector", "a DoRA adapter, which is not supported"},
    {".hada_", "a LoHa adapter, which is not supported"},
    {".lokr_", "a LoKr adapter, which is not supported"},
    {".oft_", "an OFT adapter, which is not supported"},
    {".diff", "a full-difference adapter, which is not supported"},
    {".w_norm", "an adapter of norms, which is not supported"},
    {"lora_embedding_", "an adapter of an embedding table, which is not supported"},
    {".bias", "an adapter of a bias, which is not supported"},
    {"bundle_emb", "a textual inversion inside a LoRA, which is not supported"},
};

static const struct {
    const char *prefix;
    mw_lora_part part;
    bool bare;
} prefixes[] = {
    {"lora_unet_", MW_LORA_UNET, false},
    {"lora_te1_", MW_LORA_TEXT, false},
    {"lora_te2_", MW_LORA_TEXT_2, false},
    {"lora_te_", MW_LORA_TEXT, false},
    {"unet.", MW_LORA_UNET, false},
    {"text_encoder_2.", MW_LORA_TEXT_2, false},
    {"text_encoder.", MW_LORA_TEXT, false},
    {"diffusion_model.", MW_LORA_UNET, false},
    {"model.diffusion_model.", MW_LORA_UNET, false},
    // ComfyUI's own
    {"text_encoders.clip_l.transformer.", MW_LORA_TEXT, false},
    {"text_encoders.clip_h.transformer.", MW_LORA_TEXT, false},
    {"text_encoders.clip_g.transformer.", MW_LORA_TEXT_2, false},
    {"clip_l.transformer.", MW_LORA_TEXT, false},
    {"clip_h.transformer.", MW_LORA_TEXT, false},
    {"clip_g.transformer.", MW_LORA_TEXT_2, false},
    // of trainers built on the LyCORIS library
    {"lycoris_text_model_", MW_LORA_TEXT, false},
    {"lycoris_", MW_LORA_UNET, false},
};

// First words of modules in files that name no part.
static const struct {
    const char *word;
    mw_lora_part part;
} words[] = {
    {"down_blocks.", MW_LORA_UNET},   {"mid_block.", MW_LORA_UNET},  {"up_blocks.", MW_LORA_UNET},
    {"conv_in.", MW_LORA_UNET},       {"conv_out.", MW_LORA_UNET},   {"time_embedding.", MW_LORA_UNET},
    {"add_embedding.", MW_LORA_UNET}, {"text_model.", MW_LORA_TEXT}, {"encoder.layers.", MW_LORA_TEXT},
};

const char *mw_lora_part_name(mw_lora_part p)
{
    static const char *const names[] = {"unet", "text_encoder", "text_encoder_2"};
    return names[p];
}

static const char *skip(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : s;
}

// Where ending i begins in the name; NULL where it has another one.
static const char *find_ending(const char *name, size_t i)
{
    size_t n = strlen(name), front = strlen(endings[i].front),
           back = endings[i].back ? strlen(endings[i].back) : 0;
    if (n <= front + back)
        return NULL;
    if (!endings[i].back)
        return strcmp(name + n - front, endings[i].front) == 0 ? name + n - front : NULL;
    const char *at = strstr(name, endings[i].front);
    if (!at || strcmp(name + n - back, endings[i].back) != 0)
        return NULL;
    // The adapter's name between them has no dots and is not empty.
    const char *from = at + front, *to = name + n - back;
    return from < to && !memchr(from, '.', (size_t)(to - from)) ? at : NULL;
}

// Old diffusers files name the modules of an attention's processor.
static void from_processor(char *module)
{
    char *at = strstr(module, ".processor.");
    if (!at)
        return;
    memmove(at, at + strlen(".processor"), strlen(at + strlen(".processor")) + 1);
    size_t n = strlen(module);
    if (n >= 7 && n + 2 < MW_LORA_NAME_MAX && strcmp(module + n - 7, ".to_out") == 0)
        strcat(module, ".0");
}

static const char *find_part(const char *name, mw_lora_name *out)
{
    name = skip(name, "base_model.model.");
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const char *rest = skip(name, prefixes[i].prefix);
        if (rest == name)
            continue;
        out->part = prefixes[i].part;
        return skip(rest, "base_model.model.");
    }
    out->bare = true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (skip(name, words[i].word) != name) {
            out->part = words[i].part;
            return name;
        }
    return NULL;
}

const char *mw_lora_name_parse(const char *entry, mw_lora_name *out)
{
    *out = (mw_lora_name){.role = MW_LORA_ROLES};
    const char *end = NULL;
    for (size_t i = 0; i < sizeof endings / sizeof *endings && !end; i++)
        if ((end = find_ending(entry, i)))
            out->role = endings[i].role;
    for (size_t i = 0; i < sizeof others / sizeof *others && !end; i++)
        if (strstr(entry, others[i].piece))
            return others[i].what;
    if (!end)
        return "no name of a LoRA factor";
    const char *module = find_part(entry, out);
    if (!module || module >= end)
        return "of no part that is known (unet, text_encoder, text_encoder_2)";
    int n = snprintf(out->module, sizeof out->module, "%.*s", (int)(end - module), module);
    if (n < 0 || (size_t)n >= sizeof out->module)
        return "too long a name";
    from_processor(out->module);
    return NULL;
}

void mw_lora_module_key(const char *module, char key[MW_LORA_NAME_MAX])
{
    snprintf(key, MW_LORA_NAME_MAX, "%s", module);
    for (char *p = key; *p; p++)
        if (*p == '.')
            *p = '_';
    const char *rest = skip(key, "text_model_");
    memmove(key, rest, strlen(rest) + 1);
}
