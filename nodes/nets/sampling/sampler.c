// sampler.c: a sampler's step: checks, what they share, and the way to the method.
#include "nodes/nets/sampling/sampler_internal.h"

#include "core/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void (*const methods[MW_SAMPLERS])(mw_stepping *) = {
    [MW_DDIM] = mw_step_ddim,         [MW_DDPM] = mw_step_ddpm,
    [MW_EULER] = mw_step_euler,       [MW_EULER_ANCESTRAL] = mw_step_euler_ancestral,
    [MW_DPMPP_2M] = mw_step_dpmpp_2m, [MW_UNI_PC] = mw_step_uni_pc,
    [MW_LMS] = mw_step_lms,           [MW_PNDM] = mw_step_pndm,
};

mw_mixture mw_picture_of(const mw_schedule *s, double signal, double noise)
{
    if (signal == 0 && mw_has_limit(s))
        signal = 1e-30; // a picture of infinite values, which the limit makes finite again
    switch ((int)s->set[MW_SET_PREDICTION_TYPE]) {
    case MW_PREDICT_EPSILON: return (mw_mixture){1 / signal, -noise / signal};
    case MW_PREDICT_V: return (mw_mixture){signal, -noise};
    default: return (mw_mixture){0, 1};
    }
}

mw_mixture mw_noise_of(const mw_schedule *s, double signal, double noise)
{
    switch ((int)s->set[MW_SET_PREDICTION_TYPE]) {
    case MW_PREDICT_EPSILON: return (mw_mixture){0, 1};
    case MW_PREDICT_V: return (mw_mixture){noise, signal};
    default: return (mw_mixture){1 / noise, -signal / noise};
    }
}

mw_tensor *mw_blend(mw_stepping *g, int n, mw_tensor *const *x, const double *coef)
{
    mw_tensor *t[8];
    double k[8];
    int used = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(coef[i])) {
            mw_fail(g->c, MW_E_NUMBER,
                    "sampler %s cannot make step %d (timestep %g) with these settings: a coefficient is %g%s",
                    mw_sampler_id(g->s->sampler), g->step, g->s->timesteps[g->step], coef[i],
                    mw_schedule_is(g->s, MW_SET_PREDICTION_TYPE, MW_PREDICT_EPSILON)
                        ? " (where nothing is left of the picture, it cannot be told from predicted noise)"
                        : "");
            return NULL;
        }
        if (coef[i] != 0) {
            t[used] = x[i];
            k[used++] = coef[i];
        }
    }
    if (used == 1 && k[0] == 1)
        return t[0];
    return used ? mw_lincomb(g->c, used, t, k) : mw_affine(g->c, g->in->latents, 0, 0);
}

mw_tensor *mw_blend_linear(mw_stepping *g, mw_mixture k)
{
    return mw_blend(g, 2, (mw_tensor *[]){g->in->latents, g->in->noise_pred}, (double[]){k.x, k.e});
}

