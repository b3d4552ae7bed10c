// guided_layers.c: the cross-attentions whose maps guidance reads.
#include "nodes/nets/guidance/guidance.h"

#include <string.h>

// Cells along a side after `level` halvings, each rounded up.
static int halved(int n, int level)
{
    for (int i = 0; i < level; i++)
        n = (n + 1) / 2;
    return n;
}

static bool layer_at(const mw_unet_config *f, int i, int h, int w, mw_guided_layer *l)
{
    int level;
    if (!mw_unet_layer_at(f, i, l->path, sizeof l->path, &l->heads, &level))
        return false;
    l->h = halved(h, level);
    l->w = halved(w, level);
    return true;
}

mw_status mw_guided_layer_find(mw_ctx *c, const mw_unet_config *f, const char *name, int h, int w,
                               mw_guided_layer *out)
{
    char path[MW_LAYER_PATH];
    if (mw_unet_layer_path(c, f, name, path, sizeof path) != MW_OK)
        return mw_err(c);
    for (int i = 0; layer_at(f, i, h, w, out); i++)
        if (strcmp(out->path, path) == 0)
            break;
    return MW_OK;
}

int mw_guided_layers_default(const mw_unet_config *f, int h, int w, mw_guided_layer *out, int max)
{
    char first[32] = ""; // "up_blocks.1.": the block on the way up that was met first
    mw_guided_layer l;
    int n = 0;
    for (int i = 0; layer_at(f, i, h, w, &l); i++) {
        bool up = strncmp(l.path, "up_blocks.", 10) == 0;
        size_t block = up ? (size_t)(strchr(l.path + 10, '.') - l.path) + 1 : 0;
        if (up && !*first)
            memcpy(first, l.path, block < sizeof first ? block : 0);
        if (strncmp(l.path, "mid_block.", 10) != 0 && !(up && strncmp(l.path, first, block) == 0))
            continue;
        if (n < max)
            out[n] = l;
        n++;
    }
    return n;
}

int mw_guided_layers_read(mw_ctx *c, const mw_unet_config *f, const mw_value *list, int h, int w,
                          mw_guided_layer *out, int max)
{
    bool named = mw_value_kind(list) != MW_NIL;
    size_t n = named ? mw_value_count(list) : (size_t)mw_guided_layers_default(f, h, w, out, max);
    if (n < 1 || n > (size_t)max)
        mw_fail(c, MW_E_ARG, "'layers' must name 1 to %d cross-attentions, got %zu", max, n);
    for (size_t i = 0; named && i < n && mw_err(c) == MW_OK; i++) {
        const mw_value *name = mw_value_at(list, i);
        if (mw_value_kind(name) != MW_TEXT)
            mw_fail(c, MW_E_ARG, "'layers' must be a list of texts, entry %zu is a %s", i + 1,
                    mw_kind_name(mw_value_kind(name)));
        else
            mw_guided_layer_find(c, f, mw_value_as_text(name), h, w, &out[i]);
    }
    return mw_err(c) == MW_OK ? (int)n : 0;
}

void mw_mask_layer_default(const mw_unet_config *f, char path[MW_LAYER_PATH])
{
    const char *favourite = "down_blocks.2.attentions.1.transformer_blocks.0.attn2";
    char next[MW_LAYER_PATH];
    *path = '\0';
    for (int i = 0; strcmp(path, favourite) != 0 && mw_unet_layer_at(f, i, next, sizeof next, NULL, NULL);
         i++)
        memcpy(path, next, sizeof next);
}
