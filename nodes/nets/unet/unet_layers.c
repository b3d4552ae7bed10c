// unet_layers.c: the UNet's cross-attentions by name: diffusers' module paths and the short forms of papers.
#include "nodes/nets/unet/unet.h"

#include <stdio.h>
#include <string.h>

typedef enum { DOWN, MID, UP } side;

typedef struct {
    side side;
    int block, attention, layer, heads, level;
} place;

// Counts *left down over the layers of one block; fills p when it reaches zero inside.
static bool in_block(const mw_unet_block *b, int layers, int *left, place *p)
{
    if (!b->attends)
        return false;
    for (p->attention = 0; p->attention < layers; p->attention++) {
        if (*left < b->depth[p->attention]) {
            p->layer = *left;
            p->heads = b->heads;
            return true;
        }
        *left -= b->depth[p->attention];
    }
    return false;
}

static bool place_at(const mw_unet_config *f, int i, place *p)
{
    *p = (place){.side = DOWN};
    for (p->block = 0; p->block < f->levels; p->block++) {
        p->level = p->block;
        if (in_block(&f->down[p->block], f->down[p->block].layers, &i, p))
            return true;
    }
    *p = (place){.side = MID, .level = f->levels - 1};
    if (in_block(&f->mid, 1, &i, p))
        return true;
    p->side = UP;
    for (p->block = 0; p->block < f->levels; p->block++) {
        p->level = f->levels - 1 - p->block;
        if (in_block(&f->up[p->block], f->up[p->block].layers, &i, p))
            return true;
    }
    return false;
}

static void full_path(const place *p, char *buf, size_t size)
{
    if (p->side == MID)
        snprintf(buf, size, "mid_block.attentions.%d.transformer_blocks.%d.attn2", p->attention, p->layer);
    else
        snprintf(buf, size, "%s_blocks.%d.attentions.%d.transformer_blocks.%d.attn2",
                 p->side == UP ? "up" : "down", p->block, p->attention, p->layer);
}

// "up.1.0.2", or without the layer when that is 0.
static void short_name(const place *p, bool layer, char *buf, size_t size)
{
    char tail[16] = "";
    if (layer)
        snprintf(tail, sizeof tail, ".%d", p->layer);
    if (p->side == MID)
        snprintf(buf, size, "mid.%d%s", p->attention, tail);
    else
        snprintf(buf, size, "%s.%d.%d%s", p->side == UP ? "up" : "down", p->block, p->attention, tail);
}

static bool called(const place *p, const char *name, const char *path)
{
    char s[96];
    size_t n = strlen(path) - strlen(".attn2");
    if (strcmp(name, path) == 0 || (strlen(name) == n && strncmp(name, path, n) == 0))
        return true;
    short_name(p, true, s, sizeof s);
    if (strcmp(name, s) == 0)
        return true;
    snprintf(s, sizeof s, "mid.0.%d.%d", p->attention, p->layer); // with a block, as the other places have
    if (p->side == MID && strcmp(name, s) == 0)
        return true;
    if (p->layer)
        return false;
    short_name(p, false, s, sizeof s);
    return strcmp(name, s) == 0 || (p->side == MID && p->attention == 0 && strcmp(name, "mid") == 0);
}

bool mw_unet_layer_at(const mw_unet_config *cfg, int i, char *buf, size_t size, int *heads, int *level)
{
    place p;
    if (i < 0 || !place_at(cfg, i, &p))
        return false;
    full_path(&p, buf, size);
    if (heads)
        *heads = p.heads;
    if (level)
        *level = p.level;
    return true;
}

mw_status mw_unet_layer_path(mw_ctx *c, const mw_unet_config *cfg, const char *name, char *buf, size_t size)
{
    char known[1024] = "", one[32];
    size_t n = 0;
    place p;
    for (int i = 0; place_at(cfg, i, &p); i++) {
        full_path(&p, buf, size);
        if (called(&p, name, buf))
            return mw_err(c);
        short_name(&p, p.layer > 0, one, sizeof one);
        if (n < sizeof known)
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? " " : "", one);
    }
    return mw_fail(c, MW_E_ARG, "there is no cross-attention '%.100s' in this model; it has %s", name,
                   n ? known : "none");
}
