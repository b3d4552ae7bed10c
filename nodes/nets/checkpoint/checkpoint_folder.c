// checkpoint_folder.c: a checkpoint from a diffusers folder: model_index.json, and a folder for each part.
#include "nodes/nets/checkpoint/checkpoint_internal.h"

#include "core/base/pathname.h"
#include "core/io/json.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/base/part_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Pipelines whose parts are those of plain text-to-image.
static const char *const pipelines[] = {"StableDiffusionPipeline",       "StableDiffusionImg2ImgPipeline",
                                        "StableDiffusionXLPipeline",     "StableDiffusionXLImg2ImgPipeline",
                                        "StableDiffusionGLIGENPipeline", NULL};

typedef struct wanted {
    const char *name, *classes[3];
    bool xl; // only SDXL has it
} wanted;

static const wanted parts[] = {
    {"unet", {"UNet2DConditionModel"}, false},
    {"vae", {"AutoencoderKL"}, false},
    {"text_encoder", {"CLIPTextModel", "CLIPTextModelWithProjection"}, false},
    {"tokenizer", {"CLIPTokenizer", "CLIPTokenizerFast"}, false},
    {"scheduler", {NULL}, false}, // its own config names the class
    {"text_encoder_2", {"CLIPTextModelWithProjection", "CLIPTextModel"}, true},
    {"tokenizer_2", {"CLIPTokenizer", "CLIPTokenizerFast"}, true},
};

// Parts that draw nothing.
static const char *const ignored[] = {"safety_checker", "feature_extractor", "image_encoder", NULL};

static bool listed(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list;
}

// What the index says.
typedef struct pipeline {
    char *class; // owned
    bool xl;
    bool mends;      // its class changes outdated configs
    char *scheduler; // class names; owned
    char *text_encoder[2];
} pipeline;

static void check_pipeline(mw_ctx *c, const char *file, const char *name)
{
    if (!listed(pipelines, name))
        mw_fail(
            c, MW_E_FILE,
            "%s: '_class_name' is \"%.60s\"%s, which is not supported%s: only Stable Diffusion 1, 2 and XL "
            "pipelines are",
            file, name, strstr(name, "Inpaint") ? " (inpainting)" : "",
            strstr(name, "StableDiffusion") ? " yet" : "");
}

static void check_part(mw_ctx *c, const char *file, const json_t *index, const wanted *w)
{
    const json_t *v = json_object_get(index, w->name);
    const char *class = json_string_value(json_array_get(v, 1));
    if (!class)
        mw_fail(c, MW_E_FILE, "%s: the part '%s' is missing", file, w->name);
    else if (w->classes[0] && !listed(w->classes, class))
        mw_fail(c, MW_E_FILE, "%s: the part '%s' is a \"%.60s\", but only %s is supported", file, w->name,
                class, w->classes[0]);
}

// Every other part must be one that changes no picture.
static void check_rest(mw_ctx *c, const char *file, json_t *index)
{
    const char *key;
    json_t *v;
    json_object_foreach(index, key, v)
    {
        bool known = listed(ignored, key);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            known = known || strcmp(parts[i].name, key) == 0;
        if (!known && json_is_array(v) && json_is_string(json_array_get(v, 1)))
            mw_warn(c, "%s: the part '%s' (%s) is not used", file, key,
                    json_string_value(json_array_get(v, 1)));
    }
}

// The pipeline's class. One that lies in a Python file of the folder is named by a list.
static const char *class_of(mw_ctx *c, const char *file, const json_t *index)
{
    const json_t *v = json_object_get(index, "_class_name");
    if (!json_is_array(v))
        return mw_json_string(c, file, index, "_class_name");
    const char *module = json_string_value(json_array_get(v, 0)),
               *class = json_string_value(json_array_get(v, 1));
    mw_fail(c, MW_E_FILE,
            "%s: is for a pipeline of its own (\"%.60s\" in %.60s.py), which is not supported: only Stable "
            "Diffusion 1, 2 and XL pipelines of diffusers are",
            file, class ? class : "", module ? module : "");
    return NULL;
}

static char *part_class(mw_ctx *c, const json_t *index, const char *part)
{
    const char *class = json_string_value(json_array_get(json_object_get(index, part), 1));
    return class ? mw_strdup(c, class) : NULL;
}

