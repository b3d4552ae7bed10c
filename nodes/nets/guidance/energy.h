// energy.h: how far attention to the phrases of a layout is from their boxes, as differentiable compositions
// of ops.
//
// "LLM-grounded Diffusion" (arXiv 2305.13655) eq. 1 to 4 in two forms: the paper's, and that of its published
// code; and the energies of its baselines, "Training-free layout control with cross-attention guidance"
// (arXiv 2304.03373) and BoxDiff (arXiv 2307.10816). Maps are probabilities over the tokens of the text.
#ifndef MW_ENERGY_H
#define MW_ENERGY_H

#include "core/tensor/tensor.h"

// With F, B the means of the largest shares of attention to a token inside and outside its phrase's boxes:
typedef enum {
    // sum over heads of fg_weight (1 - F) + omega B; mean over a phrase's tokens, phrases and maps
    MW_ENERGY_CODE,
    // omega B - fg_weight F; mean over heads and maps, sum over tokens and phrases
    MW_ENERGY_PAPER,
    // (1 - share of the attention inside)^2; mean over heads, tokens, phrases and maps
    MW_ENERGY_RATIO,
    // terms inside, outside and at the corners on the mean of all maps, which must be of one size; summed
    MW_ENERGY_BOXDIFF,
} mw_energy_form;

// Whose maps the attention transfer compares: the phrase's word, its last token, or all its tokens.
typedef enum { MW_TRANSFER_WORD, MW_TRANSFER_LAST, MW_TRANSFER_ALL } mw_transfer_tokens;

typedef struct mw_energy_options {
    mw_energy_form form;
    double fg_top_p, bg_top_p; // shares of the cells inside and outside that count, in 0..1
    double fg_weight, omega;
    double lambda; // weight of attention transfer; 0: none. Code and paper alike take the code's form of it
    mw_transfer_tokens transfer;
    double sigma;       // BoxDiff: of the 3 x 3 smoothing; 0: none
    int corner;         // BoxDiff: cells about an edge that its corner terms look at
    bool wrapped_boxes; // a box that ends left of or above the canvas covers it up to that distance from the
                        // far side, as in the published code; else it covers nothing
} mw_energy_options;

// What the published code sets.
mw_energy_options mw_energy_defaults(mw_energy_form form);

typedef struct mw_energy_phrase {
    const int *token;       // places in the text, from 0
    int ntokens;            // >= 1
    int word;               // place of the word's token; read with MW_TRANSFER_WORD only
    const double (*box)[4]; // x0, y0, x1, y1 in units of the canvas
    int nboxes;             // >= 1
} mw_energy_phrase;

typedef struct mw_energy_picture {
    const mw_energy_phrase *phrase;
    int nphrases; // >= 1
} mw_energy_picture;

// A map that the energy reads. A layer may come several times, and then counts as often.
typedef struct mw_energy_layer {
    int h, w;
    // [pictures, heads, boxes of all phrases in order, h*w] maps of the objects drawn alone, anything behind
    // the boxes of a picture that has fewer; of one picture also without the first dimension. NULL with
    // lambda 0
    mw_tensor *reference;
} mw_energy_layer;

// All that does not depend on the maps: masks, numbers of cells, weights.
typedef struct mw_energy_targets mw_energy_targets;

// The phrases of each of npictures pictures; of one: those of every picture of the maps. `length`: tokens of
// the text. Its tensors belong to the open scope, which must outlive its use; free the rest with
// mw_energy_targets_free. NULL with MW_E_ARG for tokens outside the text, shares outside 0..1, no phrase, no
// layer, a missing reference, or maps of several sizes for BoxDiff.
mw_energy_targets *mw_energy_targets_new(mw_ctx *c, const mw_energy_options *o,
                                         const mw_energy_picture *picture, int npictures, int64_t length,
                                         const mw_energy_layer *layer, int nlayers);
void mw_energy_targets_free(mw_energy_targets *p);

// The energies [B] of maps[i], [B, heads, h*w, length] f32, one for each of the targets' layers; each
// picture's is what it would be alone.
mw_tensor *mw_energy(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps);

#endif
