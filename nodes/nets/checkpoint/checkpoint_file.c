// checkpoint_file.c: a checkpoint from a single file under the names of the original code. Such files carry
// no configs and no vocabulary: those come with the program (models/families, models/clip_vocab) or from a
// folder of configs.
#include "nodes/nets/checkpoint/checkpoint_internal.h"

#include "core/base/pathname.h"
#include "core/base/paths.h"
#include "core/io/file_kind.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/checkpoint/ldm_names.h"
#include "nodes/nets/checkpoint/single_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- name rules

static bool unet_name(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                      size_t size)
{
    (void)piece, (void)how;
    return mw_ldm_unet_name(stored, '.', r->number, out, size);
}

static bool vae_name(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                     size_t size)
{
    (void)piece, (void)how;
    return mw_ldm_vae_name(stored, r->number, out, size);
}

static bool openclip_name(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                          size_t size)
{
    (void)r;
    return mw_openclip_name(stored, piece, how, out, size);
}

// The autoencoder's training loss.
static bool vae_ignore(const mw_name_rule *r, const char *stored)
{
    (void)r;
    return strncmp(stored, "loss.", 5) == 0 || strncmp(stored, "model_ema.", 10) == 0;
}

// Files of SD 2 hold a layer and a projection more than its text encoder uses.
static bool openclip_ignore(const mw_name_rule *r, const char *stored)
{
    int layer;
    if (sscanf(stored, "transformer.resblocks.%d.", &layer) == 1)
        return layer >= r->number;
    return strcmp(stored, "logit_scale") == 0 || strcmp(stored, "attn_mask") == 0 ||
        strncmp(stored, "visual.", 7) == 0 || (!r->projects && strncmp(stored, "text_projection", 15) == 0);
}

static mw_name_rule text_rule(const mw_checkpoint *k, const mw_st *st, int i)
{
    const mw_text_place *place = mw_single_file_text(st, k->kind, i);
    mw_name_rule openclip = {.translate = openclip_name, .ignore = openclip_ignore}, clip = mw_rule_text;
    openclip.number = k->text_config[i].layers;
    openclip.projects = k->text_config[i].projection > 0;
    openclip.prefix = clip.prefix = place->prefix;
    return place->openclip ? openclip : clip;
}

// ---- configs

// Has the user's folder of configs this part?
static bool has_own(mw_ctx *c, const mw_checkpoint_options *o, const char *part)
{
    char *own = o->config && *o->config ? mw_path_join(c, o->config, part) : NULL;
    bool there = own && mw_path_is_folder(own);
    free(own);
    return there;
}

// The folder to read a part's config from: the user's where it has the part, else the published one. free()
// it.
static char *config_folder(mw_ctx *c, const mw_checkpoint_options *o, const char *family, const char *part)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    if (has_own(c, o, part))
        return mw_strdup(c, o->config);
    char *relative = mw_format(c, "models/families/%s", family);
    char *folder = relative ? mw_share_path(c, relative) : NULL;
    free(relative);
    return folder;
}

static void read_configs(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o, const char *family)
{
    char *folder = config_folder(c, o, family, "unet");
    mw_checkpoint_read_unet(c, k, folder);
    free(folder);
    folder = config_folder(c, o, family, "vae");
    mw_checkpoint_read_vae(c, k, folder);
    free(folder);
    folder = config_folder(c, o, family, "scheduler");
    mw_checkpoint_read_scheduler(c, k, folder, NULL);
    free(folder);
    for (int i = 0; i < k->ntext; i++) {
        folder = config_folder(c, o, family, mw_checkpoint_text_part(i));
        mw_checkpoint_read_text(c, k, folder, i, NULL);
        free(folder);
    }
}

// OpenCLIP's towers were trained with texts padded by "!" (id 0), CLIP's by the end token.
static void read_tokenizer(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o, int i)
{
    const char *part = mw_checkpoint_tokenizer_part(i),
               *pad = strcmp(k->kind, "sd2") == 0 || i == 1 ? "!" : NULL;
    char *own = o->config && *o->config ? mw_path_join(c, o->config, part) : NULL;
    mw_clip_tokenizer *t = NULL;
    if (mw_err(c) == MW_OK)
        t = own && mw_path_is_folder(own) ? mw_clip_tokenizer_load(c, own, NULL)
                                          : mw_clip_tokenizer_bundled(c, pad);
    if (t)
        k->tokenizer[i] = mw_tokenizer_new(c, t);
    free(own);
}

