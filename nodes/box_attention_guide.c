// box_attention_guide.c: before a denoising step, latents moved so that phrases attend to their boxes.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint.h"
#include "nodes/nets/energy_function.h"
#include "nodes/nets/guidance.h"
#include "nodes/nets/layout_phrases.h"
#include "nodes/nets/reference_maps.h"
#include "nodes/nets/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL,
    LATENTS,
    SCHEDULE,
    STEP,
    EMBEDDING,
    TOKENS,
    LAYOUT,
    STATE,
    REFERENCE,
    ENERGY,
    OMEGA,
    LAMBDA,
    ETA,
    TOP_P,
    FG_TOP_P,
    BG_TOP_P,
    FG_WEIGHT,
    LAYERS,
    ITERATIONS,
    THRESHOLD,
    LAST_STEP,
    DECAY,
    TRANSFER,
    SIGMA,
    CORNER,
    GROUNDING,
    MODE
};
enum { MOST_LAYERS = 256 };

static const mw_port in[] = {
    {"model", "checkpoint", NULL, 0, 0, NULL, NULL, NULL, "a checkpoint"},
    {"latents", "latents", NULL, 0, 0, NULL, NULL, NULL, "[1,4,h,w] the latents before the step"},
    {"schedule", "schedule", NULL, 0, 0, NULL, NULL, NULL, "the times of the run"},
    {"step", "integer", NULL, 0, 100000, NULL, NULL, NULL, "which step follows, from 0"},
    {"embedding", "embedding", NULL, 0, 0, NULL, NULL, NULL, "[1,L,D] states of the prompt"},
    {"tokens", "tokens", NULL, 0, 0, NULL, NULL, NULL, "of the prompt, as text_encoder gives them"},
    {"layout", "layout", NULL, 0, 0, NULL, NULL, NULL, "the phrases and their boxes"},
    {"state", "any", "null", 0, 0, NULL, NULL, NULL,
     "the step before's output of that name; none at the first"},
    {"reference", "list", "null", 0, 0, NULL, NULL, NULL,
     "for attention transfer, one entry for each object in the order of layout_phrases: maps by layer "
     "[1,heads,h*w,1] of its word, recorded at this step while it was drawn alone"},
    {"energy", "function", "\"code\"", 0, 0, "code|paper|ratio|boxdiff", NULL, NULL,
     "code: the largest shares inside and outside the boxes, as published in code; paper: in the paper; "
     "ratio: "
     "backward guidance; boxdiff: BoxDiff; or a function(maps, layout) of the script that returns a tensor "
     "of "
     "one number, from a list of { phrase, layer, map = [heads,h,w] }"},
    {"omega", "number", "4", 0, 1e6, NULL, "ω|bg_weight", NULL,
     "weight of attention outside the boxes; eq. 2 of the paper"},
    {"lambda", "number", "2", 0, 1e6, NULL, "λ|ref_ca_loss_weight", NULL,
     "weight of attention transfer; eq. 4 of the paper; without a reference there is none"},
    {"eta", "number", "5", 0, 1e6, NULL, "η|loss_scale", NULL,
     "strength: the step is eta * sqrt(1 - alpha_bar) * gradient, in strict mode times h*w / 4096; 0: no "
     "guidance"},
    {"top_p", "number", "0.2", 0, 1, NULL, NULL, NULL,
     "share of the cells inside and outside that counts: the largest values"},
    {"fg_top_p", "number", "null", 0, 1, NULL, NULL, NULL, "inside alone; null: top_p"},
    {"bg_top_p", "number", "null", 0, 1, NULL, NULL, NULL, "outside alone; null: top_p"},
    {"fg_weight", "number", "1", 0, 1e6, NULL, NULL, NULL, "weight of attention inside the boxes"},
    {"layers", "list", "null", 0, 0, NULL, NULL, NULL,
     "cross-attentions that count, by name, each as often as it is listed; null: the model's middle and the "
     "first "
     "block of the way up that has any"},
    {"iterations", "any", "[4,4,4,4,4,3,3,3,3,3,2,2,2,2,2,2,2,2,2,2,1]", 0, 0, NULL, "max_iter", "steps",
     "gradient steps at most: a number, or a list by step whose last entry serves all later ones"},
    {"threshold", "number", "null", -1e6, 1e6, NULL, "loss_threshold", NULL,
     "no further gradient step once the energy is not above it; null: 5 for 8 heads, in strict mode in "
     "proportion "
     "for others; of a function: none"},
    {"last_step", "integer", "30", 0, 100000, NULL, "max_index_step", "steps",
     "steps from this one on are not guided"},
    {"decay", "choice", "\"noise\"", 0, 0, "noise|progress", NULL, NULL,
     "what eta is multiplied by: noise: sqrt(1 - alpha_bar); progress: sqrt(1 - step / 2 / (steps - 1)), "
     "BoxDiff's"},
    {"transfer", "choice", "\"word\"", 0, 0, "word|last|all", NULL, NULL,
     "whose attention is transferred: the phrase's word, its last token, all of them"},
    {"sigma", "number", "0.5", 0, 100, NULL, NULL, "cells", "boxdiff: smoothing of the maps; 0: none"},
    {"corner", "integer", "1", 0, 1000, NULL, "L", "cells",
     "boxdiff: how far from an edge its corner terms look"},
    {"grounding", "any", "null", 0, 0, NULL, NULL, NULL,
     "boxes for models with gated layers (GLIGEN), as the node grounding gives them; in faithful mode its "
     "tokens of "
     "nothing are taken"},
    {"mode", "choice", "\"strict\"", 0, 0, "strict|faithful", NULL, NULL,
     "strict: the energy is measured anew at every step; faithful: as the published code, where guidance "
     "ends for "
     "good once the energy was seen below the threshold, and boxes off the canvas wrap around"},
    {0},
};