bool mw_has_limit(const mw_schedule *s)
{
    bool clips = s->sampler == MW_DDIM || s->sampler == MW_DDPM;
    return mw_schedule_on(s, MW_SET_THRESHOLDING) || (clips && mw_schedule_on(s, MW_SET_CLIP_SAMPLE));
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Saharia et al. 2022, section 2.3, for one item of n values: clip to the given quantile of the absolute
// values (at least 1, at most `top`), then divide by it. work: room for n values.
static void threshold(float *x, size_t n, double ratio, double top, float *work)
{
    double at = ratio * (double)(n - 1);
    size_t i = (size_t)at;
    for (size_t k = 0; k < n; k++)
        work[k] = fabsf(x[k]);
    qsort(work, n, sizeof *work, by_size);
    double s = work[i] + (at - (double)i) * (work[i + 1 < n ? i + 1 : i] - work[i]);
    s = fmin(fmax(s, 1), top);
    for (size_t k = 0; k < n; k++)
        x[k] = (float)(fmin(fmax(x[k], -s), s) / s);
}

static mw_tensor *threshold_each(mw_stepping *g, mw_tensor *picture)
{
    const double *set = g->s->set;
    size_t n = (size_t)mw_numel(picture), items = (size_t)mw_dim(picture, 0), each = n / items;
    float *x = mw_alloc(g->c, 2 * n * sizeof *x);
    mw_tensor *y = NULL;
    if (x && mw_tensor_read_f32(g->c, picture, x) == MW_OK) {
        for (size_t i = 0; i < items; i++)
            threshold(x + i * each, each, set[MW_SET_DYNAMIC_THRESHOLDING_RATIO],
                      set[MW_SET_SAMPLE_MAX_VALUE], x + n);
        y = mw_tensor_from_f32(g->c, picture->dtype, picture->ndim, picture->shape, x);
    }
    free(x);
    return y;
}

mw_tensor *mw_limit(mw_stepping *g, mw_tensor *picture)
{
    double range = g->s->set[MW_SET_CLIP_SAMPLE_RANGE];
    if (!picture || !mw_has_limit(g->s) || g->c->dry || !mw_numel(picture))
        return picture;
    if (mw_schedule_on(g->s, MW_SET_THRESHOLDING))
        return threshold_each(g, picture);
    return mw_clamp(g->c, picture, -range, range);
}

void mw_finish(mw_stepping *g, mw_mixture picture, mw_finish_coef k)
{
    const mw_step_in *in = g->in;
    g->out->pred_original = mw_limit(g, mw_blend_linear(g, picture));
    if (!mw_has_limit(g->s)) { // then the picture is linear too, and its share is better added up in double
        k.x += k.picture * picture.x;
        k.e += k.picture * picture.e;
        k.picture = 0;
    }
    g->out->latents = mw_blend(
        g, 4, (mw_tensor *[]){in->latents, in->noise_pred, g->out->pred_original, in->variance_noise},
        (double[]){k.x, k.e, k.picture, k.n});
}

void mw_remember(mw_sampler_state *state, mw_tensor *t, int keep)
{
    int n = state->nhistory < keep ? state->nhistory : keep - 1;
    memmove(state->history + 1, state->history, (size_t)n * sizeof *state->history);
    state->history[0] = t;
    state->nhistory = n + 1;
}

static bool draws_noise(const mw_schedule *s, int step, const mw_step_in *in)
{
    if (s->sampler == MW_DDIM)
        return in->ddim_eta > 0;
    if (s->sampler == MW_DDPM)
        return s->timesteps[step] > 0;
    return mw_schedule_is_stochastic(s) && s->sigmas[step + 1] > 0;
}

static mw_status check(mw_ctx *c, const mw_schedule *s, int64_t step, const mw_step_in *in,
                       const mw_sampler_state *state)
{
    char a[96], b[96];
    if (mw_schedule_check_step(c, s, step) || !in->latents || !in->noise_pred)
        return mw_err(c);
    if (state->begun && state->next != step)
        return mw_fail(c, MW_E_ARG, "the state is for step %d, but this is step %lld", state->next,
                       (long long)step);
    if (!mw_same_shape(in->latents, in->noise_pred))
        return mw_fail(c, MW_E_SHAPE, "latents %s and noise_pred %s must have one shape",
                       mw_shape_text(in->latents, a, sizeof a), mw_shape_text(in->noise_pred, b, sizeof b));
    if (!draws_noise(s, (int)step, in))
        return mw_err(c);
    if (!in->variance_noise)
        return mw_fail(c, MW_E_ARG, "sampler %s draws noise at step %lld: variance_noise is missing",
                       mw_sampler_id(s->sampler), (long long)step);
    if (!mw_same_shape(in->latents, in->variance_noise))
        return mw_fail(c, MW_E_SHAPE, "latents %s and variance_noise %s must have one shape",
                       mw_shape_text(in->latents, a, sizeof a),
                       mw_shape_text(in->variance_noise, b, sizeof b));
    return mw_err(c);
}

mw_status mw_sampler_step(mw_ctx *c, const mw_schedule *s, int64_t step, const mw_step_in *in,
                          mw_sampler_state *state, mw_step_out *out)
{
    *out = (mw_step_out){0};
    if (mw_err(c) || check(c, s, step, in, state) || !in->latents || !in->noise_pred)
        return mw_err(c);
    mw_step_in same = *in;
    mw_dtype dtype = in->latents->dtype;
    same.noise_pred = mw_cast(c, in->noise_pred, dtype);
    same.variance_noise = draws_noise(s, (int)step, in) ? mw_cast(c, in->variance_noise, dtype) : NULL;
    mw_stepping g = {c, s, (int)step, &same, state, out};
    if (!mw_err(c))
        methods[s->sampler](&g);
    state->begun = true;
    state->next = (int)step + 1;
    return mw_err(c);
}

// k[0] * picture + k[1] * noise, a single picture repeated for each noise.
static mw_tensor *mix(mw_ctx *c, mw_tensor *picture, mw_tensor *noise, const double *k)
{
    char a[96], b[96];
    if (!picture || !noise)
        return NULL;
    if (picture->ndim == noise->ndim && picture->ndim && mw_dim(picture, 0) == 1) {
        int64_t shape[MW_MAXDIM];
        memcpy(shape, picture->shape, sizeof shape);
        shape[0] = noise->shape[0];
        picture = mw_expand(c, picture, picture->ndim, shape);
    }
    if (picture && !mw_same_shape(picture, noise)) {
        mw_fail(c, MW_E_SHAPE, "latents %s and noise %s must have one shape",
                mw_shape_text(picture, a, sizeof a), mw_shape_text(noise, b, sizeof b));
        return NULL;
    }
    return mw_lincomb(c, 2, (mw_tensor *[]){picture, noise}, k);
}

mw_tensor *mw_sampler_add_noise(mw_ctx *c, const mw_schedule *s, int step, mw_tensor *picture,
                                mw_tensor *noise)
{
    double k[2];
    if (mw_schedule_check_step(c, s, step))
        return NULL;
    mw_schedule_mix(s, step, &k[0], &k[1]);
    return mix(c, picture, noise, k);
}

mw_tensor *mw_sampler_velocity(mw_ctx *c, const mw_schedule *s, int step, mw_tensor *picture,
                               mw_tensor *noise)
{
    if (mw_schedule_check_step(c, s, step))
        return NULL;
    double bar = mw_schedule_alpha_bar(s, step);
    return mix(c, picture, noise, (double[]){-sqrt(1 - bar), sqrt(bar)});
}
