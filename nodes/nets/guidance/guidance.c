// guidance.c: latents moved against the gradient of an energy on attention maps.
#include "nodes/nets/guidance/guidance.h"
#include "core/ops.h"

#include "core/tensor/tape.h"
#include "nodes/nets/base/batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Pictures that are moved together, and what the network gets for them. `now`: their latents.
typedef struct {
    mw_ctx *c;
    const mw_guidance *g;
    int n, *picture; // which of the call's
    double *t;       // n times
    mw_unet_in in;
    mw_tensor *now;
    mw_unet_memo *memo; // of in
    bool recompute;
} batch;

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

static void run_unet(const batch *b, catcher *k, mw_tensor *latents)
{
    const mw_guidance *g = b->g;
    mw_unet_taps taps = {.user = k, .want_map = want_map, .map = take_map};
    mw_unet_in in = b->in;
    in.latents = g->input_scale == 1 ? latents : mw_affine(b->c, latents, g->input_scale, 0);
    in.memo = b->memo;
    in.taps = &taps;
    in.maps_only = true;
    mw_unet_forward(b->c, g->unet, &in);
}

static void name_picture(const batch *b, int i)
{
    if (mw_dim(b->g->call.latents, 0) > 1)
        mw_fail_context(b->c, "picture %d", b->picture[i] + 1);
}

// What was measured, of each picture: the only time that guidance waits for the device.
static void read_energies(const batch *b, const mw_tensor *energy, float *v)
{
    mw_ctx *c = b->c;
    if (energy && mw_numel(energy) != b->n)
        mw_fail(c, MW_E_SHAPE, "an energy must be one number of each of %d pictures, got %lld", b->n,
                (long long)mw_numel(energy));
    if (mw_err(c) != MW_OK || mw_tensor_read_f32(c, energy, v) != MW_OK)
        return;
    for (int i = 0; i < b->n && mw_err(c) == MW_OK; i++) {
        if (isfinite(v[i]))
            continue;
        mw_fail(c, MW_E_NUMBER,
                "the energy of the attention is %s: latents, text states or reference maps are no numbers, a "
                "setting is beyond reason, or a phrase gets no attention at all",
                isnan(v[i]) ? "not a number" : "infinite");
        name_picture(b, i);
    }
}

// Notes the energies and who goes on: how many.
static int judge(const batch *b, const float *v, double *energy, bool *goes_on)
{
    const mw_guidance *g = b->g;
    int n = 0;
    for (int i = 0; i < b->n; i++) {
        energy[b->picture[i]] = (double)v[i];
        goes_on[i] = !(g->fresh && (double)v[i] <= g->threshold);
        n += goes_on[i];
    }
    return n;
}

// Measures the energies and makes a step, unless that ends guidance of all. The latents moved, of all
// pictures of the batch; only those that go on are of use. *gradient: of them; NULL with the latents.
static mw_tensor *attempt(const batch *b, double *energy, bool *goes_on, mw_tensor **gradient)
{
    mw_ctx *c = b->c;
    const mw_guidance *g = b->g;
    catcher k = new_catcher(c, g);
    float *v = mw_alloc(c, (size_t)b->n * sizeof *v);
    mw_tensor *moved[2] = {NULL, NULL};
    mw_scope_begin(c);
    mw_tensor *z = mw_affine(c, b->now, 1, 0); // watched on its own, so that tapes outside stay as they are
    if (k.map && v && mw_tape_begin(c, b->recompute) == MW_OK) {
        mw_watch(c, z);
        run_unet(b, &k, z);
        mw_tensor *e = g->energy(c, g->user, k.map);
        read_energies(b, e, v);
        if (mw_err(c) == MW_OK && judge(b, v, energy, goes_on))
            mw_backward(c, 1, &e, NULL, 1, &z, &moved[1]);
        for (int i = 0; g->measured && i < b->n && mw_err(c) == MW_OK; i++)
            g->measured(c, g->measured_user, b->picture[i], (double)v[i]);
        if (moved[1] && g->trace && mw_err(c) == MW_OK)
            g->trace(c, g->trace_user, e, moved[1], k.map);
        if (moved[1])
            moved[0] = mw_lincomb(c, 2, (mw_tensor *[]){b->now, moved[1]}, (double[]){1, -g->strength});
        mw_tape_end(c);
    }
    mw_scope_end_many(c, moved, 2);
    free_catcher(&k);
    free(v);
    *gradient = moved[1];
    return moved[0];
}