static const mw_out out[] = {
    {"latents", "latents", "[1,4,h,w] moved"},
    {"energy", "number", "the last one measured; nil when none was"},
    {"state", "any", "the energy carried to the next step"},
    {"energies", "list", "all that were measured at this step, in order"},
    {"gradient", "tensor", "[1,4,h,w] of the energy, at the last gradient step; nil when none was made"},
    {0},
};

// ---- one call

typedef struct {
    mw_ctx *c;
    mw_value *const *in;
    const mw_checkpoint *model;
    bool strict;
    mw_tensor *latents, *text;
    mw_schedule *schedule;
    int step;
    mw_guided_layer *layer;
    int nlayers;
    mw_energy_layer *map;
    mw_energy_options energy;
    mw_layout layout;
    mw_layout_spec spec;
    mw_layout_phrases phrases;
    mw_function *function; // the script's own energy, or NULL
    mw_energy_plan *plan;  // of the others
    mw_value *energies;
    mw_tensor *gradient; // a share
} call;

static double number(const call *k, int port) { return mw_value_as_number(k->in[port]); }
static bool given(const call *k, int port) { return mw_value_kind(k->in[port]) != MW_NIL; }
static bool is(const call *k, int port, const char *choice)
{
    return strcmp(mw_value_as_text(k->in[port]), choice) == 0;
}

// ---- layers

static void read_layers(call *k)
{
    mw_ctx *c = k->c;
    const mw_unet_config *f = &k->model->unet->model.config;
    int h = (int)mw_dim(k->latents, 2), w = (int)mw_dim(k->latents, 3);
    k->layer = mw_alloc(c, MOST_LAYERS * sizeof *k->layer);
    if (!k->layer)
        return;
    size_t n = mw_value_count(k->in[LAYERS]);
    if (!given(k, LAYERS))
        n = (size_t)mw_guided_layers_default(f, h, w, k->layer, MOST_LAYERS);
    if (n < 1 || n > MOST_LAYERS) {
        mw_fail(c, MW_E_ARG, "'layers' must name 1 to %d cross-attentions, got %zu", MOST_LAYERS, n);
        return;
    }
    for (size_t i = 0; given(k, LAYERS) && i < n && mw_err(c) == MW_OK; i++)
        mw_guided_layer_find(c, f, mw_value_as_text(mw_value_at(k->in[LAYERS], i)), h, w, &k->layer[i]);
    k->nlayers = (int)n;
}

