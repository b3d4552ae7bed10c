// schedule_internal.h: the pieces that mw_schedule_new is put together from.
#ifndef MW_SCHEDULE_INTERNAL_H
#define MW_SCHEDULE_INTERNAL_H

#include "nodes/nets/sampling/schedule.h"

// Fill s->alpha_bar[s->train]. trained: betas of the config, or NULL.
mw_status mw_schedule_betas(mw_ctx *c, mw_schedule *s, const double *trained);
// Fill s->timesteps and s->steps, and s->sigmas and s->nsigmas where sigmas is not NULL; room for asked + 16
// in each.
mw_status mw_schedule_times(mw_ctx *c, mw_schedule *s);
static inline bool mw_schedule_is(const mw_schedule *s, mw_setting what, int value)
{
    return (int)s->set[what] == value;
}
static inline bool mw_schedule_on(const mw_schedule *s, mw_setting what) { return s->set[what] != 0; }
// Has sigmas, and gives the network latents scaled to unit variance.
static inline bool mw_schedule_is_sigma_space(const mw_schedule *s)
{
    return s->sampler == MW_EULER || s->sampler == MW_EULER_ANCESTRAL || s->sampler == MW_LMS;
}
static inline bool mw_schedule_is_multistep(const mw_schedule *s)
{
    return s->sampler == MW_DPMPP_2M || s->sampler == MW_UNI_PC;
}

#endif
