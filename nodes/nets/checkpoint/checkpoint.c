// checkpoint.c: a whole Stable Diffusion model put together from configs and sources of weights.
#include "nodes/nets/checkpoint/checkpoint.h"

#include "core/base/env.h"
#include "core/base/pathname.h"
#include "core/cl/device.h"
#include "core/io/json.h"
#include "nodes/nets/checkpoint/checkpoint_internal.h"
#include "nodes/nets/clip/clip_tokenizer.h"

#include <stdlib.h>
#include <string.h>

static void release_object(mw_object *o)
{
    if (o)
        mw_object_release(o);
}

static void free_checkpoint(mw_object *o)
{
    mw_checkpoint *k = (mw_checkpoint *)o;
    release_object((mw_object *)k->unet);
    release_object((mw_object *)k->vae);
    release_object((mw_object *)k->text_encoder);
    release_object((mw_object *)k->scheduler);
    mw_source_release(k->unet_source);
    mw_source_release(k->vae_source);
    for (int i = 0; i < 2; i++) {
        release_object((mw_object *)k->tokenizer[i]);
        mw_source_release(k->text_source[i]);
    }
    free(k->path);
    free(k);
}

static mw_object *part(mw_object *o, const char *port_type)
{
    mw_checkpoint *k = (mw_checkpoint *)o;
    if (strcmp(port_type, "unet") == 0)
        return &k->unet->base;
    if (strcmp(port_type, "vae") == 0)
        return &k->vae->base;
    if (strcmp(port_type, "text_encoder") == 0)
        return &k->text_encoder->base;
    if (strcmp(port_type, "tokenizer") == 0)
        return &k->tokenizer[0]->base;
    return strcmp(port_type, "scheduler") == 0 ? &k->scheduler->base : NULL;
}

static const char *const parts[] = {"unet", "vae", "text_encoder", "tokenizer", "scheduler", NULL};

static size_t bytes(const mw_object *o, const struct mw_stream *s)
{
    const mw_checkpoint *k = (const mw_checkpoint *)o;
    const mw_object *all[] = {&k->unet->base, &k->vae->base, &k->text_encoder->base};
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        n += all[i]->type->bytes(all[i], s);
    return n;
}

static unsigned long revision(const mw_object *o)
{
    const mw_checkpoint *k = (const mw_checkpoint *)o;
    const mw_object *all[] = {&k->unet->base, &k->vae->base, &k->text_encoder->base};
    unsigned long last = 0;
    for (int i = 0; i < 3; i++) {
        unsigned long one = all[i]->type->revision(all[i]);
        last = one > last ? one : last;
    }
    return last;
}

static const mw_object_type type = {"checkpoint", free_checkpoint, part, parts, bytes, revision};

// What each part's work finds beside it in memory. A part that two models share keeps what the first said.
static void tell_beside(mw_checkpoint *k, bool own_unet, bool own_vae)
{
    mw_weights *unet = k->unet->model.weights, *vae = k->vae->model.weights;
    size_t text = 0;
    for (int i = 0; i < k->ntext; i++)
        text += mw_weights_bytes(k->text_encoder->encoder[i].weights);
    if (own_unet)
        mw_weights_set_beside(unet, mw_weights_bytes(vae) + text);
    if (own_vae)
        mw_weights_set_beside(vae, mw_weights_bytes(unet) + text);
}

static mw_checkpoint *make(mw_ctx *c, const char *path, mw_dtype dtype)
{
    mw_checkpoint *k = mw_alloc(c, sizeof *k);
    if (!k)
        return NULL;
    k->base.type = &type;
    atomic_init(&k->base.refs, 1);
    k->path = mw_strdup(c, path);
    k->dtype = dtype;
    return k;
}

static mw_checkpoint *done(mw_ctx *c, mw_checkpoint *k)
{
    if (mw_err(c) == MW_OK)
        return k;
    if (k)
        mw_object_release(&k->base);
    return NULL;
}

// ---- parts

static void load_unet(mw_ctx *c, mw_checkpoint *k)
{
    if (mw_err(c) == MW_OK)
        k->unet = mw_unet_new(c, &k->unet_config, mw_source_weights(k->unet_source), k->dtype);
}

