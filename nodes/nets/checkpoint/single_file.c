// single_file.c: what a single-file checkpoint is, told from the names and shapes of its entries.
#include "nodes/nets/checkpoint/single_file.h"

#include <string.h>

static bool any_starts(const mw_st *st, const char *prefix)
{
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(st, i)); i++)
        if (strncmp(e->name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

static bool any_holds(const mw_st *st, const char *text)
{
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(st, i)); i++)
        if (strstr(e->name, text))
            return true;
    return false;
}

// Other things that come in such files, by a piece of a name that only they have. The first that fits counts.
// Where the UNet of a checkpoint is there too, only those at the end count: the others are then mere
// leftovers.
static const struct {
    const char *piece, *what;
} others[] = {
    {"double_blocks.", "a Flux model, which is not supported"},
    {"joint_blocks.", "a Stable Diffusion 3 model, which is not supported"},
    {"controlnet_", "a ControlNet, which is not supported"},
    {"motion_modules.", "a motion module, which is not supported"},
    {"lora_down.", "a LoRA: give it to the lora node"},
    {".lora_A.", "a LoRA: give it to the lora node"},
    {"hada_w1", "a LoHa adapter, which is not supported"},
    {"lokr_w1", "a LoKr adapter, which is not supported"},
    {"down_blocks.", "one part in diffusers' layout: give the folder with model_index.json"},
    {"model.layers.", "a language model"},
    {"control_model.", "a ControlNet, which is not supported"},
    {"edm_mean", "a Playground model, which is not supported"},
    {"edm_vpred.", "a CosXL model (edm_vpred: v-prediction on EDM's noise levels), which is not supported"},
};
enum { OTHERS = sizeof others / sizeof *others, OTHERS_WITH_UNET = 3 };
static const char unet_input[] = "model.diffusion_model.input_blocks.0.0.weight";

bool mw_is_textual_inversion(const mw_st *s)
{
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(s, i)); i++)
        if (!strncmp(e->name, "emb_params", 10) || !strncmp(e->name, "string_to_param", 15))
            return true;
    // In other files each is named after its word ("<cat-toy>"), or its text encoder ("clip_l").
    for (size_t i = 0; (e = mw_st_at(s, i)); i++) {
        int64_t width = e->ndim ? e->shape[e->ndim - 1] : 0;
        bool row = e->ndim == 1 || (e->ndim == 2 && e->shape[0] <= 77);
        if (!row || strchr(e->name, '.') || (width != 768 && width != 1024 && width != 1280))
            return false;
    }
    return mw_st_count(s) >= 1 && mw_st_count(s) <= 2;
}

static mw_status refuse_others(mw_ctx *c, const mw_st *st)
{
    for (int i = mw_st_find(st, unet_input) ? OTHERS - OTHERS_WITH_UNET : 0; i < OTHERS; i++)
        if (any_holds(st, others[i].piece))
            return mw_fail(c, MW_E_FILE, "%s: this is %s", mw_st_path(st), others[i].what);
    if (!mw_st_find(st, unet_input) && mw_is_textual_inversion(st))
        return mw_fail(c, MW_E_FILE,
                       "%s: this is a textual inversion: the textual_inversion node adds it to a model",
                       mw_st_path(st));
    return mw_err(c);
}

static mw_status check_unet(mw_ctx *c, const mw_st *st)
{
    const mw_st_entry *e = mw_st_find(st, unet_input);
    if (!e) {
        const mw_st_entry *first = mw_st_at(st, 0);
        return mw_fail(c, MW_E_FILE,
                       "%s: not a Stable Diffusion checkpoint: no tensor "
                       "'model.diffusion_model.input_blocks.0.0.weight' (the first of %zu is '%.80s')",
                       mw_st_path(st), mw_st_count(st), first ? first->name : "");
    }
    int64_t n = e->ndim == 4 ? e->shape[1] : 0;
    if (n == 4)
        return mw_err(c);
    return mw_fail(c, MW_E_FILE,
                   "%s: a UNet with %lld input channels%s is not supported yet, only one with 4",
                   mw_st_path(st), (long long)n,
                   n == 9       ? " (inpainting)"
                       : n == 8 ? " (instruct-pix2pix)"
                       : n == 5 ? " (depth)"
                                : "");
}

