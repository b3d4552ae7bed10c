// box_attention_guide.c: before a denoising step, latents moved so that phrases attend to their boxes.
// Long: half of it is the declaration of its inputs.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/guidance/layout_energy.h"
#include "nodes/nets/sampling/schedule.h"
#include "nodes/nets/unet/size_conditions.h"

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
    POOLED,
    ORIGINAL_SIZE,
    CROP,
    TARGET_SIZE,
    MODE
};
enum { MOST_LAYERS = 256 };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "checkpoint", .doc = "a checkpoint"},
    [LATENTS] = {.name = "latents",
                 .type = "latents",
                 .doc = "[B,4,h,w] the latents before the step; each picture is guided as it would be alone"},
    [SCHEDULE] = {.name = "schedule", .type = "schedule", .doc = "the times of the run"},
    [STEP] = {.name = "step", .type = "integer", .max = 100000, .doc = "which step follows, from 0"},
    [EMBEDDING] = {.name = "embedding", .type = "embedding", .doc = "[B or 1,L,D] states of the prompt"},
    [TOKENS] = {.name = "tokens",
                .type = "tokens",
                .doc =
                    "of the prompt, as text_encoder gives them; with a layout for each picture, of as many"},
    [LAYOUT] = {.name = "layout",
                .type = "layouts",
                .doc = "the phrases and their boxes; a list: those of each picture"},
    [STATE] = {.name = "state",
               .type = "any",
               .def = "null",
               .doc = "the step before's output of that name; none at the first"},
    [REFERENCE] = {.name = "reference",
                   .type = "list",
                   .def = "null",
                   .doc =
                       "for attention transfer, one entry for each object in the order of layout_phrases: "
                       "maps by layer "
                       "[1,heads,h*w,1] of its word, recorded at this step while it was drawn alone; with a "
                       "layout for each picture, a list of such lists"},
    [ENERGY] = {.name = "energy",
                .type = "function",
                .def = "\"code\"",
                .choices = "code|paper|ratio|boxdiff",
                .doc = "code: the largest shares inside and outside the boxes, as published in code; paper: "
                       "in the paper; "
                       "ratio: "
                       "backward guidance; boxdiff: BoxDiff; or a function(maps, layout) of the script that "
                       "returns a tensor "
                       "of "
                       "one number, from a list of { phrase, layer, map = [heads,h,w] }"},
    [OMEGA] = {.name = "omega",
               .type = "number",
               .def = "4",
               .max = 1e6,
               .alias = "ω|bg_weight",
               .doc = "weight of attention outside the boxes; eq. 2 of the paper"},
    [LAMBDA] = {.name = "lambda",
                .type = "number",
                .def = "2",
                .max = 1e6,
                .alias = "λ|ref_ca_loss_weight",
                .doc = "weight of attention transfer; eq. 4 of the paper; without a reference there is none"},
    [ETA] = {.name = "eta",
             .type = "number",
             .def = "5",
             .max = 1e6,
             .alias = "η|loss_scale",
             .doc = "strength: the step is eta * sqrt(1 - alpha_bar) * gradient, in strict mode times h*w / "
                    "4096; 0: no "
                    "guidance"},
    [TOP_P] = {.name = "top_p",
               .type = "number",
               .def = "0.2",
               .max = 1,
               .doc = "share of the cells inside and outside that counts: the largest values"},
    [FG_TOP_P] =
        {.name = "fg_top_p", .type = "number", .def = "null", .max = 1, .doc = "inside alone; null: top_p"},
    [BG_TOP_P] =
        {.name = "bg_top_p", .type = "number", .def = "null", .max = 1, .doc = "outside alone; null: top_p"},
    [FG_WEIGHT] = {.name = "fg_weight",
                   .type = "number",
                   .def = "1",
                   .max = 1e6,
                   .doc = "weight of attention inside the boxes"},
    [LAYERS] = {.name = "layers",
                .type = "list",
                .def = "null",
                .doc = "cross-attentions that count, by name, each as often as it is listed; null: the "
                       "model's middle and the "
                       "first "
                       "block of the way up that has any"},
    [ITERATIONS] =
        {.name = "iterations",
         .type = "any",
         .def = "[4,4,4,4,4,3,3,3,3,3,2,2,2,2,2,2,2,2,2,2,1]",
         .alias = "max_iter",
         .unit = "steps",
         .doc = "gradient steps at most: a number, or a list by step whose last entry serves all later ones"},
    [THRESHOLD] = {.name = "threshold",
                   .type = "number",
                   .def = "null",
                   .min = -1e6,
                   .max = 1e6,
                   .alias = "loss_threshold",
                   .doc = "no further gradient step once the energy is not above it; null: 5 for 8 heads, in "
                          "strict mode in "
                          "proportion "
                          "for others; of a function: none"},
    [LAST_STEP] = {.name = "last_step",
                   .type = "integer",
                   .def = "30",
                   .max = 100000,
                   .alias = "max_index_step",
                   .unit = "steps",
                   .doc = "steps from this one on are not guided"},
    [DECAY] = {.name = "decay",
               .type = "choice",
               .def = "\"noise\"",
               .choices = "noise|progress",
               .doc = "what eta is multiplied by: noise: sqrt(1 - alpha_bar); progress: sqrt(1 - step / 2 / "
                      "(steps - 1)), "
                      "BoxDiff's"},
    [TRANSFER] = {.name = "transfer",
                  .type = "choice",
                  .def = "\"word\"",
                  .choices = "word|last|all",
                  .doc = "whose attention is transferred: the phrase's word, its last token, all of them"},
    [SIGMA] = {.name = "sigma",
               .type = "number",
               .def = "0.5",
               .max = 100,
               .unit = "cells",
               .doc = "boxdiff: smoothing of the maps; 0: none"},
    [CORNER] = {.name = "corner",
                .type = "integer",
                .def = "1",
                .max = 1000,
                .alias = "L",
                .unit = "cells",
                .doc = "boxdiff: how far from an edge its corner terms look"},
    [GROUNDING] = {.name = "grounding",
                   .type = "any",
                   .def = "null",
                   .doc = "boxes for models with gated layers (GLIGEN), as the node grounding gives them; in "
                          "faithful mode its "
                          "tokens of "
                          "nothing are taken"},
    [POOLED] = {.name = "pooled",
                .type = "embedding",
                .def = "null",
                .doc = "[B or 1,P] pooled prompt; SDXL needs it"},
    [ORIGINAL_SIZE] = {.name = "original_size",
                       .type = "list",
                       .def = "null",
                       .unit = "pixels",
                       .doc = "{ width, height } for SDXL, as unet has it"},
    [CROP] = {.name = "crop",
              .type = "list",
              .def = "[0, 0]",
              .unit = "pixels",
              .doc = "{ left, top } for SDXL, as unet has it"},
    [TARGET_SIZE] = {.name = "target_size",
                     .type = "list",
                     .def = "null",
                     .unit = "pixels",
                     .doc = "{ width, height } for SDXL, as unet has it"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc =
                  "strict: the energy is measured anew at every step; faithful: as the published code, where "
                  "guidance "
                  "ends for "
                  "good once the energy was seen below the threshold, and boxes off the canvas wrap around"},
    {.name = NULL},
};

