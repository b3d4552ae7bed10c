// model_kind.c: what a file of weights is, told from the names of its tensors.
#include "nodes/nets/checkpoint/model_kind.h"

#include "nodes/nets/checkpoint/single_file.h"

#include <stdio.h>
#include <string.h>

// A kind, and up to three pieces of names that a file of it holds. The first kind that fits counts.
static const struct {
    const char *what, *piece[3];
} kinds[] = {
    {"a LoRA in kohya's names", {".lora_down.", "lora_"}},
    {"a LoRA in PEFT's names", {".lora_A.", ".lora_B."}},
    {"a LoRA in diffusers' old names", {"_lora.down.", "_lora.up."}},
    {"a SUR-adapter", {"attention.key_layer.", "transformer_encoder.layers."}},
    {"a GLIGEN UNet in diffusers' layout", {"position_net.", "up_blocks."}},
    {"a ControlNet in diffusers' layout", {"controlnet_down_blocks."}},
    {"a UNet in diffusers' layout, SDXL", {"add_embedding.linear_1.", "up_blocks.", "time_embedding."}},
    {"a UNet in diffusers' layout", {"up_blocks.", "time_embedding."}},
    {"an autoencoder in diffusers' layout", {"decoder.up_blocks.", "encoder.down_blocks."}},
    {"an autoencoder in the original layout", {"decoder.up.0.", "encoder.down.0."}},
    {"a CLIP model, text and vision", {"text_model.encoder.", "vision_model.encoder."}},
    {"a CLIP text encoder with a projection", {"text_model.encoder.", "text_projection."}},
    {"a CLIP text encoder", {"text_model.encoder.layers."}},
    {"a CLIP text encoder", {"encoder.layers.0.self_attn.q_proj.", "embeddings.position_embedding."}},
    {"a language model", {"model.layers.0.self_attn.q_proj.", "model.embed_tokens."}},
};

static bool any_holds(const mw_st *s, const char *piece)
{
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(s, i)); i++)
        if (strstr(e->name, piece))
            return true;
    return false;
}

static bool fits(const mw_st *s, const char *const piece[3])
{
    for (int i = 0; i < 3 && piece[i]; i++)
        if (!any_holds(s, piece[i]))
            return false;
    return true;
}

// The ranks of a LoRA: the first dimension of what projects down.
static void add_ranks(const mw_st *s, char *buf, size_t size)
{
    int64_t low = INT64_MAX, high = 0;
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(s, i)); i++)
        if (e->ndim >= 2 &&
            (strstr(e->name, ".lora_down.") || strstr(e->name, ".lora_A.") ||
             strstr(e->name, "_lora.down."))) {
            low = e->shape[0] < low ? e->shape[0] : low;
            high = e->shape[0] > high ? e->shape[0] : high;
        }
    size_t n = strlen(buf);
    if (high && low == high)
        snprintf(buf + n, size - n, ", rank %lld", (long long)high);
    else if (high)
        snprintf(buf + n, size - n, ", ranks from %lld to %lld", (long long)low, (long long)high);
}

// A whole checkpoint in one file, or why it is none that can be loaded.
static void single_file(mw_ctx *c, const mw_st *s, char *buf, size_t size)
{
    static const struct {
        const char *kind, *what;
    } known[] = {{"sd1", "Stable Diffusion 1"}, {"sd2", "Stable Diffusion 2"}, {"sdxl", "SDXL"}};
    mw_ctx *quiet = mw_ctx_fork(c);
    mw_single_file found = {0};
    if (!quiet)
        return;
    quiet->log_level = MW_LOG_ERROR;
    if (mw_single_file_detect(quiet, s, &found) != MW_OK) {
        // The sentence begins with the path.
        const char *why = mw_errmsg(quiet), *path = mw_st_path(s);
        size_t n = strlen(path);
        snprintf(buf, size, "%s", !strncmp(why, path, n) && why[n] == ':' ? why + n + 2 : why);
    }
    for (size_t i = 0; found.family && i < sizeof known / sizeof *known; i++)
        if (!strcmp(found.kind, known[i].kind))
            snprintf(buf, size, "a single-file checkpoint, %s%s%s", known[i].what,
                     found.prediction == MW_PREDICT_V            ? ", predicts v"
                         : found.prediction == MW_PREDICT_SAMPLE ? ", predicts the picture"
                                                                 : "",
                     found.zero_snr ? ", zero terminal SNR" : "");
    mw_ctx_free(quiet);
}

const char *mw_model_kind(mw_ctx *c, const mw_st *s, char *buf, size_t size)
{
    *buf = 0;
    if (any_holds(s, "model.diffusion_model.") || any_holds(s, "double_blocks.") ||
        any_holds(s, "joint_blocks.")) {
        single_file(c, s, buf, size);
        return buf;
    }
    if (mw_is_textual_inversion(s))
        snprintf(buf, size, "a textual inversion, for the node textual_inversion");
    for (size_t i = 0; !*buf && i < sizeof kinds / sizeof *kinds; i++)
        if (fits(s, kinds[i].piece)) {
            snprintf(buf, size, "%s", kinds[i].what);
            break;
        }
    add_ranks(s, buf, size);
    return buf;
}