// The autoencoder of SDXL overflows in f16 unless its config says that it was mended.
static void load_vae(mw_ctx *c, mw_checkpoint *k)
{
    bool wide = k->ntext == 2 && k->vae_config.force_upcast;
    if (mw_err(c) == MW_OK)
        k->vae = mw_vae_new(c, &k->vae_config, mw_source_weights(k->vae_source), wide ? MW_F32 : k->dtype);
}

static void load_text(mw_ctx *c, mw_checkpoint *k)
{
    mw_weight_source w[2];
    if (mw_err(c) != MW_OK)
        return;
    for (int i = 0; i < k->ntext; i++)
        w[i] = mw_source_weights(k->text_source[i]);
    k->text_encoder = mw_text_encoder_new(c, k->ntext, k->text_config, w, k->tokenizer, k->dtype);
    if (k->text_encoder)
        k->text_encoder->zero_empty_negative = k->zero_empty_negative;
}

// What the parts expect of each other.
static void check_fit(mw_ctx *c, const mw_checkpoint *k)
{
    int width = 0;
    for (int i = 0; i < k->ntext; i++) {
        width += k->text_config[i].width;
        int size = mw_clip_tokenizer_size(k->tokenizer[i]->tokenizer);
        if (size > k->text_config[i].vocab)
            mw_warn(c, "%s: the tokenizer has ids up to %d, but the %s only %d tokens", k->path, size - 1,
                    mw_checkpoint_text_part(i), k->text_config[i].vocab);
    }
    if (width != k->unet_config.context)
        mw_fail(c, MW_E_FILE, "%s: the UNet takes text states of width %d, but the text encoder gives %d",
                k->path, k->unet_config.context, width);
    if (k->unet_config.in_channels != k->vae_config.latent_channels)
        mw_fail(c, MW_E_FILE, "%s: the UNet takes latents of %d channels, but the autoencoder makes %d",
                k->path, k->unet_config.in_channels, k->vae_config.latent_channels);
}

mw_checkpoint *mw_checkpoint_open(mw_ctx *c, const mw_checkpoint_options *o)
{
    mw_checkpoint *k = mw_err(c) == MW_OK ? make(c, o->path, o->dtype) : NULL;
    if (!k || mw_err(c) != MW_OK)
        return done(c, k);
    if (mw_path_is_folder(o->path))
        mw_checkpoint_fill_folder(c, k, o);
    else
        mw_checkpoint_fill_file(c, k, o);
    if (mw_err(c) == MW_OK)
        check_fit(c, k);
    load_unet(c, k);
    load_vae(c, k);
    load_text(c, k);
    if (mw_err(c) == MW_OK)
        tell_beside(k, true, true);
    return done(c, k);
}

static void *share(void *o)
{
    if (o)
        mw_object_retain(o);
    return o;
}

// The tokenizer of encoder i, and rows for all that it knows.
static void take_tokenizer(mw_checkpoint *k, int i, mw_tokenizer *t)
{
    k->tokenizer[i] = t;
    int size = mw_clip_tokenizer_size(t->tokenizer);
    if (size > k->text_config[i].vocab)
        k->text_config[i].vocab = size;
}

mw_checkpoint *mw_checkpoint_with(mw_ctx *c, mw_checkpoint *base, mw_source *unet, mw_source *text[2],
                                  mw_tokenizer *tokenizer[2])
{
    mw_checkpoint *k = make(c, base->path, base->dtype);
    if (!k) {
        mw_source_release(unet);
        for (int i = 0; i < 2; i++) {
            mw_source_release(text[i]);
            release_object(tokenizer ? (mw_object *)tokenizer[i] : NULL);
        }
        return NULL;
    }
    k->kind = base->kind;
    k->zero_empty_negative = base->zero_empty_negative;
    k->ntext = base->ntext;
    k->unet_config = base->unet_config;
    k->vae_config = base->vae_config;
    k->vae_source = mw_source_retain(base->vae_source);
    k->vae = share(base->vae);
    k->scheduler = share(base->scheduler);
    k->unet_source = unet ? unet : mw_source_retain(base->unet_source);
    for (int i = 0; i < k->ntext; i++) {
        k->text_config[i] = base->text_config[i];
        if (tokenizer && tokenizer[i])
            take_tokenizer(k, i, tokenizer[i]);
        else
            k->tokenizer[i] = share(base->tokenizer[i]);
        k->text_source[i] = text[i] ? text[i] : mw_source_retain(base->text_source[i]);
    }
    if (!unet)
        k->unet = share(base->unet);
    else
        load_unet(c, k);
    if (!text[0] && !text[1])
        k->text_encoder = share(base->text_encoder);
    else
        load_text(c, k);
    if (mw_err(c) == MW_OK)
        tell_beside(k, unet != NULL, false);
    return done(c, k);
}

