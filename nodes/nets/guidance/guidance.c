// guidance.c: latents moved against the gradient of an energy on attention maps.
#include "nodes/nets/guidance/guidance.h"
#include "core/ops.h"

#include "core/tensor/tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- layers

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

// ---- one measurement

// The maps of a forward pass, as they come.
typedef struct {
    const mw_guidance *g;
    mw_tensor **map; // one for each layer; a share each
} catcher;

static bool want_map(void *user, const char *path)
{
    const catcher *k = user;
    for (int i = 0; i < k->g->nlayers; i++)
        if (strcmp(k->g->layer[i].path, path) == 0)
            return true;
    return false;
}

static void take_map(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    (void)c;
    const catcher *k = user;
    for (int i = 0; i < k->g->nlayers; i++)
        if (!k->map[i] && strcmp(k->g->layer[i].path, path) == 0)
            k->map[i] = mw_retain(probs);
}

static catcher new_catcher(mw_ctx *c, const mw_guidance *g)
{
    return (catcher){g, mw_alloc(c, (size_t)g->nlayers * sizeof(mw_tensor *))};
}

static void free_catcher(catcher *k)
{
    for (int i = 0; k->map && i < k->g->nlayers; i++)
        mw_release(k->map[i]);
    free(k->map);
}

static void run_unet(mw_ctx *c, const mw_guidance *g, catcher *k, mw_tensor *latents)
{
    mw_unet_taps taps = {.user = k, .want_map = want_map, .map = take_map};
    mw_unet_in in = g->call;
    in.latents = g->input_scale == 1 ? latents : mw_affine(c, latents, g->input_scale, 0);
    in.taps = &taps;
    in.maps_only = true;
    mw_unet_forward(c, g->unet, &in);
}

static double value_of(mw_ctx *c, const mw_tensor *energy)
{
    float v = 0;
    if (energy && mw_numel(energy) != 1)
        mw_fail(c, MW_E_SHAPE, "an energy must be one number, got %lld", (long long)mw_numel(energy));
    if (mw_err(c) == MW_OK && mw_tensor_read_f32(c, energy, &v) == MW_OK && !isfinite(v))
        mw_fail(c, MW_E_NUMBER,
                "the energy of the attention is %s: latents, text states or reference maps are no numbers, a "
                "setting is beyond reason, or a phrase gets no attention at all",
                isnan(v) ? "not a number" : "infinite");
    return (double)v;
}

// Bytes that a pass with everything kept needs beside the weights. A dry run counts what the tape would hold;
// WORK as large as the largest are for the gradients on their way.
static uint64_t bytes_to_keep(mw_ctx *c, const mw_guidance *g, const mw_tensor *latents)
{
    enum { WORK = 4 };
    uint64_t bytes = 0, largest = 0;
    catcher k = new_catcher(c, g);
    bool was = c->dry;
    c->dry = true;
    mw_scope_begin(c);
    mw_tensor *z = mw_tensor_new(c, MW_F32, latents->ndim, latents->shape);
    if (k.map && mw_tape_begin(c, false) == MW_OK) {
        mw_watch(c, z);
        run_unet(c, g, &k, z);
        bytes = mw_tape_dry_bytes(c, &largest);
        mw_tape_end(c);
    }
    mw_scope_end(c, NULL);
    c->dry = was;
    free_catcher(&k);
    return bytes + WORK * largest;
}

// Whether all is kept follows from the memory limit and the model, not from what else is in memory: the two
// ways add up in different orders. The twins of weights, which are made again with the same bits, make room.
static bool must_recompute(mw_ctx *c, const mw_guidance *g, const mw_tensor *latents)
{
    if (mw_weights_fetch(c, g->unet->weights) != MW_OK)
        return false;
    uint64_t bytes = bytes_to_keep(c, g, latents);
    if (bytes > mw_memory_left(c))
        mw_weights_forget_twins(g->unet->weights);
    return bytes > mw_weights_room(c, g->unet->weights);
}