// Where the text encoders lie: in the original code, and in files of ComfyUI, which names them by kind.
static const mw_text_place places[] = {
    {"sdxl", 0, "conditioner.embedders.0.transformer.", false},
    {"sdxl", 1, "conditioner.embedders.1.model.", true},
    {"sd2", 0, "cond_stage_model.model.", true},
    {"sd2", 0, "cond_stage_model.clip_h.transformer.", false},
    {"sd1", 0, "cond_stage_model.transformer.", false},
    {"sd1", 0, "cond_stage_model.clip_l.transformer.", false},
    {"sd1", 0, "cond_stage_model.clip_l.", false},
};

const mw_text_place *mw_single_file_text(const mw_st *st, const char *kind, int encoder)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].kind, kind) == 0 && places[i].encoder == encoder &&
            any_starts(st, places[i].prefix))
            return &places[i];
    return NULL;
}

// The text encoders' names tell the family.
static mw_status check_text(mw_ctx *c, const mw_st *st, mw_single_file *out)
{
    const char *path = mw_st_path(st);
    if (mw_single_file_text(st, "sdxl", 0) && mw_single_file_text(st, "sdxl", 1))
        out->kind = "sdxl";
    else if (any_starts(st, "conditioner.embedders.0.model."))
        mw_fail(c, MW_E_FILE, "%s: this is the SDXL refiner, which is not supported yet", path);
    else if (mw_single_file_text(st, "sd2", 0))
        out->kind = "sd2";
    else if (mw_single_file_text(st, "sd1", 0))
        out->kind = "sd1";
    else
        mw_fail(c, MW_E_FILE,
                "%s: this is only a part of a checkpoint: the text encoder is missing "
                "('cond_stage_model.*' or 'conditioner.embedders.*')",
                path);
    if (mw_err(c) == MW_OK && !any_starts(st, "first_stage_model."))
        mw_fail(c, MW_E_FILE,
                "%s: this is only a part of a checkpoint: the autoencoder is missing "
                "('first_stage_model.*')",
                path);
    return mw_err(c);
}

// Entries outside the parts: tables that follow from the sampler's settings, and marks that are honoured.
static bool is_known_outside(const char *name)
{
    static const char *const prefixes[] = {
        "model.",
        "first_stage_model.",
        "cond_stage_model.",
        "conditioner.",
        "model_ema.",
        "alphas_cumprod",
        "sqrt_",
        "log_one_minus_",
        "posterior_",
        "betas",
        "denoiser.",
        "logvar",
        "v_pred",
        "ztsnr",
        "scale_factor",
        "lvlb_weights",
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void warn_outside(mw_ctx *c, const mw_st *st)
{
    const mw_st_entry *e, *first = NULL;
    size_t n = 0;
    for (size_t i = 0; (e = mw_st_at(st, i)); i++)
        if (!is_known_outside(e->name)) {
            first = first ? first : e;
            n++;
        }
    if (n)
        mw_warn(c, "%s: %zu tensor%s outside the parts of a checkpoint %s not used: '%.80s'%s",
                mw_st_path(st), n, n > 1 ? "s" : "", n > 1 ? "are" : "is", first->name, n > 1 ? ", ..." : "");
}

mw_status mw_single_file_detect(mw_ctx *c, const mw_st *st, mw_single_file *out)
{
    *out = (mw_single_file){0};
    if (refuse_others(c, st) != MW_OK || check_unet(c, st) != MW_OK || check_text(c, st, out) != MW_OK)
        return mw_err(c);
    warn_outside(c, st);
    out->prediction = mw_single_file_prediction(c, st, out->kind);
    out->zero_snr = mw_single_file_zero_snr(st);
    bool v = out->prediction == MW_PREDICT_V;
    if (strcmp(out->kind, "sd1") == 0)
        out->family = "sd1";
    else if (strcmp(out->kind, "sd2") == 0)
        out->family = v ? "sd2_v" : "sd2";
    else
        out->family = v ? "sdxl_v" : "sdxl";
    return mw_err(c);
}
