// part_names.c: names in the parts of a diffusers folder, which differ between versions of the libraries that
// wrote them.
#include "nodes/nets/base/source.h"

#include <stdio.h>
#include <string.h>

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool fits(int n, size_t size) { return n >= 0 && (size_t)n < size; }

static bool as_it_is(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                     size_t size)
{
    (void)r, (void)piece, (void)how;
    return fits(snprintf(out, size, "%s", stored), size);
}

// Old files name the attention of the autoencoder's middle block after its equations.
static bool vae_name(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                     size_t size)
{
    static const char *const renamed[][2] = {
        {"query.", "to_q."}, {"key.", "to_k."}, {"value.", "to_v."}, {"proj_attn.", "to_out.0."}};
    const char *p = strstr(stored, ".attentions.0.");
    for (size_t i = 0; p && i < sizeof renamed / sizeof *renamed; i++) {
        const char *rest = p + strlen(".attentions.0.");
        size_t n = strlen(renamed[i][0]);
        if (strncmp(rest, renamed[i][0], n) == 0)
            return fits(
                snprintf(out, size, "%.*s%s%s", (int)(rest - stored), stored, renamed[i][1], rest + n), size);
    }
    return as_it_is(r, stored, piece, how, out, size);
}

static bool text_name(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                      size_t size)
{
    static const char prefix[] = "text_model.";
    if (strncmp(stored, prefix, sizeof prefix - 1) == 0)
        stored += sizeof prefix - 1;
    return as_it_is(r, stored, piece, how, out, size);
}

// A table of 0, 1, 2, ... that old versions saved; and the other half of a whole CLIP.
static bool text_ignore(const mw_name_rule *r, const char *stored)
{
    (void)r;
    return ends_with(stored, "position_ids") || strcmp(stored, "logit_scale") == 0 ||
        strncmp(stored, "vision_model.", 13) == 0 || strcmp(stored, "visual_projection.weight") == 0;
}

const mw_name_rule mw_rule_unet = {.prefix = "", .translate = as_it_is};
const mw_name_rule mw_rule_vae = {.prefix = "", .translate = vae_name};
const mw_name_rule mw_rule_text = {.prefix = "", .translate = text_name, .ignore = text_ignore};
