// lora_scales.c: alpha / rank of a LoRA's modules: from its .alpha tensors, or from PEFT's metadata.
#include "nodes/nets/lora/lora_internal.h"

#include "core/base/pathname.h"
#include "core/io/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// PEFT's settings of one part: keys are "<prefix>lora_alpha" and so on.
typedef struct settings {
    const json_t *json; // NULL: none
    const char *file;
    char prefix[32];
} settings;

static const json_t *field(const settings *s, const char *key)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", s->prefix, key);
    return json_object_get(s->json, full);
}

// Does a pattern of PEFT fit the module? The module's whole path, or its end after a dot; "^" in front: the
// whole path.
static bool pattern_fits(mw_ctx *c, const settings *s, const char *pattern, const char *module)
{
    bool whole = *pattern == '^';
    pattern += whole;
    if (strpbrk(pattern, "\\[](){}*+?|$^")) {
        mw_fail(c, MW_E_FILE, "%s: alpha_pattern '%.80s': only plain module names are supported", s->file,
                pattern);
        return false;
    }
    size_t n = strlen(module), m = strlen(pattern);
    if (n == m || whole)
        return strcmp(module, pattern) == 0;
    return n > m && module[n - m - 1] == '.' && strcmp(module + n - m, pattern) == 0;
}

static double from_settings(mw_ctx *c, const settings *s, const mw_lora_module *m, double rank)
{
    const json_t *alpha = field(s, "lora_alpha"), *v;
    const char *pattern;
    json_object_foreach((json_t *)field(s, "alpha_pattern"), pattern, v)
    {
        if (pattern_fits(c, s, pattern, m->name)) {
            alpha = v;
            break;
        }
    }
    if (alpha && !json_is_null(alpha) && !json_is_number(alpha))
        mw_fail(c, MW_E_FILE, "%s: 'lora_alpha' of the %s is not a number", s->file,
                mw_lora_part_name(m->part));
    if (!json_is_number(alpha))
        return 1;
    return json_number_value(alpha) / (json_is_true(field(s, "use_rslora")) ? sqrt(rank) : rank);
}

static double from_tensor(mw_ctx *c, const mw_lora *l, const mw_st_entry *e, double rank)
{
    float alpha = 0;
    if (e->count != 1)
        mw_fail(c, MW_E_FILE, "%s: tensor '%.200s' must be one number", l->path, e->name);
    else
        mw_st_read_f32(c, e, &alpha);
    if (mw_err(c) == MW_OK && !isfinite(alpha))
        mw_fail(c, MW_E_FILE, "%s: tensor '%.200s' is %g", l->path, e->name, (double)alpha);
    return alpha / rank;
}

// adapter_config.json beside a file of PEFT's own; NULL where there is none. *path is to be freed.
static json_t *config_beside(mw_ctx *c, const mw_lora *l, char **path)
{
    *path = NULL;
    if (strcmp(mw_path_base(l->path), "adapter_model.safetensors") != 0)
        return NULL;
    char *folder = mw_path_folder(c, l->path);
    *path = folder ? mw_path_join(c, folder, "adapter_config.json") : NULL;
    free(folder);
    return *path && mw_path_exists(*path) ? mw_json_load(c, *path) : NULL;
}

// The settings of each part in the metadata, whose keys begin with the part's name.
static void check_metadata(mw_ctx *c, const mw_lora *l, const json_t *metadata)
{
    for (int p = 0; metadata && p < MW_LORA_PARTS && mw_err(c) == MW_OK; p++) {
        json_t *own = json_object(), *v;
        const char *key, *part = mw_lora_part_name((mw_lora_part)p);
        size_t n = strlen(part);
        json_object_foreach((json_t *)(uintptr_t)metadata, key, v)
        {
            if (strncmp(key, part, n) == 0 && key[n] == '.')
                json_object_set(own, key + n + 1, v);
        }
        mw_lora_check_settings(c, own, l->path);
        json_decref(own);
    }
}

mw_status mw_lora_read_scales(mw_ctx *c, mw_lora *l)
{
    char *beside_path;
    const char *text = mw_st_metadata(mw_files_st(l->files), "lora_adapter_metadata");
    json_t *metadata = text ? mw_json_parse(c, text, strlen(text), l->path) : NULL;
    json_t *beside = mw_err(c) == MW_OK ? config_beside(c, l, &beside_path) : (beside_path = NULL, NULL);
    if (beside)
        mw_lora_check_settings(c, beside, beside_path);
    else if (mw_err(c) == MW_OK)
        check_metadata(c, l, metadata);
    for (size_t i = 0; i < l->n && mw_err(c) == MW_OK; i++) {
        mw_lora_module *m = &l->modules[i];
        const mw_st_entry *down = m->factor[MW_LORA_DOWN], *alpha = m->factor[MW_LORA_ALPHA];
        double rank = down->ndim ? (double)down->shape[0] : 0;
        settings s = {.json = beside ? beside : metadata, .file = beside ? beside_path : l->path};
        if (!beside && !m->bare)
            snprintf(s.prefix, sizeof s.prefix, "%s.", mw_lora_part_name(m->part));
        if (rank < 1)
            mw_fail(c, MW_E_FILE, "%s: tensor '%.200s' has no rank", l->path, down->name);
        else
            m->scale = alpha ? from_tensor(c, l, alpha, rank) : from_settings(c, &s, m, rank);
    }
    json_decref(metadata);
    json_decref(beside);
    free(beside_path);
    return mw_err(c);
}