static mw_tensor *reference(const call *k, int layer)
{
    return mw_reference_maps(k->c, &k->model->unet->model.config, k->in[REFERENCE], k->spec.n,
                             k->layer[layer].path);
}

static void read_maps(call *k)
{
    k->map = mw_alloc(k->c, (size_t)k->nlayers * sizeof *k->map);
    for (int i = 0; k->map && i < k->nlayers && mw_err(k->c) == MW_OK; i++)
        k->map[i] =
            (mw_energy_layer){k->layer[i].h, k->layer[i].w, k->energy.lambda != 0 ? reference(k, i) : NULL};
}

// ---- the energy

static void read_energy(call *k)
{
    mw_energy_form form = is(k, ENERGY, "paper") ? MW_ENERGY_PAPER
        : is(k, ENERGY, "ratio")                 ? MW_ENERGY_RATIO
        : is(k, ENERGY, "boxdiff")               ? MW_ENERGY_BOXDIFF
                                                 : MW_ENERGY_CODE;
    bool transfers = !k->function && (form == MW_ENERGY_CODE || form == MW_ENERGY_PAPER);
    k->energy = (mw_energy_options){
        .form = form,
        .fg_top_p = number(k, given(k, FG_TOP_P) ? FG_TOP_P : TOP_P),
        .bg_top_p = number(k, given(k, BG_TOP_P) ? BG_TOP_P : TOP_P),
        .fg_weight = number(k, FG_WEIGHT),
        .omega = number(k, OMEGA),
        .lambda = transfers && given(k, REFERENCE) ? number(k, LAMBDA) : 0,
        .transfer = is(k, TRANSFER, "all") ? MW_TRANSFER_ALL
            : is(k, TRANSFER, "last")      ? MW_TRANSFER_LAST
                                           : MW_TRANSFER_WORD,
        .sigma = number(k, SIGMA),
        .corner = (int)number(k, CORNER),
        .wrapped_boxes = !k->strict,
    };
}

// The phrases' places in the prompt that the embedding is of.
static void find_phrases(call *k)
{
    mw_ctx *c = k->c;
    const mw_value *tokens = k->in[TOKENS];
    const char *prompt = mw_value_as_text(mw_value_get(mw_value_at(tokens, 0), "text"));
    if (mw_value_count(tokens) != 1) {
        mw_fail(c, MW_E_ARG, "'tokens' must be of one prompt, as text_encoder gives them, got %zu",
                mw_value_count(tokens));
        return;
    }
    mw_layout_mode mode = k->strict ? MW_STRICT : MW_FAITHFUL;
    mw_layout_spec_of(c, "'layout'", k->in[LAYOUT], mode, &k->layout, &k->spec);
    mw_layout_phrases_find(c, k->model->tokenizer[0]->tokenizer, &k->spec, prompt, mode, &k->phrases);
    if (mw_err(c) == MW_OK && strcmp(k->phrases.found.prompt, prompt) != 0)
        mw_fail(
            c, MW_E_ARG,
            "the prompt \"%.200s\" lacks phrases of the layout; with them it is \"%.300s\" (layout_phrases "
            "makes such prompts)",
            prompt, k->phrases.found.prompt);
}

static mw_tensor *energy(mw_ctx *c, void *user, mw_tensor *const *maps)
{
    const call *k = user;
    if (!k->function)
        return mw_energy(c, k->plan, maps);
    mw_energy_call e = {k->function, k->layer, k->nlayers, &k->spec, &k->phrases, k->in[LAYOUT], !k->strict};
    return mw_energy_of_function(c, &e, maps);
}

