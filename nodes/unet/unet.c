// unet.c: one prediction of the denoising network, with classifier-free guidance in one batch.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/sampling/schedule.h"
#include "nodes/nets/unet/size_conditions.h"

#include <stdlib.h>
#include <string.h>

enum {
    MODEL,
    LATENTS,
    EMBEDDING,
    NEGATIVE,
    SCHEDULE,
    STEP,
    T,
    CFG,
    CAPTURE,
    POOLED,
    NEGATIVE_POOLED,
    ORIGINAL_SIZE,
    CROP,
    TARGET_SIZE,
    GROUNDING
};

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "unet", .doc = "a checkpoint, or its unet"},
    [LATENTS] = {.name = "latents",
                 .type = "latents",
                 .doc = "[B,4,h,w] the noisy latents, as the sampler keeps them"},
    [EMBEDDING] = {.name = "embedding", .type = "embedding", .doc = "[B or 1,L,D] states of the prompt"},
    [NEGATIVE] = {.name = "negative",
                  .type = "embedding",
                  .def = "null",
                  .doc = "[B or 1,L,D] states of the negative prompt; needed unless cfg is 1"},
    [SCHEDULE] = {.name = "schedule",
                  .type = "schedule",
                  .def = "null",
                  .doc = "gives the time and the input's scale of `step`; without it, `t` is the time and "
                         "the latents enter as "
                         "they are"},
    [STEP] =
        {.name = "step", .type = "integer", .def = "null", .max = 100000, .doc = "of the schedule, from 0"},
    [T] = {.name = "t",
           .type = "number",
           .def = "null",
           .max = 1e6,
           .alias = "timestep",
           .doc = "a bare time, instead of schedule and step"},
    [CFG] = {.name = "cfg",
             .type = "number",
             .def = "7.5",
             .max = 1000,
             .alias = "guidance_scale",
             .doc = "classifier-free guidance (Ho and Salimans 2021): uncond + cfg * (cond - uncond); 1: "
                    "without it"},
    [CAPTURE] = {.name = "capture",
                 .type = "list",
                 .def = "[]",
                 .doc = "names of cross-attentions whose maps are wanted: \"mid\", \"up.1.0\", or diffusers' "
                        "module paths"},
    [POOLED] = {.name = "pooled",
                .type = "embedding",
                .def = "null",
                .doc = "[B or 1,P] pooled prompt; SDXL needs it"},
    [NEGATIVE_POOLED] = {.name = "negative_pooled",
                         .type = "embedding",
                         .def = "null",
                         .doc = "[B or 1,P] pooled negative prompt; SDXL needs it unless cfg is 1"},
    [ORIGINAL_SIZE] = {.name = "original_size",
                       .type = "list",
                       .def = "null",
                       .unit = "pixels",
                       .doc = "{ width, height } of the picture that SDXL should think it was scaled from; "
                              "null: that of the latents"},
    [CROP] = {.name = "crop",
              .type = "list",
              .def = "[0, 0]",
              .unit = "pixels",
              .doc = "{ left, top } of the cut that SDXL should think of"},
    [TARGET_SIZE] = {.name = "target_size",
                     .type = "list",
                     .def = "null",
                     .unit = "pixels",
                     .doc =
                         "{ width, height } of the cut that SDXL should think of; null: that of the latents"},
    [GROUNDING] = {.name = "grounding",
                   .type = "any",
                   .def = "null",
                   .doc = "boxes for models with gated layers (GLIGEN), as the node grounding gives them; "
                          "the negative half gets "
                          "none; "
                          "null: the gated layers are skipped"},
    {.name = NULL},
};

enum { OUT_NOISE_PRED, OUT_MAPS };
static const mw_out out[] = {
    [OUT_NOISE_PRED] =
        {.name = "noise_pred",
         .type = "tensor",
         .doc = "[B,4,h,w] f32 the network's prediction (noise, or what the model predicts), guided"},
    [OUT_MAPS] =
        {.name = "maps",
         .type = "maps",
         .doc = "by the names asked for: [B,heads,h*w,L] f32, softmax over the text, of the prompt's half"},
    {.name = NULL},
};

// One call, put together.
typedef struct {
    mw_ctx *c;
    mw_value *const *in;
    const mw_unet_model *m;
    int64_t B;
    bool guided; // the batch is [negative; prompt]
    mw_value *maps;
    mw_value *names;  // capture, a list of texts
    char (*path)[96]; // of each name
} call;

