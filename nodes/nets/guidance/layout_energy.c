// layout_energy.c: a layout's phrases found in a prompt, and the energy of attention to them.
#include "nodes/nets/guidance/layout_energy.h"

#include "core/base/text.h"
#include "nodes/nets/guidance/energy_function.h"
#include "nodes/nets/guidance/energy_internal.h"
#include "nodes/nets/guidance/reference_maps.h"

#include <stdlib.h>
#include <string.h>

static mw_layout_mode mode_of(const mw_layout_energy *e)
{
    return e->options.wrapped_boxes ? MW_FAITHFUL : MW_STRICT;
}

mw_status mw_layout_energy_find(mw_ctx *c, mw_layout_energy *e, const char *prompt)
{
    mw_layout_spec_of(c, "'layout'", e->layout, mode_of(e), &e->boxes, &e->spec);
    mw_layout_phrases_find(c, e->tokenizer, &e->spec, prompt, mode_of(e), &e->phrases);
    if (mw_err(c) == MW_OK && strcmp(e->phrases.found.prompt, prompt) != 0)
        mw_fail(
            c, MW_E_ARG,
            "the prompt \"%.200s\" lacks phrases of the layout; with them it is \"%.300s\" (layout_phrases "
            "makes such prompts)",
            prompt, e->phrases.found.prompt);
    return mw_err(c);
}

// Of the coarsest map, which loses the most boxes.
void mw_layout_energy_warn(mw_ctx *c, const mw_layout_energy *e)
{
    const mw_guided_layer *coarse = e->layer;
    for (int i = 1; i < e->nlayers; i++)
        if (e->layer[i].h * e->layer[i].w < coarse->h * coarse->w)
            coarse = &e->layer[i];
    size_t lost = 0, first = 0;
    for (size_t i = 0; i < e->spec.n; i++) {
        mw_cells at = mw_cells_of(e->spec.object[i].box, coarse->h, coarse->w, e->options.wrapped_boxes);
        if (at.x0 < at.x1 && at.y0 < at.y1)
            continue;
        first = lost++ ? first : i;
    }
    char shown[80];
    if (lost)
        mw_warn(c,
                "box_attention_guide: %zu of %zu boxes, the first of \"%s\", cover no cell of the %d x %d "
                "maps of %s: they are too small for guidance there",
                lost, e->spec.n, mw_printable(e->spec.object[first].phrase, shown, sizeof shown), coarse->w,
                coarse->h, coarse->path);
}

mw_status mw_layout_energy_prepare(mw_ctx *c, mw_layout_energy *e, int64_t length)
{
    if (e->function || mw_err(c) != MW_OK)
        return mw_err(c);
    e->map = mw_alloc(c, (size_t)e->nlayers * sizeof *e->map);
    for (int i = 0; e->map && i < e->nlayers && mw_err(c) == MW_OK; i++) {
        const mw_guided_layer *l = &e->layer[i];
        e->map[i] = (mw_energy_layer){.h = l->h, .w = l->w};
        if (e->options.lambda != 0)
            e->map[i].reference = mw_reference_maps(c, e->unet, e->references, e->spec.n, l->path);
    }
    if (mw_err(c) == MW_OK)
        e->targets = mw_energy_targets_new(c, &e->options, e->phrases.phrase, e->phrases.n, length, e->map,
                                           e->nlayers);
    return mw_err(c);
}

mw_tensor *mw_layout_energy_of(mw_ctx *c, void *layout_energy, mw_tensor *const *maps)
{
    const mw_layout_energy *e = layout_energy;
    if (!e->function)
        return mw_energy(c, e->targets, maps);
    mw_energy_call call = {
        e->function, e->layer, e->nlayers, &e->spec, &e->phrases, e->layout, e->options.wrapped_boxes};
    return mw_energy_of_function(c, &call, maps);
}

void mw_layout_energy_free(mw_layout_energy *e)
{
    mw_energy_targets_free(e->targets);
    mw_layout_phrases_free(&e->phrases);
    mw_layout_spec_free(&e->spec);
    mw_layout_free(&e->boxes);
    free(e->map);
    e->targets = NULL;
    e->map = NULL;
}