static void note(mw_ctx *c, void *user, double e)
{
    mw_value_push(c, ((call *)user)->energies, mw_value_number(c, e));
}

static void keep_gradient(mw_ctx *c, void *user, mw_tensor *e, mw_tensor *gradient, mw_tensor *const *maps)
{
    (void)c, (void)e, (void)maps;
    call *k = user;
    mw_release(k->gradient);
    k->gradient = mw_retain(gradient);
}

// ---- the step

static double strength(const call *k)
{
    const mw_schedule *s = k->schedule;
    double scale = mw_schedule_input_scale(s, k->step), noise = sqrt(1 - mw_schedule_alpha_bar(s, k->step));
    double progress = s->steps > 1 ? (double)k->step / (s->steps - 1) : 0;
    double factor = is(k, DECAY, "progress") ? sqrt(1 - progress / 2) : noise;
    if (!k->strict && s->sigmas && is(k, DECAY, "noise"))
        return number(k, ETA) * s->sigmas[k->step] * s->sigmas[k->step];
    if (!k->strict)
        return number(k, ETA) * factor;
    // Latents that carry their noise level, z / scale, move by as much in the units the network sees.
    double cells = (double)(mw_dim(k->latents, 2) * mw_dim(k->latents, 3));
    return number(k, ETA) * factor * cells / 4096 / (scale * scale);
}

static int iterations(const call *k)
{
    const mw_value *v = k->in[ITERATIONS];
    size_t n = mw_value_count(v);
    if (mw_value_kind(v) == MW_LIST && n > 0)
        v = mw_value_at(v, (size_t)k->step < n ? (size_t)k->step : n - 1);
    double m = mw_value_as_number(v);
    if (mw_value_kind(v) != MW_NUMBER || !(m >= 0 && m <= 10000) || m != floor(m))
        mw_fail(k->c, MW_E_ARG, "'iterations' must be a whole number from 0 to 10000, or a list of such");
    return mw_err(k->c) == MW_OK ? (int)m : 0;
}

// Mean heads of the layers.
static double threshold(const call *k)
{
    double heads = 0;
    if (given(k, THRESHOLD))
        return number(k, THRESHOLD);
    if (k->function)
        return -INFINITY;
    for (int i = 0; i < k->nlayers; i++)
        heads += (double)k->layer[i].heads / k->nlayers;
    return k->strict ? 5 * heads / 8 : 5;
}

static mw_tensor *guide(call *k, double *carried)
{
    double t = k->schedule->timesteps[k->step];
    const mw_value *objects = mw_value_get(k->in[GROUNDING], k->strict ? "objects" : "null");
    mw_guidance g = {.unet = &k->model->unet->model,
                     .call = {.t = &t, .text = k->text, .objs = mw_value_as_tensor(objects)},
                     .input_scale = mw_schedule_input_scale(k->schedule, k->step),
                     .layer = k->layer,
                     .nlayers = k->nlayers,
                     .energy = energy,
                     .user = k,
                     .strength = strength(k),
                     .iterations = iterations(k),
                     .threshold = threshold(k),
                     .fresh = k->strict,
                     .trace = keep_gradient,
                     .trace_user = k,
                     .measured = note,
                     .measured_user = k};
    return mw_guide(k->c, &g, k->latents, carried);
}