// Measures the energy and, unless that ends guidance, makes a step. Returns the latents moved; NULL when
// guidance has ended. *kept: a share of the gradient in place of the one before.
static mw_tensor *attempt(mw_ctx *c, const mw_guidance *g, int64_t picture, mw_tensor *latents,
                          double *energy, mw_tensor **kept, bool recompute)
{
    catcher k = new_catcher(c, g);
    mw_tensor *moved = NULL, *gradient = NULL;
    mw_scope_begin(c);
    mw_tensor *z = mw_affine(c, latents, 1, 0); // watched on its own, so that tapes outside stay as they are
    if (k.map && mw_tape_begin(c, recompute) == MW_OK) {
        mw_watch(c, z);
        run_unet(c, g, &k, z);
        mw_tensor *e = g->energy(c, g->user, k.map);
        *energy = value_of(c, e);
        bool enough = g->fresh && *energy <= g->threshold;
        if (!enough)
            mw_backward(c, 1, &e, NULL, 1, &z, &gradient);
        if (g->measured && mw_err(c) != MW_E_MEMORY)
            g->measured(c, g->measured_user, picture, *energy);
        if (gradient && mw_err(c) == MW_OK) {
            if (g->trace)
                g->trace(c, g->trace_user, e, gradient, k.map);
            mw_tensor *terms[2] = {latents, gradient};
            moved = mw_lincomb(c, 2, terms, (double[]){1, -g->strength});
            mw_release(*kept);
            *kept = mw_retain(gradient);
        }
        mw_tape_end(c);
    }
    free_catcher(&k);
    return mw_scope_end(c, moved);
}

static mw_tensor *iterate(mw_ctx *c, const mw_guidance *g, int64_t picture, mw_tensor *latents,
                          double *energy, mw_tensor **kept)
{
    return attempt(c, g, picture, latents, energy, kept, must_recompute(c, g, latents));
}

// ---- all steps

static mw_tensor *guide_one(mw_ctx *c, const mw_guidance *g, int64_t picture, mw_tensor *z, double *energy,
                            mw_tensor **gradient)
{
    for (int i = 0; i < g->iterations && mw_err(c) == MW_OK && !mw_cancelled(c); i++) {
        if (!g->fresh && !(*energy > g->threshold))
            break;
        mw_tensor *moved = iterate(c, g, picture, z, energy, gradient);
        if (!moved)
            break;
        z = moved;
    }
    return z;
}

// Of what is for one or for each picture, what is for this one.
static mw_tensor *of(mw_ctx *c, mw_tensor *t, int64_t picture)
{
    return t && mw_dim(t, 0) > 1 ? mw_slice(c, t, 0, picture, 1) : t;
}

static mw_tensor *joined(mw_ctx *c, mw_tensor *all, mw_tensor *more)
{
    mw_tensor *parts[2] = {all, more};
    return all ? mw_concat(c, 2, parts, 0) : more;
}

mw_tensor *mw_guide(mw_ctx *c, const mw_guidance *g, mw_tensor *latents, double *energy, mw_tensor **gradient)
{
    int64_t pictures = latents ? mw_dim(latents, 0) : 0;
    mw_tensor *all = NULL, *gradients = NULL;
    bool stepped = false;
    for (int64_t b = 0; b < pictures && mw_err(c) == MW_OK; b++) {
        mw_guidance one = *g;
        mw_tensor *z = of(c, latents, b), *last = NULL;
        one.call.text = of(c, g->call.text, b);
        one.call.pooled = of(c, g->call.pooled, b);
        all = joined(c, all, guide_one(c, &one, b, z, &energy[b], &last));
        stepped |= last != NULL;
        gradients = joined(c, gradients, last ? mw_scope_adopt(c, last) : mw_affine(c, z, 0, 0));
        if (mw_err(c) == MW_E_NUMBER && pictures > 1)
            mw_fail_context(c, "picture %lld", (long long)b + 1);
    }
    *gradient = stepped && mw_err(c) == MW_OK ? gradients : NULL;
    return mw_err(c) != MW_OK ? NULL : stepped ? all : latents;
}

double mw_guidance_strength(const mw_schedule *s, int step, double eta, bool progress, bool strict,
                            int64_t cells)
{
    double scale = mw_schedule_input_scale(s, step), noise = sqrt(1 - mw_schedule_alpha_bar(s, step));
    double way = s->steps > 1 ? (double)step / (s->steps - 1) : 0;
    double factor = progress ? sqrt(1 - way / 2) : noise;
    if (!strict && s->sigmas && !progress)
        return eta * s->sigmas[step] * s->sigmas[step];
    if (!strict)
        return eta * factor;
    // Latents that carry their noise level, z / scale, move by as much in the units the network sees.
    return eta * factor * (double)cells / 4096 / (scale * scale);
}
