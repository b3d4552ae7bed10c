// inspect_json.c: configs of networks, samplers and pipelines, validated and shown.
#include "nodes/nets/inspect/inspect_internal.h"

#include "core/base/pathname.h"
#include "core/base/text.h"
#include "core/io/json.h"
#include "nodes/nets/clip/clip_text_config.h"
#include "nodes/nets/llm/llm_config.h"
#include "nodes/nets/owlvit/owlvit.h"
#include "nodes/nets/sam/sam_config.h"
#include "nodes/nets/sampling/scheduler_config.h"
#include "nodes/nets/unet/unet_config.h"
#include "nodes/nets/vae/vae_config.h"

#include <stdlib.h>
#include <string.h>

// Each field on a line.
static void put_fields(json_t *o, FILE *out)
{
    const char *key;
    json_t *v;
    char name[100], text[200];
    json_object_foreach(o, key, v) fprintf(out, "  %s: %s\n", mw_printable(key, name, sizeof name),
                                           mw_json_text_of(v, text, sizeof text));
}

static void check_unet(mw_ctx *c, const json_t *o, const char *path)
{
    mw_unet_config m;
    mw_unet_config_read(c, o, path, &m);
}

static void check_vae(mw_ctx *c, const json_t *o, const char *path)
{
    mw_vae_config m;
    mw_vae_config_read(c, o, path, &m);
}

static void check_text(mw_ctx *c, const json_t *o, const char *path)
{
    mw_clip_text_config m;
    mw_clip_text_config_read(c, o, path, &m);
}

static void check_sam(mw_ctx *c, const json_t *o, const char *path)
{
    mw_sam_config m;
    mw_sam_config_read(c, o, path, &m);
}

static void check_owlvit(mw_ctx *c, const json_t *o, const char *path)
{
    mw_clip_text_config text;
    mw_clip_vision_config vision;
    mw_owlvit_config_read(c, o, path, &text, &vision);
}

// Classes of networks whose configs can be validated.
static const struct {
    const char *class, *model_type, *what;
    void (*check)(mw_ctx *c, const json_t *o, const char *path);
} networks[] = {
    {"UNet2DConditionModel", NULL, "a UNet", check_unet},
    {"AutoencoderKL", NULL, "an autoencoder", check_vae},
    {"CLIPTextModel", "clip_text_model", "a CLIP text encoder", check_text},
    {"CLIPModel", "clip", "a CLIP model", check_text},
    {"SamModel", "sam", "a Segment Anything model", check_sam},
    {"OwlViTForObjectDetection", "owlvit", "an OWL-ViT model", check_owlvit},
};

static bool same(const char *a, const char *b) { return a && b && !strcmp(a, b); }

static void inspect_llm(mw_ctx *c, json_t *o, const char *path, FILE *out)
{
    mw_llm_config m;
    if (mw_llm_config_read(c, o, path, &m) != MW_OK)
        return;
    fprintf(out, "%s: config of a language model (%s), %lld parameters\n", path, m.type,
            (long long)mw_llm_config_count(&m));
    put_fields(o, out);
}

static void inspect_network(mw_ctx *c, json_t *o, const char *path, const char *class, const char *type,
                            FILE *out)
{
    const char *first = json_string_value(json_array_get(json_object_get(o, "architectures"), 0));
    char shown[100];
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (!same(class      ? class
                      : type ? NULL
                             : first,
                  networks[i].class) &&
            !same(type, networks[i].model_type))
            continue;
        networks[i].check(c, o, path);
        if (mw_err(c) == MW_OK) {
            fprintf(out, "%s: config of %s\n", path, networks[i].what);
            put_fields(o, out);
        }
        return;
    }
    if (class)
        mw_fail(c, MW_E_FILE, "%s: a \"%s\" is not supported", path,
                mw_printable(class, shown, sizeof shown));
    else
        inspect_llm(c, o, path, out);
}

static void inspect_pipeline(mw_ctx *c, json_t *o, const char *path, const char *class, FILE *out)
{
    const char *key;
    json_t *v;
    char shown[100];
    (void)c;
    fprintf(out, "%s: index of a %s\n", path, mw_printable(class, shown, sizeof shown));
    json_object_foreach(o, key, v)
    {
        const char *part = json_string_value(json_array_get(v, 1));
        if (part)
            fprintf(out, "  %s: %s\n", key, mw_printable(part, shown, sizeof shown));
    }
}

static void inspect_object(mw_ctx *c, json_t *o, const char *path, FILE *out)
{
    const char *class = json_string_value(json_object_get(o, "_class_name"));
    const char *type = json_string_value(json_object_get(o, "model_type"));
    const json_t *own = json_object_get(o, "_class_name");
    char shown[100];
    if (json_is_array(own))
        mw_fail(c, MW_E_FILE, "%s: index of a pipeline of its own (%s), which is not supported", path,
                mw_json_text_of(own, shown, sizeof shown));
    else if (json_object_get(o, "weight_map"))
        mw_inspect_tensors(c, path, out);
    else if (class && strstr(class, "Pipeline"))
        inspect_pipeline(c, o, path, class, out);
    else if (class || type || json_object_get(o, "architectures"))
        inspect_network(c, o, path, class, type, out);
    else
        mw_fail(c, MW_E_FILE,
                "%s: is no config of a model: neither '_class_name', 'model_type' nor 'weight_map' is there",
                path);
}

// A sampler's config, which may hold -Infinity, so that its own reader has to parse it.
static void inspect_scheduler(mw_ctx *c, const char *path, FILE *out)
{
    mw_scheduler *s = mw_scheduler_load(c, path, NULL);
    if (!s)
        return;
    fprintf(out, "%s: config of a sampler, %s\n", path,
            s->config.sampler == MW_SAMPLERS ? "of a class that is not supported"
                                             : mw_sampler_id(s->config.sampler));
    mw_object_release(&s->base);
}

void mw_inspect_json(mw_ctx *c, const char *path, FILE *out)
{
    if (!strcmp(mw_path_base(path), "scheduler_config.json")) {
        inspect_scheduler(c, path, out);
        return;
    }
    json_t *o = mw_json_load(c, path);
    const char *class = json_string_value(json_object_get(o, "_class_name"));
    if (class && strstr(class, "Scheduler"))
        inspect_scheduler(c, path, out);
    else if (o)
        inspect_object(c, o, path, out);
    json_decref(o);
}