mw_dtype mw_checkpoint_auto_dtype(const mw_ctx *c)
{
    const char *dtype = mw_env_of(c).dtype;
    if (dtype)
        return strcmp(dtype, "f16") == 0 ? MW_F16 : MW_F32;
    const mw_device_info *d = mw_device_get_info(c);
    return d && d->caps.fp16 && strcmp(d->type, "cpu") != 0 ? MW_F16 : MW_F32;
}

mw_dtype mw_checkpoint_dtype(const mw_ctx *c, const char *name)
{
    if (strcmp(name, "auto") == 0)
        return mw_checkpoint_auto_dtype(c);
    return strcmp(name, "f16") == 0 ? MW_F16 : MW_F32;
}

const char *mw_checkpoint_kind(const mw_unet_config *unet)
{
    if (unet->text_time)
        return "sdxl";
    return unet->context >= 1024 ? "sd2" : "sd1"; // published widths are 768 and 1024
}

// ---- configs

const char *mw_checkpoint_text_part(int i) { return i ? "text_encoder_2" : "text_encoder"; }
const char *mw_checkpoint_tokenizer_part(int i) { return i ? "tokenizer_2" : "tokenizer"; }

// The config of a part, its path in *path (free() it, also on failure).
static json_t *config_of(mw_ctx *c, const char *folder, const char *part_name, char **path)
{
    *path = mw_err(c) == MW_OK ? mw_format(c, "%s/%s/config.json", folder, part_name) : NULL;
    return *path ? mw_json_load(c, *path) : NULL;
}

mw_status mw_checkpoint_read_unet(mw_ctx *c, mw_checkpoint *k, const char *folder)
{
    char *path;
    json_t *json = config_of(c, folder, "unet", &path);
    if (json)
        mw_unet_config_read(c, json, path, &k->unet_config);
    json_decref(json);
    free(path);
    return mw_err(c);
}

mw_status mw_checkpoint_read_vae(mw_ctx *c, mw_checkpoint *k, const char *folder)
{
    char *path;
    json_t *json = config_of(c, folder, "vae", &path);
    if (json)
        mw_vae_config_read(c, json, path, &k->vae_config);
    json_decref(json);
    free(path);
    return mw_err(c);
}

mw_status mw_checkpoint_read_text(mw_ctx *c, mw_checkpoint *k, const char *folder, int i, const char *class)
{
    char *path;
    json_t *json = config_of(c, folder, mw_checkpoint_text_part(i), &path);
    bool projects = class && strcmp(class, "CLIPTextModelWithProjection") == 0;
    if (json && projects)
        json_object_set_new(json, "architectures", json_pack("[s]", class));
    if (json)
        mw_clip_text_config_read(c, json, path, &k->text_config[i]);
    if (class && !projects)
        k->text_config[i].projection = 0;
    json_decref(json);
    free(path);
    return mw_err(c);
}

mw_status mw_checkpoint_read_scheduler(mw_ctx *c, mw_checkpoint *k, const char *folder, const char *class)
{
    char *path = mw_err(c) == MW_OK ? mw_format(c, "%s/scheduler/scheduler_config.json", folder) : NULL;
    if (path)
        k->scheduler = mw_scheduler_load(c, path, class);
    free(path);
    return mw_err(c);
}

void mw_checkpoint_mend_configs(mw_ctx *c, mw_checkpoint *k)
{
    mw_unet_config *u = &k->unet_config;
    mw_scheduler_config *s = &k->scheduler->config;
    double *offset = &s->value[MW_SET_STEPS_OFFSET];
    if (u->doubtful_size) {
        mw_warn(
            c,
            "%s: unet: sample_size %d of a config before diffusers 0.9.0 is taken as 64, as its pipelines do",
            k->path, u->sample_width);
        u->sample_height = u->sample_width = 64;
    }
    if (s->given >> MW_SET_STEPS_OFFSET & 1 && *offset != 1)
        mw_warn(c, "%s: scheduler: steps_offset %g is taken as 1, as diffusers' pipelines of SD 1 and 2 do",
                k->path, *offset);
    mw_scheduler_config_give(s, MW_SET_STEPS_OFFSET, 1);
}
