// layout_energy.c: layouts' phrases found in prompts, and the energies of attention to them.
#include "nodes/nets/guidance/layout_energy.h"

#include "core/base/text.h"
#include "core/ops.h"
#include "nodes/nets/base/batch.h"
#include "nodes/nets/guidance/energy_function.h"
#include "nodes/nets/guidance/energy_internal.h"
#include "nodes/nets/guidance/reference_maps.h"

#include <stdlib.h>
#include <string.h>

static mw_layout_mode mode_of(const mw_layout_energy *e)
{
    return e->options.wrapped_boxes ? MW_FAITHFUL : MW_STRICT;
}

static void find(mw_ctx *c, const mw_layout_energy *e, mw_guided_layout *p)
{
    mw_layout_spec_of(c, "'layout'", p->layout, mode_of(e), &p->boxes, &p->spec);
    mw_layout_phrases_find(c, e->tokenizer, &p->spec, p->prompt, mode_of(e), &p->phrases);
    if (mw_err(c) == MW_OK && strcmp(p->phrases.found.prompt, p->prompt) != 0)
        mw_fail(
            c, MW_E_ARG,
            "the prompt \"%.200s\" lacks phrases of the layout; with them it is \"%.300s\" (layout_phrases "
            "makes such prompts)",
            p->prompt, p->phrases.found.prompt);
}

mw_status mw_layout_energy_find(mw_ctx *c, mw_layout_energy *e)
{
    for (int i = 0; i < e->npictures && mw_err(c) == MW_OK; i++) {
        find(c, e, &e->picture[i]);
        if (mw_err(c) != MW_OK && e->npictures > 1)
            mw_fail_context(c, "picture %d", i + 1);
    }
    return mw_err(c);
}

// Of the coarsest map, which loses the most boxes.
void mw_layout_energy_warn(mw_ctx *c, const mw_layout_energy *e)
{
    const mw_guided_layer *coarse = e->layer;
    for (int i = 1; i < e->nlayers; i++)
        if (e->layer[i].h * e->layer[i].w < coarse->h * coarse->w)
            coarse = &e->layer[i];
    size_t lost = 0, all = 0;
    const char *first = "";
    for (int p = 0; p < e->npictures; p++) {
        const mw_layout_spec *s = &e->picture[p].spec;
        all += s->n;
        for (size_t i = 0; i < s->n; i++) {
            mw_cells at = mw_cells_of(s->object[i].box, coarse->h, coarse->w, e->options.wrapped_boxes);
            if (at.x0 < at.x1 && at.y0 < at.y1)
                continue;
            first = lost++ ? first : s->object[i].phrase;
        }
    }
    char shown[80];
    if (lost)
        mw_warn(c,
                "box_attention_guide: %zu of %zu boxes, the first of \"%s\", cover no cell of the %d x %d "
                "maps of %s: they are too small for guidance there",
                lost, all, mw_printable(first, shown, sizeof shown), coarse->w, coarse->h, coarse->path);
}

// ---- the pictures chosen

static mw_guided_layout *chosen(const mw_layout_energy *e, int i)
{
    return &e->picture[e->npictures > 1 ? e->which[i] : 0];
}

// The references of those chosen for a layer: [pictures,heads,boxes,h*w], filled up to the most boxes.
static mw_tensor *references(mw_ctx *c, const mw_layout_energy *e, const mw_guided_layer *l)
{
    mw_tensor **part = mw_alloc(c, (size_t)e->nchosen * sizeof(mw_tensor *)), *all = NULL;
    int64_t most = 0;
    for (int i = 0; part && i < e->nchosen; i++) {
        const mw_guided_layout *p = chosen(e, i);
        part[i] = mw_reference_maps(c, e->unet, p->references, p->spec.n, l->path);
        most = mw_dim(part[i], 1) > most ? mw_dim(part[i], 1) : most;
    }
    for (int i = 0; part && i < e->nchosen && mw_err(c) == MW_OK; i++) {
        int64_t heads = mw_dim(part[i], 0), boxes = mw_dim(part[i], 1), cells = mw_dim(part[i], 2);
        mw_tensor *rest = boxes < most ? mw_full(c, MW_F32, MW_SHAPE(heads, most - boxes, cells), 0) : NULL;
        mw_tensor *whole = rest ? mw_concat(c, 2, (mw_tensor *[]){part[i], rest}, 1) : part[i];
        part[i] = mw_reshape(c, whole, MW_SHAPE(1, heads, most, cells));
    }
    all = part && mw_err(c) == MW_OK ? mw_batch_join(c, e->nchosen, part) : NULL;
    free(part);
    return all;
}