enum { OUT_LATENTS, OUT_ENERGY, OUT_STATE, OUT_ENERGIES, OUT_GRADIENT };
static const mw_out out[] = {
    [OUT_LATENTS] = {.name = "latents", .type = "latents", .doc = "[B,4,h,w] moved"},
    [OUT_ENERGY] = {.name = "energy",
                    .type = "any",
                    .doc = "the last one measured; of several pictures a list, false where none was; nil "
                           "when none was at all"},
    [OUT_STATE] = {.name = "state", .type = "any", .doc = "the energy carried to the next step"},
    [OUT_ENERGIES] =
        {.name = "energies",
         .type = "list",
         .doc = "all that were measured at this step, in order; of several pictures a list of such"},
    [OUT_GRADIENT] =
        {.name = "gradient",
         .type = "tensor",
         .doc = "[B,4,h,w] of the energy, at each picture's last gradient step; nil when none was made"},
    {.name = NULL},
};

// ---- one call

typedef struct {
    mw_ctx *c;
    mw_value *const *in;
    const mw_checkpoint *model;
    bool strict;
    mw_tensor *latents, *text, *pooled;
    int64_t pictures;
    int step;
    mw_schedule *schedule;
    mw_guided_layer *layer;
    int nlayers;
    mw_layout_energy energy;
    bool many;            // there is a layout for each picture
    bool *still;          // of each picture: its layout has no objects
    double *carried;      // the last energy of each picture; INFINITY: none yet
    mw_value **energies;  // of each picture, all that were measured; borrowed
    mw_tensor *gradients; // NULL: no step was made
} call;

