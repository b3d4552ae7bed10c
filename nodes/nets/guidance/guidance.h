// guidance.h: latents moved against the gradient of an energy on the UNet's attention maps.
//
// "LLM-grounded Diffusion" (arXiv 2305.13655) eq. 3: z := z - strength * dE/dz, some times before a denoising
// step. The forward pass stops at the last map the energy reads, with the prompt's text alone; the backward
// pass starts there.
#ifndef MW_GUIDANCE_H
#define MW_GUIDANCE_H

#include "core/graph/value.h"
#include "nodes/nets/guidance/energy.h"
#include "nodes/nets/sampling/schedule.h"
#include "nodes/nets/unet/unet.h"

#define MW_LAYER_PATH 96

typedef struct mw_guided_layer {
    char path[MW_LAYER_PATH]; // as mw_unet_layer_path gives it
    int heads, h, w;          // of its map
} mw_guided_layer;

// What an energy is of: the maps of the layers, in their order, [n,heads,h*w,L] of n pictures. Returns [n].
typedef mw_tensor *(*mw_energy_fn)(mw_ctx *c, void *user, mw_tensor *const *maps);

typedef struct mw_guidance {
    const mw_unet_model *unet;
    // Time (one), text, and what else the model takes; not latents and taps. Text, pooled text and objs may
    // be for one or for each of the pictures.
    mw_unet_in call;
    double input_scale; // the latents are multiplied by this before they go in
    const mw_guided_layer *layer;
    int nlayers;
    mw_energy_fn energy;
    void *user;
    // Told whose maps the energy will be asked of, n pictures of the call, whenever those change; in a scope
    // that outlives their energies. May be NULL.
    mw_status (*choose)(mw_ctx *c, void *user, int n, const int *picture);
    const bool *still; // of each picture: it is not guided; NULL: all are
    double strength;   // the step along the gradient
    int iterations;    // at most
    double threshold;  // no further step once the energy is not above it
    // Compare with the energy of the latents as they are; else with the one measured before, so that a step
    // is made on latents that are good already, and one seen below ends guidance for good (the published
    // code).
    bool fresh;
    // Told after each backward pass; may be NULL.
    void (*trace)(mw_ctx *c, void *user, mw_tensor *energy, mw_tensor *gradient, mw_tensor *const *maps);
    void *trace_user;
    // Told each energy that is measured, and of which picture; may be NULL.
    void (*measured)(mw_ctx *c, void *user, int64_t picture, double energy);
    void *measured_user;
} mw_guidance;

// latents: [B,C,h,w] f32; each picture is moved as it would be alone, and leaves the batch when it is done.
// As many go together as memory has room for: that follows from the limit. energy[B]: the last ones measured,
// read unless `fresh`, and replaced when one is measured. Returns the latents to go on with, in the open
// scope: `latents` itself when no step was made. gradient: [B,C,h,w] that of each one's last step, zeros
// where none was made; NULL when none was at all. MW_E_NUMBER when an energy or a gradient is not finite.
mw_tensor *mw_guide(mw_ctx *c, const mw_guidance *g, mw_tensor *latents, double *energy,
                    mw_tensor **gradient);

// Bytes that a pass of n of the call's pictures takes beside the weights, with all kept that a gradient
// needs. Elements are not looked at: g->call may have been made in a dry context.
uint64_t mw_guidance_bytes(mw_ctx *c, const mw_guidance *g, int n);

// The size of a step: eta * sqrt(1 - alpha_bar), or where it follows `progress` eta * sqrt(1 - step / 2 /
// (steps - 1)), as BoxDiff has it. Strict: times cells / 4096, since a latent's share of the energy falls
// with their number; faithful as the published code, where schedules of sigmas take sigma^2 for 1 -
// alpha_bar.
double mw_guidance_strength(const mw_schedule *s, int step, double eta, bool progress, bool strict,
                            int64_t cells);

// The layer of a name for latents of h x w cells; MW_E_ARG listing the layers when there is no such.
mw_status mw_guided_layer_find(mw_ctx *c, const mw_unet_config *f, const char *name, int h, int w,
                               mw_guided_layer *out);
// The cross-attentions of the middle block and of the first block of the way up that has any: how many; the
// first `max` into out.
int mw_guided_layers_default(const mw_unet_config *f, int h, int w, mw_guided_layer *out, int max);
// Those that a list of texts names, or with nil the default ones: how many, at most `max`; 0 with MW_E_ARG.
int mw_guided_layers_read(mw_ctx *c, const mw_unet_config *f, const mw_value *list, int h, int w,
                          mw_guided_layer *out, int max);
// The cross-attention that masks are taken from: the second at a quarter of the latents' size on the way down
// (Stable Diffusion 1 and 2), else the last of all; "" where there is none.
void mw_mask_layer_default(const mw_unet_config *f, char path[MW_LAYER_PATH]);

#endif
