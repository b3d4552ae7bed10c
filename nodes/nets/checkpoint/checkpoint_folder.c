// checkpoint_folder.c: a checkpoint from a diffusers folder: model_index.json, and a folder for each part.
#include "nodes/nets/checkpoint/checkpoint_internal.h"

#include "core/base/pathname.h"
#include "core/io/json.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/base/part_files.h"

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

static void read_index(mw_ctx *c, mw_checkpoint *k, const char *folder)
{
    char *file = mw_path_join(c, folder, "model_index.json");
    if (file && !mw_path_exists(file))
        mw_fail(c, MW_E_FILE, "%s: not a diffusers folder: it holds no model_index.json", folder);
    json_t *index = mw_err(c) == MW_OK ? mw_json_load(c, file) : NULL;
    const char *class = index ? mw_json_string(c, file, index, "_class_name") : NULL;
    if (class)
        check_pipeline(c, file, class);
    bool xl = class && strstr(class, "StableDiffusionXL");
    for (size_t i = 0; i < sizeof parts / sizeof *parts && mw_err(c) == MW_OK; i++)
        if (xl || !parts[i].xl)
            check_part(c, file, index, &parts[i]);
    if (mw_err(c) == MW_OK) {
        check_rest(c, file, index);
        k->ntext = xl ? 2 : 1;
        k->zero_empty_negative = xl && !json_is_false(json_object_get(index, "force_zeros_for_empty_prompt"));
    }
    json_decref(index);
    free(file);
}

static mw_source *open_part(mw_ctx *c, const mw_checkpoint_options *o, const char *part, const char *stem,
                            const mw_name_rule *rule)
{
    char *folder = mw_err(c) == MW_OK ? mw_path_join(c, o->path, part) : NULL;
    char *path = folder ? mw_part_weights(c, folder, stem, o->variant) : NULL;
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
    static const char weights[] = "diffusion_pytorch_model";
    if (o->config && *o->config)
        return mw_fail(c, MW_E_ARG, "%s: 'config' is for single files; a folder has its own configs",
                       o->path);
    read_index(c, k, o->path);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    mw_checkpoint_read_unet(c, k, o->path);
    mw_checkpoint_read_vae(c, k, o->path);
    mw_checkpoint_read_scheduler(c, k, o->path);
    k->kind = mw_checkpoint_kind(&k->unet_config);
    for (int i = 0; i < k->ntext; i++) {
        mw_checkpoint_read_text(c, k, o->path, i);
        read_tokenizer(c, k, o->path, i);
        k->text_source[i] = open_part(c, o, mw_checkpoint_text_part(i), "model", &mw_rule_text);
    }
    k->unet_source = open_part(c, o, "unet", weights, &mw_rule_unet);
    k->vae_source = open_part(c, o, "vae", weights, &mw_rule_vae);
    return mw_err(c);
}