// ---- pictures together

// What the network gets for the pictures that b names.
static void make_input(batch *b)
{
    mw_ctx *c = b->c;
    b->in = b->g->call;
    b->in.t = b->t;
    for (int i = 0; i < b->n; i++)
        b->t[i] = *b->g->call.t;
    b->in.text = mw_batch_rows(c, b->in.text, b->n, b->picture);
    b->in.pooled = mw_batch_rows(c, b->in.pooled, b->n, b->picture);
    b->in.objs = mw_batch_rows(c, b->in.objs, b->n, b->picture);
}

// A dry run counts what the tape would hold; WORK as large as the largest are for the gradients on their way.
uint64_t mw_guidance_bytes(mw_ctx *c, const mw_guidance *g, int n)
{
    enum { WORK = 4 };
    uint64_t bytes = 0, largest = 0;
    const mw_tensor *all = g->call.latents;
    batch b = {.c = c, .g = g, .n = n};
    catcher k = new_catcher(c, g);
    b.picture = mw_alloc(c, (size_t)n * sizeof *b.picture);
    b.t = mw_alloc(c, (size_t)n * sizeof *b.t);
    for (int i = 0; b.picture && i < n; i++)
        b.picture[i] = i;
    bool was = c->dry;
    c->dry = true;
    mw_scope_begin(c);
    mw_tensor *z = mw_tensor_new(c, MW_F32, MW_SHAPE(n, mw_dim(all, 1), mw_dim(all, 2), mw_dim(all, 3)));
    if (b.picture && b.t)
        make_input(&b);
    if (k.map && mw_tape_begin(c, false) == MW_OK) {
        mw_watch(c, z);
        run_unet(&b, &k, z);
        bytes = mw_tape_dry_bytes(c, &largest);
        mw_tape_end(c);
    }
    mw_scope_end(c, NULL);
    c->dry = was;
    free_catcher(&k);
    free(b.picture);
    free(b.t);
    return bytes + WORK * largest;
}

// How many of b->n pictures go together, and whether a pass is computed again on the way back. That follows
// from the memory limit and the model, not from what else is in memory: the two ways add up in different
// orders. The twins of weights, which are made again with the same bits, make room.
static int together(batch *b)
{
    mw_weights *w = b->g->unet->weights;
    int n = b->n;
    if (mw_weights_fetch(b->c, w) != MW_OK)
        return n;
    uint64_t room = mw_weights_room(b->c, w), bytes = mw_guidance_bytes(b->c, b->g, n);
    while (bytes > room && n > 1 && mw_err(b->c) == MW_OK) {
        int fit = (int)(room / (bytes / (uint64_t)n + 1));
        n = fit < 1 ? 1 : fit < n ? fit : n - 1;
        bytes = mw_guidance_bytes(b->c, b->g, n);
    }
    if (bytes > mw_memory_left(b->c))
        mw_weights_forget_twins(w);
    b->recompute = bytes > room;
    return n;
}

// Where the latents and the gradient of each picture lie now.
static void keep_moved(const batch *b, mw_tensor *moved, mw_tensor *gradient, const bool *goes_on,
                       mw_batch_place *latents, mw_batch_place *gradients)
{
    for (int i = 0; i < b->n; i++)
        if (goes_on[i]) {
            latents[b->picture[i]] = (mw_batch_place){moved, i};
            gradients[b->picture[i]] = (mw_batch_place){gradient, i};
        }
}