// ---- maps

static bool want_map(void *user, const char *path)
{
    const call *k = user;
    for (size_t i = 0; i < mw_value_count(k->names); i++)
        if (strcmp(k->path[i], path) == 0)
            return true;
    return false;
}

static void take_map(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    const call *k = user;
    for (size_t i = 0; i < mw_value_count(k->names); i++)
        if (strcmp(k->path[i], path) == 0)
            mw_value_set(c, k->maps, mw_value_as_text(mw_value_at(k->names, i)), mw_value_tensor(c, probs));
}

static void resolve_names(call *k)
{
    size_t n = mw_value_count(k->names);
    k->maps = mw_value_map(k->c);
    k->path = mw_alloc(k->c, n * sizeof *k->path);
    for (size_t i = 0; i < n && mw_err(k->c) == MW_OK; i++) {
        mw_value *v = mw_value_at(k->names, i);
        if (mw_value_kind(v) != MW_TEXT)
            mw_fail(k->c, MW_E_ARG, "'capture' must be a list of texts, entry %zu is a %s", i + 1,
                    mw_kind_name(mw_value_kind(v)));
        else
            mw_unet_layer_path(k->c, &k->m->config, mw_value_as_text(v), k->path[i], sizeof k->path[i]);
    }
}

// ---- batches

// [1,..] or [B,..] -> [B,..]
static mw_tensor *repeated(const call *k, const char *name, mw_tensor *x)
{
    char got[64];
    if (mw_err(k->c) != MW_OK || !x || mw_dim(x, 0) == k->B)
        return x;
    if (mw_dim(x, 0) != 1 || x->ndim > 3) {
        mw_fail(k->c, MW_E_SHAPE, "'%s' must be for %s%lld picture%s, as the latents are, got %s", name,
                k->B > 1 ? "1 or " : "", (long long)k->B, k->B > 1 ? "s" : "",
                mw_shape_text(x, got, sizeof got));
        return NULL;
    }
    int64_t shape[3] = {k->B, mw_dim(x, 1), x->ndim > 2 ? mw_dim(x, 2) : 0};
    return mw_expand(k->c, x, x->ndim, shape);
}

// Both halves of an input: the negative's first.
static mw_tensor *both(const call *k, int negative, int positive)
{
    mw_ctx *c = k->c;
    mw_tensor *p = repeated(k, in[positive].name, mw_value_as_tensor(k->in[positive]));
    if (!k->guided)
        return p;
    mw_tensor *n = repeated(k, in[negative].name, mw_value_as_tensor(k->in[negative]));
    if (p && !n && mw_err(c) == MW_OK)
        mw_fail(c, MW_E_ARG, "'%s' is needed, since cfg is not 1", in[negative].name);
    char a[64], b[64];
    if (p && n && !mw_same_shape(p, n))
        mw_fail(c, MW_E_SHAPE, "'%s' %s and '%s' %s must have one shape", in[negative].name,
                mw_shape_text(n, a, sizeof a), in[positive].name, mw_shape_text(p, b, sizeof b));
    mw_tensor *parts[2] = {n, p};
    return p ? mw_concat(c, 2, parts, 0) : NULL;
}

// ---- the call

// Time and input scale of this step.
static void times(const call *k, double *t, double *scale)
{
    mw_ctx *c = k->c;
    bool bare = mw_value_kind(k->in[T]) == MW_NUMBER, planned = mw_value_kind(k->in[SCHEDULE]) != MW_NIL;
    *scale = 1;
    *t = mw_value_as_number(k->in[T]);
    if (bare == planned) {
        mw_fail(c, MW_E_ARG, "either 't', or 'schedule' and 'step' must be given");
        return;
    }
    if (bare)
        return;
    mw_schedule *s = mw_schedule_from_value(c, k->in[SCHEDULE]);
    int64_t step = (int64_t)mw_value_as_number(k->in[STEP]);
    if (s && mw_value_kind(k->in[STEP]) == MW_NIL)
        mw_fail(c, MW_E_ARG, "'step' is needed beside 'schedule'");
    if (s && mw_schedule_check_step(c, s, step) == MW_OK) {
        *t = s->timesteps[step];
        *scale = mw_schedule_input_scale(s, (int)step);
    }
    mw_schedule_free(s);
}

