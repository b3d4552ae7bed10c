// ldm_names.c: names of single-file checkpoints (the original latent-diffusion and OpenCLIP code) as
// diffusers names.
#include "nodes/nets/checkpoint/ldm_names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct pair {
    const char *from, *to;
} pair;

// Step over `word` (written with dots) and the separator after it. False, and nothing moved, where *s is
// something else.
static bool eat(const char **s, const char *word, char sep)
{
    const char *p = *s;
    for (; *word; word++, p++)
        if (*p != (*word == '.' ? sep : *word))
            return false;
    if (*p && *p != sep)
        return false;
    *s = *p ? p + 1 : p;
    return true;
}

// Step over a number of at most three digits and the separator after it.
static bool eat_number(const char **s, int *n, char sep)
{
    const char *p = *s;
    *n = 0;
    while (*p >= '0' && *p <= '9' && p - *s < 3)
        *n = *n * 10 + (*p++ - '0');
    if (p == *s || (*p && *p != sep))
        return false;
    *s = *p ? p + 1 : p;
    return true;
}

// Append printf-style with the dots of the text turned into `sep`, then the rest of the old name as it is.
__attribute__((format(printf, 5, 6))) static bool put(char *out, size_t size, char sep, const char *rest,
                                                      const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, size, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= size)
        return false;
    for (char *p = out; *p; p++)
        if (*p == '.')
            *p = sep;
    size_t left = size - (size_t)n;
    const char dot[2] = {*rest ? sep : 0, 0};
    int m = snprintf(out + n, left, "%s%s", dot, rest);
    return m >= 0 && (size_t)m < left;
}

// The first row whose `from` the name starts with: its `to`, stepped over; NULL when none does.
static const char *translate(const pair *rows, const char **s, char sep)
{
    for (; rows->from; rows++)
        if (eat(s, rows->from, sep))
            return rows->to;
    return NULL;
}

static const pair unet_outer[] = {
    {"time_embed.0", "time_embedding.linear_1"},
    {"time_embed.2", "time_embedding.linear_2"},
    {"label_emb.0.0", "add_embedding.linear_1"},
    {"label_emb.0.2", "add_embedding.linear_2"},
    {"input_blocks.0.0", "conv_in"},
    {"out.0", "conv_norm_out"},
    {"out.2", "conv_out"},
    {"middle_block.1", "mid_block.attentions.0"},
    {NULL, NULL},
};

static const pair unet_resnet[] = {
    {"in_layers.0", "norm1"},
    {"in_layers.2", "conv1"},
    {"emb_layers.1", "time_emb_proj"},
    {"out_layers.0", "norm2"},
    {"out_layers.3", "conv2"},
    {"skip_connection", "conv_shortcut"},
    {NULL, NULL},
};

static bool unet_down(const char *s, int block, int slot, char sep, int layers, char *out, size_t size)
{
    int level = (block - 1) / (layers + 1), layer = (block - 1) % (layers + 1);
    if (layer == layers)
        return slot == 0 && eat(&s, "op", sep) &&
            put(out, size, sep, s, "down_blocks.%d.downsamplers.0.conv", level);
    if (slot == 1)
        return put(out, size, sep, s, "down_blocks.%d.attentions.%d", level, layer);
    const char *to = slot == 0 ? translate(unet_resnet, &s, sep) : NULL;
    return to && put(out, size, sep, s, "down_blocks.%d.resnets.%d.%s", level, layer, to);
}

static bool unet_up(const char *s, int block, int slot, char sep, int layers, char *out, size_t size)
{
    int level = block / (layers + 1), layer = block % (layers + 1);
    const char *to = slot == 0 ? translate(unet_resnet, &s, sep) : NULL;
    if (slot == 0)
        return to && put(out, size, sep, s, "up_blocks.%d.resnets.%d.%s", level, layer, to);
    // The upsampler comes after the attention, where the level has one.
    if (eat(&s, "conv", sep))
        return slot <= 2 && layer == layers &&
            put(out, size, sep, s, "up_blocks.%d.upsamplers.0.conv", level);
    return slot == 1 && put(out, size, sep, s, "up_blocks.%d.attentions.%d", level, layer);
}

bool mw_ldm_unet_name(const char *name, char sep, int layers_per_block, char *out, size_t size)
{
    const char *s = name;
    int block, slot;
    if (layers_per_block < 1)
        return false;
    const char *to = translate(unet_outer, &s, sep);
    if (to)
        return put(out, size, sep, s, "%s", to);
    if (eat(&s, "input_blocks", sep))
        return eat_number(&s, &block, sep) && block > 0 && eat_number(&s, &slot, sep) &&
            unet_down(s, block, slot, sep, layers_per_block, out, size);
    if (eat(&s, "output_blocks", sep))
        return eat_number(&s, &block, sep) && eat_number(&s, &slot, sep) &&
            unet_up(s, block, slot, sep, layers_per_block, out, size);
    if (!eat(&s, "middle_block", sep) || !eat_number(&s, &slot, sep) || (slot != 0 && slot != 2))
        return false;
    to = translate(unet_resnet, &s, sep);
    return to && put(out, size, sep, s, "mid_block.resnets.%d.%s", slot / 2, to);
}