mw_status mw_layout_energy_choose(mw_ctx *c, void *layout_energy, int n, const int *picture)
{
    mw_layout_energy *e = layout_energy;
    int *which = mw_realloc(c, e->which, (size_t)n * sizeof *which);
    e->which = which ? which : e->which;
    if (!which)
        return mw_err(c);
    memcpy(which, picture, (size_t)n * sizeof *which);
    e->nchosen = e->npictures > 1 ? n : 1;
    if (e->function || (e->targets && e->npictures == 1))
        return mw_err(c);
    mw_energy_targets_free(e->targets);
    e->targets = NULL;
    if (!e->map)
        e->map = mw_alloc(c, (size_t)e->nlayers * sizeof *e->map);
    if (!e->chosen)
        e->chosen = mw_alloc(c, (size_t)e->npictures * sizeof *e->chosen);
    for (int i = 0; e->chosen && i < e->nchosen; i++)
        e->chosen[i] = (mw_energy_picture){chosen(e, i)->phrases.phrase, chosen(e, i)->phrases.n};
    for (int i = 0; e->map && i < e->nlayers && mw_err(c) == MW_OK; i++) {
        const mw_guided_layer *l = &e->layer[i];
        e->map[i] = (mw_energy_layer){.h = l->h, .w = l->w};
        if (e->options.lambda != 0)
            e->map[i].reference = references(c, e, l);
    }
    if (mw_err(c) == MW_OK)
        e->targets =
            mw_energy_targets_new(c, &e->options, e->chosen, e->nchosen, e->length, e->map, e->nlayers);
    return mw_err(c);
}

// A script's function gets the maps of one picture.
static mw_tensor *of_function(mw_ctx *c, const mw_layout_energy *e, mw_tensor *const *maps)
{
    int n = (int)mw_dim(maps[0], 0);
    mw_tensor **one = mw_alloc(c, (size_t)e->nlayers * sizeof(mw_tensor *));
    mw_tensor **energy = mw_alloc(c, (size_t)n * sizeof(mw_tensor *)), *all = NULL;
    for (int i = 0; one && energy && i < n && mw_err(c) == MW_OK; i++) {
        const mw_guided_layout *p = chosen(e, i);
        for (int l = 0; l < e->nlayers; l++)
            one[l] = n > 1 ? mw_slice(c, maps[l], 0, i, 1) : maps[l];
        mw_energy_call call = {
            e->function, e->layer, e->nlayers, &p->spec, &p->phrases, p->layout, e->options.wrapped_boxes};
        energy[i] = mw_energy_of_function(c, &call, one);
    }
    if (one && energy && mw_err(c) == MW_OK)
        all = mw_batch_join(c, n, energy);
    free(one);
    free(energy);
    return all;
}

mw_tensor *mw_layout_energy_of(mw_ctx *c, void *layout_energy, mw_tensor *const *maps)
{
    const mw_layout_energy *e = layout_energy;
    return e->function ? of_function(c, e, maps) : mw_energy(c, e->targets, maps);
}

void mw_layout_energy_free(mw_layout_energy *e)
{
    mw_energy_targets_free(e->targets);
    for (int i = 0; e->picture && i < e->npictures; i++) {
        mw_layout_phrases_free(&e->picture[i].phrases);
        mw_layout_spec_free(&e->picture[i].spec);
        mw_layout_free(&e->picture[i].boxes);
    }
    free(e->map);
    free(e->chosen);
    free(e->which);
    e->targets = NULL;
    e->map = NULL;
    e->chosen = NULL;
    e->which = NULL;
}
