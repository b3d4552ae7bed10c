// owlvit_open.c: an OWL-ViT model from its folder.
#include "nodes/nets/owlvit/owlvit.h"

#include "core/base/pathname.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/base/hf_folder.h"
#include "nodes/nets/base/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void owlvit_free(mw_object *o)
{
    mw_owlvit *m = (mw_owlvit *)o;
    mw_weights_free(m->text.weights);
    mw_weights_free(m->weights);
    mw_clip_tokenizer_free(m->tokenizer);
    free(m);
}

static unsigned long revision(const mw_object *o)
{
    const mw_owlvit *m = (const mw_owlvit *)o;
    unsigned long text = mw_weights_revision(m->text.weights), image = mw_weights_revision(m->weights);
    return text > image ? text : image;
}

static const mw_object_type type = {.name = "owlvit", .free = owlvit_free, .revision = revision};

// ---- configs

static void read_text(mw_config *cfg, int projection, mw_clip_text_config *out)
{
    *out = (mw_clip_text_config){
        .vocab = mw_config_int(cfg, "vocab_size", 49408, 1, 1 << 22),
        .positions = mw_config_int(cfg, "max_position_embeddings", 16, 3, 1 << 12),
        .width = mw_config_int(cfg, "hidden_size", 512, 1, 1 << 16),
        .inner = mw_config_int(cfg, "intermediate_size", 2048, 1, 1 << 18),
        .layers = mw_config_int(cfg, "num_hidden_layers", 12, 1, 256),
        .heads = mw_config_int(cfg, "num_attention_heads", 8, 1, 1 << 12),
        .projection = projection,
        .eos = 2, // a text ends at its largest id, whatever the config says
        .eps = mw_config_number(cfg, "layer_norm_eps", 1e-5, 1e-12, 1),
        .act = mw_config_activation(cfg, "hidden_act", "quick_gelu"),
    };
    mw_config_raw(cfg, "eos_token_id");
    if (mw_err(cfg->c) == MW_OK && out->width % out->heads)
        mw_config_fail(cfg, "num_attention_heads", "%d heads do not divide hidden_size %d", out->heads,
                       out->width);
    // The class head compares with what the text tower gives.
    if (mw_err(cfg->c) == MW_OK && out->width != projection)
        mw_config_fail(cfg, "hidden_size", "must be projection_dim, %d, got %d", projection, out->width);
}

mw_status mw_owlvit_config_read(mw_ctx *c, const json_t *json, const char *file, mw_clip_text_config *text,
                                mw_clip_vision_config *vision)
{
    enum { IMAGE = 768 };
    mw_config cfg;
    char label[512];
    json_t *empty = json_object();
    const json_t *inner = json_object_get(json, "text_config");
    int projection = 0;
    if (mw_config_begin(c, &cfg, json, file) == MW_OK) {
        const char *kind = mw_config_text(&cfg, "model_type", "");
        if (kind && strcmp(kind, "owlvit") != 0)
            mw_config_fail(&cfg, "model_type", "must be \"owlvit\", got \"%.40s\"", kind);
        projection = mw_config_int(&cfg, "projection_dim", 512, 1, 1 << 16);
        mw_config_raw(&cfg, "text_config");
        mw_config_done(&cfg);
    }
    snprintf(label, sizeof label, "%s: text_config", file);
    if (mw_config_begin(c, &cfg, inner ? inner : empty, label) == MW_OK) {
        read_text(&cfg, projection, text);
        mw_config_done(&cfg);
    }
    inner = json_object_get(json, "vision_config");
    snprintf(label, sizeof label, "%s: vision_config", file);
    if (mw_config_begin(c, &cfg, inner ? inner : empty, label) == MW_OK) {
        mw_clip_vision_config_read(&cfg, IMAGE, vision);
        mw_config_done(&cfg);
    }
    json_decref(empty);
    return mw_err(c);
}