static void forget(pipeline *p)
{
    free(p->class);
    free(p->scheduler);
    free(p->text_encoder[0]);
    free(p->text_encoder[1]);
}

static void read_index(mw_ctx *c, mw_checkpoint *k, const char *folder, pipeline *p)
{
    char *file = mw_path_join(c, folder, "model_index.json");
    if (file && !mw_path_exists(file))
        mw_fail(c, MW_E_FILE, "%s: not a diffusers folder: it holds no model_index.json", folder);
    json_t *index = mw_err(c) == MW_OK ? mw_json_load(c, file) : NULL;
    const char *class = index ? class_of(c, file, index) : NULL;
    if (class)
        check_pipeline(c, file, class);
    p->xl = class && strstr(class, "StableDiffusionXL");
    p->mends = class && !p->xl && !strstr(class, "GLIGEN");
    for (size_t i = 0; i < sizeof parts / sizeof *parts && mw_err(c) == MW_OK; i++)
        if (p->xl || !parts[i].xl)
            check_part(c, file, index, &parts[i]);
    if (mw_err(c) == MW_OK) {
        check_rest(c, file, index);
        k->ntext = p->xl ? 2 : 1;
        k->zero_empty_negative =
            p->xl && !json_is_false(json_object_get(index, "force_zeros_for_empty_prompt"));
    }
    p->class = class ? mw_strdup(c, class) : NULL;
    p->scheduler = part_class(c, index, "scheduler");
    for (int i = 0; i < 2; i++)
        p->text_encoder[i] = part_class(c, index, mw_checkpoint_text_part(i));
    json_decref(index);
    free(file);
}

static const char weights[] = "diffusion_pytorch_model", text_weights[] = "model";

// The variant is taken where a part has it, and asked of no part where none has it.
static void check_variant(mw_ctx *c, const mw_checkpoint *k, const mw_checkpoint_options *o)
{
    const char *const names[] = {"unet", "vae", mw_checkpoint_text_part(0), mw_checkpoint_text_part(1)};
    for (int i = 0; o->variant && *o->variant && i < 2 + k->ntext; i++) {
        char *folder = mw_path_join(c, o->path, names[i]);
        bool there = folder && mw_part_has_variant(c, folder, i < 2 ? weights : text_weights, o->variant);
        free(folder);
        if (there)
            return;
    }
    if (o->variant && *o->variant)
        mw_fail(c, MW_E_FILE, "%s: no part has a variant '%s': no '%s.%s.safetensors' is there", o->path,
                o->variant, weights, o->variant);
}

static bool is_there(mw_ctx *c, const mw_checkpoint_options *o, const char *part, const char *file)
{
    char *path = mw_format(c, "%s/%s/%s", o->path, part, file);
    bool there = path && mw_path_exists(path);
    free(path);
    return there;
}

static bool has_weights(mw_ctx *c, const mw_checkpoint_options *o, const char *part, const char *stem)
{
    char *folder = mw_path_join(c, o->path, part);
    bool there = folder && mw_part_has_weights(c, folder, stem);
    free(folder);
    return there;
}

// What a folder lacks, by kind: names of parts, with commas between them.
typedef struct lacks {
    char config[128], weights[128], vocabulary[64];
    int n;
} lacks;

static void note(lacks *l, char *list, size_t size, const char *part)
{
    size_t n = strlen(list);
    snprintf(list + n, size - n, "%s%s", n ? ", " : "", part);
    l->n++;
}

static lacks look(mw_ctx *c, const mw_checkpoint *k, const mw_checkpoint_options *o)
{
    const char *const parts_of[] = {"unet", "vae", mw_checkpoint_text_part(0), mw_checkpoint_text_part(1)};
    lacks l = {.n = 0};
    for (int i = 0; i < 2 + k->ntext; i++) {
        if (!is_there(c, o, parts_of[i], "config.json"))
            note(&l, l.config, sizeof l.config, parts_of[i]);
        if (!has_weights(c, o, parts_of[i], i < 2 ? weights : text_weights))
            note(&l, l.weights, sizeof l.weights, parts_of[i]);
    }
    if (!is_there(c, o, "scheduler", "scheduler_config.json"))
        note(&l, l.config, sizeof l.config, "scheduler");
    for (int i = 0; i < k->ntext; i++) {
        const char *part = mw_checkpoint_tokenizer_part(i);
        if (!is_there(c, o, part, "tokenizer.json") && !is_there(c, o, part, "vocab.json"))
            note(&l, l.vocabulary, sizeof l.vocabulary, part);
    }
    return l;
}