static double number(const call *k, int port) { return mw_value_as_number(k->in[port]); }
static bool given(const call *k, int port) { return mw_value_kind(k->in[port]) != MW_NIL; }
static bool is(const call *k, int port, const char *choice)
{
    return strcmp(mw_value_as_text(k->in[port]), choice) == 0;
}

// ---- parameters

static mw_energy_options read_options(const call *k)
{
    mw_energy_form form = is(k, ENERGY, "paper") ? MW_ENERGY_PAPER
        : is(k, ENERGY, "ratio")                 ? MW_ENERGY_RATIO
        : is(k, ENERGY, "boxdiff")               ? MW_ENERGY_BOXDIFF
                                                 : MW_ENERGY_CODE;
    bool transfers =
        !mw_value_as_function(k->in[ENERGY]) && (form == MW_ENERGY_CODE || form == MW_ENERGY_PAPER);
    return (mw_energy_options){
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
    if (mw_value_as_function(k->in[ENERGY]))
        return -INFINITY;
    for (int i = 0; i < k->nlayers; i++)
        heads += (double)k->layer[i].heads / k->nlayers;
    return k->strict ? 5 * heads / 8 : 5;
}

// ---- checks

// Whether a part for 1 or all pictures is so.
static bool fits(const call *k, const mw_tensor *t, int ndim)
{
    return t && t->ndim == ndim && (mw_dim(t, 0) == 1 || mw_dim(t, 0) == k->pictures);
}

static mw_status check(call *k)
{
    char got[64];
    mw_ctx *c = k->c;
    const mw_value *boxes = mw_value_get(k->in[GROUNDING], k->strict ? "objects" : "null");
    if (!k->latents || k->latents->ndim != 4 || mw_numel(k->latents) == 0)
        return mw_fail(c, MW_E_SHAPE, "'latents' must be [B,4,h,w], got %s",
                       mw_shape_text(k->latents, got, sizeof got));
    if (!fits(k, k->text, 3))
        return mw_fail(c, MW_E_SHAPE, "'embedding' must be [1,L,D], or one for each of %lld pictures, got %s",
                       (long long)k->pictures, mw_shape_text(k->text, got, sizeof got));
    if (k->pooled && !fits(k, k->pooled, 2))
        return mw_fail(c, MW_E_SHAPE, "'pooled' must be [1,P], or one for each of %lld pictures, got %s",
                       (long long)k->pictures, mw_shape_text(k->pooled, got, sizeof got));
    size_t layouts = k->many ? mw_value_count(k->in[LAYOUT]) : 1, tokens = mw_value_count(k->in[TOKENS]);
    if (k->many && layouts != (size_t)k->pictures)
        return mw_fail(c, MW_E_ARG,
                       "'layout' must be one, or a list of one for each of %lld pictures, got %zu",
                       (long long)k->pictures, layouts);
    if (tokens != layouts)
        return mw_fail(
            c, MW_E_ARG,
            "'tokens' must be of one prompt for each layout, as text_encoder gives them: of %zu, got "
            "%zu",
            layouts, tokens);
    if (given(k, GROUNDING) && !fits(k, mw_value_as_tensor(boxes), 3))
        return mw_fail(c, MW_E_ARG, "'grounding' must be what the node grounding gives%s",
                       k->pictures > 1 ? ", for one picture or for each" : "");
    k->schedule = mw_schedule_from_value(c, k->in[SCHEDULE]);
    if (k->schedule)
        mw_schedule_check_step(c, k->schedule, k->step);
    return mw_err(c);
}

// The energies of the step before, one for each picture.
static mw_status read_state(call *k)
{
    const mw_value *before = mw_value_get(k->in[STATE], "energy");
    if (given(k, STATE) && mw_value_kind(k->in[STATE]) != MW_MAP)
        return mw_fail(k->c, MW_E_ARG, "'state' must be the output of that name of the step before");
    k->carried = mw_alloc(k->c, (size_t)k->pictures * sizeof *k->carried);
    for (int64_t b = 0; k->carried && b < k->pictures; b++) {
        const mw_value *v = k->pictures > 1 ? mw_value_at(before, (size_t)b) : before;
        k->carried[b] = mw_value_kind(v) == MW_NUMBER ? mw_value_as_number(v) : INFINITY;
        bool none = k->pictures > 1 && mw_value_kind(v) == MW_BOOL;
        if (mw_value_kind(before) != MW_NIL && mw_value_kind(v) != MW_NUMBER && !none)
            return mw_fail(k->c, MW_E_ARG, "'state' must be that of the step before, of as many pictures");
    }
    return mw_err(k->c);
}

// ---- the step

static void note(mw_ctx *c, void *user, int64_t picture, double e)
{
    mw_value_push(c, ((call *)user)->energies[picture], mw_value_number(c, e));
}

static mw_tensor *guide(call *k)
{
    mw_ctx *c = k->c;
    double t = k->schedule->timesteps[k->step], *ids = NULL;
    const mw_value *boxes = mw_value_get(k->in[GROUNDING], k->strict ? "objects" : "null");
    int64_t cells = mw_dim(k->latents, 2) * mw_dim(k->latents, 3);
    mw_sizes sizes = {k->in[ORIGINAL_SIZE], k->in[CROP], k->in[TARGET_SIZE]};
    mw_guidance g = {.unet = &k->model->unet->model,
                     .call = {.latents = k->latents,
                              .t = &t,
                              .text = k->text,
                              .pooled = k->pooled,
                              .objs = mw_value_as_tensor(boxes)},
                     .input_scale = mw_schedule_input_scale(k->schedule, k->step),
                     .layer = k->layer,
                     .nlayers = k->nlayers,
                     .energy = mw_layout_energy_of,
                     .user = &k->energy,
                     .choose = mw_layout_energy_choose,
                     .still = k->still,
                     .strength = mw_guidance_strength(k->schedule, k->step, number(k, ETA),
                                                      is(k, DECAY, "progress"), k->strict, cells),
                     .iterations = iterations(k),
                     .threshold = threshold(k),
                     .fresh = k->strict,
                     .measured = note,
                     .measured_user = k};
    mw_unet_add_sizes(c, &g.unet->config, &sizes, &g.call, &ids);
    mw_tensor *z = mw_guide(c, &g, k->latents, k->carried, &k->gradients);
    free(ids);
    return z;
}

// A picture's part of an input that is one for each, or for all.
static const mw_value *part(const call *k, int port, int picture)
{
    return k->many ? mw_value_at(k->in[port], (size_t)picture) : k->in[port];
}

// The layouts and where their phrases are in the prompts; how many pictures have anything to guide.
static int64_t find_layouts(call *k)
{
    mw_ctx *c = k->c;
    mw_layout_energy *e = &k->energy;
    int n = k->many ? (int)k->pictures : 1;
    int64_t guided = 0;
    e->picture = mw_alloc(c, (size_t)n * sizeof *e->picture);
    k->still = mw_alloc(c, (size_t)k->pictures * sizeof *k->still);
    e->npictures = e->picture ? n : 0;
    for (int i = 0; i < e->npictures; i++) {
        const mw_value *prompt = mw_value_get(mw_value_at(k->in[TOKENS], (size_t)i), "text");
        e->picture[i] = (mw_guided_layout){.layout = part(k, LAYOUT, i),
                                           .references = part(k, REFERENCE, i),
                                           .prompt = mw_value_as_text(prompt)};
    }
    if (mw_err(c) != MW_OK || mw_layout_energy_find(c, e) != MW_OK)
        return 0;
    for (int64_t b = 0; b < k->pictures; b++) {
        k->still[b] = e->picture[k->many ? b : 0].spec.n == 0;
        guided += !k->still[b];
    }
    return guided;
}

// Whether anything is to be done, and if so, it.
static mw_tensor *run_call(call *k)
{
    mw_ctx *c = k->c;
    if (check(k) != MW_OK || read_state(k) != MW_OK)
        return NULL;
    bool idle = number(k, ETA) == 0 || k->step >= number(k, LAST_STEP) || iterations(k) == 0;
    if (mw_err(c) != MW_OK || idle)
        return k->latents;
    const mw_unet_config *f = &k->model->unet->model.config;
    k->layer = mw_alloc(c, MOST_LAYERS * sizeof *k->layer);
    if (k->layer)
        k->nlayers = mw_guided_layers_read(c, f, k->in[LAYERS], (int)mw_dim(k->latents, 2),
                                           (int)mw_dim(k->latents, 3), k->layer, MOST_LAYERS);
    k->energy = (mw_layout_energy){.unet = f,
                                   .tokenizer = k->model->tokenizer[0]->tokenizer,
                                   .length = mw_dim(k->text, 1),
                                   .layer = k->layer,
                                   .nlayers = k->nlayers,
                                   .options = read_options(k),
                                   .function = mw_value_as_function(k->in[ENERGY])};
    if (find_layouts(k) == 0)
        return k->latents; // nothing to guide
    if (k->step == 0)
        mw_layout_energy_warn(c, &k->energy);
    return guide(k);
}

// ---- results

// The list of all energies; of several pictures one of such lists.
static mw_value *start_energies(call *k)
{
    mw_value *all = mw_value_list(k->c);
    k->energies = mw_alloc(k->c, (size_t)(k->pictures + 1) * sizeof *k->energies);
    for (int64_t b = 0; k->energies && b < k->pictures; b++) {
        k->energies[b] = k->pictures > 1 ? mw_value_list(k->c) : all;
        if (k->pictures > 1)
            mw_value_push(k->c, all, k->energies[b]);
    }
    return all;
}

// The last energies: a number, of several pictures a list, false where none was measured; nil when none was
// at all.
static mw_value *carried(const call *k)
{
    mw_value *list = mw_value_list(k->c);
    bool measured = false;
    for (int64_t b = 0; k->carried && b < k->pictures; b++) {
        bool number = isfinite(k->carried[b]);
        measured |= number;
        mw_value_push(k->c, list, number ? mw_value_number(k->c, k->carried[b]) : mw_value_bool(k->c, false));
    }
    mw_value *v = !measured ? mw_value_nil(k->c)
        : k->pictures > 1   ? mw_value_retain(list)
                            : mw_value_number(k->c, k->carried[0]);
    mw_value_release(list);
    return v;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    call k = {.c = c, .in = i, .model = (const mw_checkpoint *)mw_value_as_object(i[MODEL])};
    k.latents = mw_cast(c, mw_value_as_tensor(i[LATENTS]), MW_F32);
    k.text = mw_value_as_tensor(i[EMBEDDING]);
    k.pooled = mw_value_as_tensor(i[POOLED]);
    k.pictures = k.latents ? mw_dim(k.latents, 0) : 0;
    k.step = (int)mw_value_as_number(i[STEP]);
    k.strict = strcmp(mw_value_as_text(i[MODE]), "strict") == 0;
    k.many = mw_value_kind(i[LAYOUT]) == MW_LIST;
    o[OUT_ENERGIES] = start_energies(&k);
    o[OUT_LATENTS] = mw_value_tensor(c, run_call(&k));
    o[OUT_ENERGY] = carried(&k);
    o[OUT_STATE] = mw_value_map(c);
    if (mw_value_kind(o[OUT_ENERGY]) != MW_NIL)
        mw_value_set(c, o[OUT_STATE], "energy", mw_value_retain(o[OUT_ENERGY]));
    o[OUT_GRADIENT] = k.gradients ? mw_value_tensor(c, k.gradients) : mw_value_nil(c);
    mw_layout_energy_free(&k.energy);
    free(k.energy.picture);
    free(k.still);
    mw_schedule_free(k.schedule);
    free(k.layer);
    free(k.carried);
    free(k.energies);
    return mw_err(c);
}

const mw_node_type mw_node_box_attention_guide = {
    .name = "box_attention_guide",
    .version = 2,
    .doc = "Moves latents before a step against the gradient of an energy: attention to each phrase goes "
           "into its "
           "boxes. "
           "LLM-grounded Diffusion (arXiv 2305.13655), eq. 1 to 4.",
    .in = in,
    .out = out,
    .run = run,
};