static void add_conditions(const call *k, mw_unet_in *u, double **ids)
{
    mw_sizes sizes = {k->in[ORIGINAL_SIZE], k->in[CROP], k->in[TARGET_SIZE]};
    if (k->m->config.text_time)
        u->pooled = both(k, NEGATIVE_POOLED, POOLED);
    mw_unet_add_sizes(k->c, &k->m->config, &sizes, u, ids);
}

// One entry of the grounding for all pictures: [B,30,D].
static mw_tensor *grounding_part(const call *k, const char *name)
{
    mw_ctx *c = k->c;
    char got[64];
    mw_tensor *t = mw_value_as_tensor(mw_value_get(k->in[GROUNDING], name));
    if (t && t->ndim == 3)
        return repeated(k, "grounding", t);
    if (mw_err(c) == MW_OK)
        mw_fail(c, MW_E_ARG, "'grounding' must be what the node grounding gives: its %s is %s", name,
                t ? mw_shape_text(t, got, sizeof got) : "missing");
    return NULL;
}

static mw_tensor *grounding(const call *k)
{
    if (mw_value_kind(k->in[GROUNDING]) == MW_NIL)
        return NULL;
    if (!k->guided)
        return grounding_part(k, "objects");
    mw_tensor *halves[2] = {grounding_part(k, "null"), grounding_part(k, "objects")};
    return mw_concat(k->c, 2, halves, 0);
}

static mw_tensor *guide(const call *k, mw_tensor *y, double cfg)
{
    if (!k->guided)
        return y;
    mw_tensor *uncond = mw_slice(k->c, y, 0, 0, k->B), *cond = mw_slice(k->c, y, 0, k->B, k->B);
    mw_tensor *terms[2] = {uncond, mw_sub(k->c, cond, uncond)};
    return mw_lincomb(k->c, 2, terms, (double[]){1, cfg});
}

static mw_tensor *predict(const call *k)
{
    mw_ctx *c = k->c;
    double t, scale, *ids = NULL, cfg = mw_value_as_number(k->in[CFG]);
    int64_t items = k->guided ? 2 * k->B : k->B;
    bool joint = k->guided && k->m->config.text_time; // sizes and pooled text differ from the start
    double *ts = mw_alloc(c, (size_t)items * sizeof *ts);
    times(k, &t, &scale);
    for (int64_t b = 0; ts && b < items; b++)
        ts[b] = t;
    mw_tensor *z = mw_cast(c, mw_value_as_tensor(k->in[LATENTS]), MW_F32);
    if (scale != 1)
        z = mw_affine(c, z, scale, 0);
    mw_tensor *twice[2] = {z, z};
    mw_unet_taps taps = {.user = (void *)k, .want_map = want_map, .map = take_map, .first = items - k->B};
    mw_unet_in u = {.latents = joint ? mw_concat(c, 2, twice, 0) : z,
                    .t = ts,
                    .text = both(k, NEGATIVE, EMBEDDING),
                    .objs = grounding(k),
                    .taps = mw_value_count(k->names) ? &taps : NULL};
    add_conditions(k, &u, &ids);
    mw_tensor *y = mw_unet_forward(c, k->m, &u);
    free(ts);
    free(ids);
    return guide(k, y, cfg);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_tensor *z = mw_value_as_tensor(i[LATENTS]);
    call k = {
        .c = c, .in = i, .m = &((const mw_unet *)mw_value_as_object(i[MODEL]))->model, .names = i[CAPTURE]};
    k.B = mw_dim(z, 0);
    k.guided = mw_value_as_number(i[CFG]) != 1;
    if (!z || z->ndim != 4 || k.B < 1)
        return mw_fail(c, MW_E_SHAPE, "'latents' must be [B,4,h,w]");
    resolve_names(&k);
    o[OUT_NOISE_PRED] = mw_value_tensor(c, mw_err(c) == MW_OK ? predict(&k) : NULL);
    o[OUT_MAPS] = k.maps;
    free(k.path);
    return mw_err(c);
}

const mw_node_type mw_node_unet = {
    .name = "unet",
    .version = 1,
    .doc = "The network's prediction for noisy latents at one time, given text states; guided and unguided "
           "halves "
           "in one batch.",
    .in = in,
    .out = out,
    .run = run,
};