static mw_status check(call *k)
{
    char got[64];
    mw_ctx *c = k->c;
    if (!k->latents || k->latents->ndim != 4 || mw_dim(k->latents, 0) != 1 || mw_numel(k->latents) == 0)
        return mw_fail(c, MW_E_SHAPE, "'latents' must be of one picture, [1,4,h,w], got %s",
                       mw_shape_text(k->latents, got, sizeof got));
    if (!k->text || k->text->ndim != 3 || mw_dim(k->text, 0) != 1)
        return mw_fail(c, MW_E_SHAPE, "'embedding' must be of one prompt, [1,L,D], got %s",
                       mw_shape_text(k->text, got, sizeof got));
    if (k->model->unet_config.text_time)
        return mw_fail(c, MW_E_ARG, "attention guidance of SDXL is not supported yet");
    const mw_value *tokens = mw_value_get(k->in[GROUNDING], k->strict ? "objects" : "null");
    if (given(k, GROUNDING) && !mw_value_as_tensor(tokens))
        return mw_fail(c, MW_E_ARG, "'grounding' must be what the node grounding gives");
    k->schedule = mw_schedule_from_value(c, k->in[SCHEDULE]);
    if (k->schedule)
        mw_schedule_check_step(c, k->schedule, k->step);
    return mw_err(c);
}

// Whether anything is to be done, and if so, it.
static mw_tensor *run_call(call *k, double *carried)
{
    mw_ctx *c = k->c;
    if (check(k) != MW_OK)
        return NULL;
    bool idle = number(k, ETA) == 0 || k->step >= number(k, LAST_STEP) || iterations(k) == 0;
    if (idle || (!k->strict && !(*carried > threshold(k))))
        return k->latents;
    find_phrases(k);
    if (mw_err(c) != MW_OK || k->spec.n == 0)
        return mw_err(c) == MW_OK ? k->latents : NULL; // nothing to guide
    read_layers(k);
    read_energy(k);
    read_maps(k);
    if (mw_err(c) != MW_OK)
        return NULL;
    if (k->function)
        return guide(k, carried);
    k->plan = mw_energy_plan_new(c, &k->energy, k->phrases.phrase, k->phrases.n, mw_dim(k->text, 1), k->map,
                                 k->nlayers);
    return k->plan ? guide(k, carried) : NULL;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    call k = {.c = c, .in = i, .model = (const mw_checkpoint *)mw_value_as_object(i[MODEL])};
    k.latents = mw_cast(c, mw_value_as_tensor(i[LATENTS]), MW_F32);
    k.text = mw_value_as_tensor(i[EMBEDDING]);
    k.function = mw_value_as_function(i[ENERGY]);
    k.step = (int)mw_value_as_number(i[STEP]);
    k.strict = strcmp(mw_value_as_text(i[MODE]), "strict") == 0;
    k.energies = mw_value_list(c);
    const mw_value *before = mw_value_get(i[STATE], "energy");
    double carried = mw_value_kind(before) == MW_NUMBER ? mw_value_as_number(before) : INFINITY;
    mw_tensor *z = run_call(&k, &carried);
    if (mw_err(c) == MW_E_NUMBER)
        mw_fail_context(c, "step %d", k.step);
    o[0] = mw_value_tensor(c, z);
    o[1] = isfinite(carried) ? mw_value_number(c, carried) : mw_value_nil(c);
    o[2] = mw_value_map(c);
    if (isfinite(carried))
        mw_value_set(c, o[2], "energy", mw_value_number(c, carried));
    o[3] = k.energies;
    o[4] = k.gradient ? mw_value_tensor(c, k.gradient) : mw_value_nil(c);
    mw_release(k.gradient);
    mw_energy_plan_free(k.plan);
    mw_layout_phrases_free(&k.phrases);
    mw_layout_spec_free(&k.spec);
    mw_layout_free(&k.layout);
    mw_schedule_free(k.schedule);
    free(k.layer);
    free(k.map);
    return mw_err(c);
}

const mw_node_type mw_node_box_attention_guide = {
    "box_attention_guide",
    1,
    0,
    "Moves latents before a step against the gradient of an energy: attention to each phrase goes into its "
    "boxes. "
    "LLM-grounded Diffusion (arXiv 2305.13655), eq. 1 to 4.",
    in,
    out,
    run,
};