// A folder of which several files are missing: whatever else is wrong with what is there comes first.
static mw_status fail_lacks(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o, const pipeline *p,
                            const lacks *l)
{
    char list[512];
    const char *kind = "kind unknown";
    if (is_there(c, o, "unet", "config.json") && mw_checkpoint_read_unet(c, k, o->path) == MW_OK)
        kind = mw_checkpoint_kind(&k->unet_config);
    if (is_there(c, o, "vae", "config.json"))
        mw_checkpoint_read_vae(c, k, o->path);
    if (is_there(c, o, "scheduler", "scheduler_config.json"))
        mw_checkpoint_read_scheduler(c, k, o->path, p->scheduler);
    for (int i = 0; i < k->ntext; i++)
        if (is_there(c, o, mw_checkpoint_text_part(i), "config.json"))
            mw_checkpoint_read_text(c, k, o->path, i, p->text_encoder[i]);
    const struct {
        const char *what, *of;
    } all[] = {{"config", l->config}, {"weights", l->weights}, {"vocabulary", l->vocabulary}};
    size_t n = 0;
    list[0] = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (*all[i].of)
            n += (size_t)snprintf(list + n, sizeof list - n, "%sno %s of %s", n ? "; " : "", all[i].what,
                                  all[i].of);
    return mw_fail(c, MW_E_FILE, "%s: a %s (%s) of which files are missing: %s", o->path, p->class, kind,
                   list);
}

static mw_source *open_part(mw_ctx *c, const mw_checkpoint_options *o, const char *part, const char *stem,
                            const mw_name_rule *rule)
{
    char *folder = mw_err(c) == MW_OK ? mw_path_join(c, o->path, part) : NULL;
    const char *variant = folder && mw_part_has_variant(c, folder, stem, o->variant) ? o->variant : NULL;
    char *path = folder ? mw_part_weights(c, folder, stem, variant) : NULL;
    mw_files *files = path ? mw_files_open(c, path) : NULL;
    mw_source *s = files ? mw_source_new(c, files, rule) : NULL;
    mw_files_release(files);
    free(path);
    free(folder);
    return s;
}

static void read_tokenizer(mw_ctx *c, mw_checkpoint *k, const char *root, int i)
{
    char *folder = mw_err(c) == MW_OK ? mw_path_join(c, root, mw_checkpoint_tokenizer_part(i)) : NULL;
    mw_clip_tokenizer *t = folder ? mw_clip_tokenizer_load(c, folder, NULL) : NULL;
    if (t)
        k->tokenizer[i] = mw_tokenizer_new(c, t);
    free(folder);
}

mw_status mw_checkpoint_fill_folder(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o)
{
    pipeline p = {0};
    if (o->config && *o->config)
        return mw_fail(c, MW_E_ARG, "%s: 'config' is for single files; a folder has its own configs",
                       o->path);
    read_index(c, k, o->path, &p);
    lacks missing = mw_err(c) == MW_OK ? look(c, k, o) : (lacks){.n = 0};
    if (missing.n > 1)
        fail_lacks(c, k, o, &p, &missing);
    if (mw_err(c) == MW_OK) {
        mw_checkpoint_read_unet(c, k, o->path);
        mw_checkpoint_read_vae(c, k, o->path);
        mw_checkpoint_read_scheduler(c, k, o->path, p.scheduler);
    }
    if (mw_err(c) == MW_OK && p.mends)
        mw_checkpoint_mend_configs(c, k);
    if (mw_err(c) == MW_OK)
        check_variant(c, k, o);
    k->kind = mw_checkpoint_kind(&k->unet_config);
    for (int i = 0; i < k->ntext; i++) {
        mw_checkpoint_read_text(c, k, o->path, i, p.text_encoder[i]);
        read_tokenizer(c, k, o->path, i);
        k->text_source[i] = open_part(c, o, mw_checkpoint_text_part(i), text_weights, &mw_rule_text);
    }
    k->unet_source = open_part(c, o, "unet", weights, &mw_rule_unet);
    k->vae_source = open_part(c, o, "vae", weights, &mw_rule_vae);
    forget(&p);
    return mw_err(c);
}