static void read_prep(mw_ctx *c, mw_owlvit *m, const mw_hf_folder *f)
{
    int side = m->vision.image;
    m->prep = (mw_image_prep){.resize = true,
                              .rescale = true,
                              .normalize = true,
                              .width = side,
                              .height = side,
                              .filter = MW_RESIZE_BICUBIC,
                              .factor = 1.0 / 255,
                              .mean = {0.48145466, 0.4578275, 0.40821073},
                              .deviation = {0.26862954, 0.26130258, 0.27577711}};
    if (f->prep)
        mw_image_prep_read(c, f->prep, f->prep_path, &m->prep);
    const mw_image_prep *p = &m->prep;
    if (mw_err(c) == MW_OK &&
        (!p->resize || p->longest || p->width != side || p->height != side || p->pad_width))
        mw_fail(c, MW_E_FILE, "%s: pictures must be resized to the %d x %d that the network sees",
                f->prep ? f->prep_path : f->config_path, side, side);
}

// ---- weights

static bool not_text(const char *name)
{
    static const char *const others[] = {"owlvit.text_model.",
                                         "owlvit.text_projection.",
                                         "owlvit.visual_projection.",
                                         "owlvit.logit_scale",
                                         "owlvit.vision_model.embeddings.position_ids",
                                         "box_bias"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return true;
    return false;
}

static void walk(mw_ctx *c, void *model)
{
    const mw_owlvit *m = model;
    mw_tensor *logits, *boxes;
    mw_tensor *text = mw_tensor_new(c, MW_F32, MW_SHAPE(1, m->text.config.projection));
    mw_tensor *pixels = mw_tensor_new(c, MW_F32, MW_SHAPE(1, m->vision.image, m->vision.image, 3));
    mw_owlvit_detect(c, m, mw_owlvit_image(c, m, pixels), text, &logits, &boxes);
}

static void load(mw_ctx *c, mw_owlvit *m, const char *folder, mw_dtype dtype)
{
    mw_name_rule rule = mw_rule_text; // the text tower's names, one level down
    rule.prefix = "owlvit.";
    mw_weight_source text = mw_hf_weights(c, folder, &rule), rest = mw_hf_weights(c, folder, &mw_rule_unet);
    m->text.weights = mw_weights_new(c, text, "owlvit", dtype);
    m->weights = mw_weights_new(c, rest, "owlvit", dtype);
    if (mw_err(c) == MW_OK)
        mw_clip_text_load(c, &m->text);
    if (mw_err(c) == MW_OK)
        mw_nn_load(c, m->weights, walk, m, not_text);
}

static struct mw_clip_tokenizer *tokenizer_of(mw_ctx *c, const char *folder)
{
    static const char *const files[] = {"vocab.json", "tokenizer.json"};
    const char *pad = "!"; // its id is 0
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = mw_path_join(c, folder, files[i]);
        bool there = path && mw_path_exists(path);
        free(path);
        if (there)
            return mw_clip_tokenizer_load(c, folder, NULL);
    }
    return mw_clip_tokenizer_bundled(c, pad);
}

mw_owlvit *mw_owlvit_open(mw_ctx *c, const char *folder, mw_dtype dtype)
{
    mw_hf_folder f;
    mw_owlvit *m = mw_alloc(c, sizeof *m);
    if (!m)
        return NULL;
    m->base.type = &type;
    atomic_init(&m->base.refs, 1);
    if (mw_hf_open(c, folder, &f) == MW_OK &&
        mw_owlvit_config_read(c, f.config, f.config_path, &m->text.config, &m->vision) == MW_OK) {
        read_prep(c, m, &f);
        if (mw_err(c) == MW_OK)
            m->tokenizer = tokenizer_of(c, folder);
        if (mw_err(c) == MW_OK)
            load(c, m, folder, dtype);
    }
    mw_hf_close(&f);
    if (mw_err(c) == MW_OK)
        return m;
    mw_object_release(&m->base);
    return NULL;
}