// ---- the file

// A file that is no checkpoint, by its name and by what it begins with.
static mw_status refuse_others(mw_ctx *c, const char *path)
{
    if (strcmp(mw_path_base(path), "model_index.json") == 0)
        return mw_fail(c, MW_E_FILE,
                       "%s: is the index of a diffusers folder: give the folder that it lies in", path);
    if (mw_path_has_suffix(path, ".json") && !mw_path_has_suffix(path, ".safetensors.index.json"))
        return mw_fail(c, MW_E_FILE,
                       "%s: is a JSON file, no model: give a diffusers folder or a .safetensors file", path);
    const char *kind = mw_file_kind_at(c, path);
    return kind ? mw_fail(c, MW_E_FILE, "%s: is no checkpoint but %s", path, kind) : mw_err(c);
}

// How the network was trained is a setting of its own, whatever the family. A scheduler of the user's own has
// the last word.
static void take_training(mw_ctx *c, mw_checkpoint *k, bool own_scheduler, const mw_single_file *about)
{
    mw_scheduler_config *cfg = &k->scheduler->config;
    char said[32], own[32];
    double *now = &cfg->value[MW_SET_PREDICTION_TYPE];
    bool given = cfg->given >> MW_SET_PREDICTION_TYPE & 1;
    if (own_scheduler && given && *now != about->prediction && about->prediction != MW_PREDICT_EPSILON)
        mw_warn(c, "%s: the file says that it predicts %s; the scheduler of 'config' says %s, which is taken",
                k->path, mw_setting_choice(MW_SET_PREDICTION_TYPE, about->prediction, said, sizeof said),
                mw_setting_choice(MW_SET_PREDICTION_TYPE, *now, own, sizeof own));
    else if (!own_scheduler || !given)
        mw_scheduler_config_give(cfg, MW_SET_PREDICTION_TYPE, about->prediction);
    if (about->zero_snr && !(own_scheduler && cfg->given >> MW_SET_RESCALE_BETAS_ZERO_SNR & 1))
        mw_scheduler_config_give(cfg, MW_SET_RESCALE_BETAS_ZERO_SNR, 1);
}

static void take_sources(mw_ctx *c, mw_checkpoint *k, mw_files *files)
{
    mw_name_rule unet = {.prefix = "model.diffusion_model.", .translate = unet_name};
    mw_name_rule vae = {.prefix = "first_stage_model.", .translate = vae_name, .ignore = vae_ignore};
    unet.number = k->unet_config.down[0].layers;
    vae.number = k->vae_config.levels;
    k->unet_source = mw_source_new(c, files, &unet);
    if (mw_err(c) == MW_OK)
        k->vae_source = mw_source_new(c, files, &vae);
    for (int i = 0; i < k->ntext && mw_err(c) == MW_OK; i++) {
        mw_name_rule text = text_rule(k, mw_files_st(files), i);
        k->text_source[i] = mw_source_new(c, files, &text);
    }
}

mw_status mw_checkpoint_fill_file(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o)
{
    mw_single_file about;
    if (o->variant && *o->variant)
        return mw_fail(c, MW_E_ARG, "%s: 'variant' is for folders; this is a single file", o->path);
    if (refuse_others(c, o->path) != MW_OK)
        return mw_err(c);
    mw_files *files = mw_files_open(c, o->path);
    if (files && mw_single_file_detect(c, mw_files_st(files), &about) == MW_OK) {
        k->kind = about.kind;
        k->ntext = strcmp(k->kind, "sdxl") == 0 ? 2 : 1;
        k->zero_empty_negative = k->ntext == 2;
        read_configs(c, k, o, about.family);
        for (int i = 0; i < k->ntext; i++)
            read_tokenizer(c, k, o, i);
    }
    if (mw_err(c) == MW_OK)
        take_training(c, k, has_own(c, o, "scheduler"), &about);
    if (mw_err(c) == MW_OK && k->ntext == 1)
        mw_checkpoint_mend_configs(c, k);
    // Nothing in such a file says how it is best sampled.
    if (mw_err(c) == MW_OK && !has_own(c, o, "scheduler"))
        k->scheduler->config.sampler = MW_DDIM;
    if (mw_err(c) == MW_OK)
        take_sources(c, k, files);
    mw_files_release(files);
    return mw_err(c);
}