static const pair vae_outer[] = {
    {"quant_conv", "quant_conv"},
    {"post_quant_conv", "post_quant_conv"},
    {"encoder.conv_in", "encoder.conv_in"},
    {"encoder.conv_out", "encoder.conv_out"},
    {"encoder.norm_out", "encoder.conv_norm_out"},
    {"decoder.conv_in", "decoder.conv_in"},
    {"decoder.conv_out", "decoder.conv_out"},
    {"decoder.norm_out", "decoder.conv_norm_out"},
    {NULL, NULL},
};

static const pair vae_middle[] = {
    {"block_1", "resnets.0"},
    {"block_2", "resnets.1"},
    {"attn_1.norm", "attentions.0.group_norm"},
    {"attn_1.q", "attentions.0.to_q"},
    {"attn_1.k", "attentions.0.to_k"},
    {"attn_1.v", "attentions.0.to_v"},
    {"attn_1.proj_out", "attentions.0.to_out.0"},
    {NULL, NULL},
};

static const pair vae_resnet[] = {
    {"norm1", "norm1"},
    {"conv1", "conv1"},
    {"norm2", "norm2"},
    {"conv2", "conv2"},
    {"nin_shortcut", "conv_shortcut"},
    {NULL, NULL},
};

// One half of the autoencoder after "encoder." or "decoder.".
static bool vae_half(const char *s, bool encoder, int levels, char *out, size_t size)
{
    const char *half = encoder ? "encoder" : "decoder", *way = encoder ? "down" : "up";
    int level, layer;
    if (eat(&s, "mid", '.')) {
        const char *to = translate(vae_middle, &s, '.');
        // Inside the residual blocks only the shortcut is named differently; the middle has none.
        return to && put(out, size, '.', s, "%s.mid_block.%s", half, to);
    }
    if (!eat(&s, way, '.') || !eat_number(&s, &level, '.') || level >= levels)
        return false;
    if (!encoder)
        level = levels - 1 - level;
    if (eat(&s, encoder ? "downsample.conv" : "upsample.conv", '.'))
        return put(out, size, '.', s, "%s.%s_blocks.%d.%ssamplers.0.conv", half, way, level, way);
    if (!eat(&s, "block", '.') || !eat_number(&s, &layer, '.'))
        return false;
    const char *to = translate(vae_resnet, &s, '.');
    return to && put(out, size, '.', s, "%s.%s_blocks.%d.resnets.%d.%s", half, way, level, layer, to);
}

bool mw_ldm_vae_name(const char *name, int levels, char *out, size_t size)
{
    const char *s = name;
    const char *to = translate(vae_outer, &s, '.');
    if (to)
        return put(out, size, '.', s, "%s", to);
    if (eat(&s, "encoder", '.'))
        return vae_half(s, true, levels, out, size);
    return eat(&s, "decoder", '.') && vae_half(s, false, levels, out, size);
}

static const pair clip_outer[] = {
    {"positional_embedding", "embeddings.position_embedding.weight"},
    {"token_embedding", "embeddings.token_embedding"},
    {"ln_final", "final_layer_norm"},
    {NULL, NULL},
};

static const pair clip_layer[] = {
    {"ln_1", "layer_norm1"},
    {"ln_2", "layer_norm2"},
    {"mlp.c_fc", "mlp.fc1"},
    {"mlp.c_proj", "mlp.fc2"},
    {"attn.out_proj", "self_attn.out_proj"},
    {NULL, NULL},
};

bool mw_openclip_name(const char *name, int piece, mw_name_piece *how, char *out, size_t size)
{
    static const char qkv[] = "qkv";
    const char *s = name;
    int layer;
    *how = (mw_name_piece){.pieces = 1};
    if (eat(&s, "text_projection", '.')) {
        how->transpose = !*s; // a parameter; spelled ".weight" it is a linear layer, stored as one
        return put(out, size, '.', "weight", "text_projection");
    }
    const char *to = translate(clip_outer, &s, '.');
    if (to)
        return put(out, size, '.', s, "%s", to);
    if (!eat(&s, "transformer.resblocks", '.') || !eat_number(&s, &layer, '.'))
        return false;
    to = translate(clip_layer, &s, '.');
    if (to)
        return put(out, size, '.', s, "encoder.layers.%d.%s", layer, to);
    bool weight = eat(&s, "attn.in_proj_weight", '.');
    if ((!weight && !eat(&s, "attn.in_proj_bias", '.')) || piece < 0 || piece > 2)
        return false;
    how->pieces = 3;
    return put(out, size, '.', weight ? "weight" : "bias", "encoder.layers.%d.self_attn.%c_proj", layer,
               qkv[piece]);
}