// Drops the pictures that do not go on; true when any did.
static bool drop_ended(batch *b, const bool *goes_on)
{
    int n = 0;
    for (int i = 0; i < b->n; i++)
        if (goes_on[i])
            b->picture[n++] = b->picture[i];
    bool dropped = n < b->n;
    b->n = n;
    return dropped;
}

static void guide_batch(batch *b, double *energy, mw_batch_place *latents, mw_batch_place *gradients)
{
    mw_ctx *c = b->c;
    const mw_guidance *g = b->g;
    bool *goes_on = mw_alloc(c, (size_t)b->n * sizeof *goes_on), chosen = false;
    for (int i = 0; goes_on && i < g->iterations && mw_err(c) == MW_OK && !mw_cancelled(c); i++) {
        for (int k = 0; k < b->n; k++)
            goes_on[k] = g->fresh || energy[b->picture[k]] > g->threshold;
        chosen = !drop_ended(b, goes_on) && chosen;
        if (b->n == 0)
            break;
        if (!chosen) {
            make_input(b);
            mw_unet_memo_free(b->memo);
            b->memo = mw_unet_memo_new(c);
            if (g->choose && mw_err(c) == MW_OK)
                g->choose(c, g->user, b->n, b->picture);
            b->now = mw_batch_of_places(c, b->n, latents, b->picture);
        }
        mw_tensor *gradient, *moved = attempt(b, energy, goes_on, &gradient);
        if (!moved)
            break;
        keep_moved(b, moved, gradient, goes_on, latents, gradients);
        b->now = moved;
        chosen = !drop_ended(b, goes_on);
    }
    mw_unet_memo_free(b->memo);
    free(goes_on);
}

// ---- all of them

mw_tensor *mw_guide(mw_ctx *c, const mw_guidance *g, mw_tensor *latents, double *energy, mw_tensor **gradient)
{
    size_t pictures = (size_t)mw_dim(latents, 0);
    mw_guidance own = *g;
    own.call.latents = latents;
    batch all = {.c = c, .g = &own};
    int *picture = mw_alloc(c, (pictures + 1) * sizeof *picture),
        *which = mw_alloc(c, pictures * sizeof *which);
    mw_batch_place *place = mw_alloc(c, 2 * pictures * sizeof *place);
    bool stepped = false;
    *gradient = NULL;
    all.t = mw_alloc(c, (pictures + 1) * sizeof *all.t);
    all.picture = picture;
    for (size_t i = 0; mw_err(c) == MW_OK && i < pictures; i++) {
        which[i] = (int)i;
        place[i] = (mw_batch_place){latents, (int)i};
        if (!g->still || !g->still[i])
            picture[all.n++] = (int)i;
    }
    int left = mw_err(c) == MW_OK && g->iterations > 0 ? all.n : 0, most = left ? together(&all) : 0;
    int parts = left ? (left + most - 1) / most : 0;
    for (int k = 0; k < parts && mw_err(c) == MW_OK; k++) {
        batch b = all;
        b.picture = picture + left * k / parts;
        b.n = left * (k + 1) / parts - left * k / parts;
        guide_batch(&b, energy, place, place + pictures);
    }
    for (size_t i = 0; mw_err(c) == MW_OK && i < pictures; i++)
        stepped |= place[pictures + i].t != NULL;
    if (stepped) {
        mw_tensor *none = mw_affine(c, mw_slice(c, latents, 0, 0, 1), 0, 0);
        for (size_t i = 0; i < pictures; i++)
            if (!place[pictures + i].t)
                place[pictures + i] = (mw_batch_place){none, 0};
        *gradient = mw_batch_of_places(c, (int)pictures, place + pictures, which);
        latents = mw_batch_of_places(c, (int)pictures, place, which);
    }
    free(picture);
    free(which);
    free(place);
    free(all.t);
    return mw_err(c) == MW_OK ? latents : NULL;
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
