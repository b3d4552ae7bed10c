// image_prep.h: how a vision network wants its pictures: resized, scaled, normalised, padded.
//
// What transformers keeps in preprocessor_config.json.
#ifndef MW_IMAGE_PREP_H
#define MW_IMAGE_PREP_H

#include "core/io/resize.h"
#include "core/ops.h"
#include "nodes/nets/base/config.h"

typedef struct mw_image_prep {
    bool resize, rescale, normalize;
    int longest;       // the longer side becomes this, the other one follows; 0: width and height below
    int width, height; // to this size, whatever the sides were
    mw_resize_filter filter;
    double factor; // of 8-bit values
    double mean[3], deviation[3];
    int pad_width, pad_height; // zeros right and below, after normalising; 0: none
} mw_image_prep;

// What became of a picture, in pixels.
typedef struct mw_image_geometry {
    int width, height;         // of the original
    int new_width, new_height; // after resizing
    int pad_width, pad_height; // after padding
} mw_image_geometry;

// Values of `p` are the network's defaults, replaced by what the file says. Cropping and other colour orders
// are refused by name.
mw_status mw_image_prep_read(mw_ctx *c, const json_t *json, const char *file, mw_image_prep *p);

// [1,H,W,3] f32 of a picture. MW_E_SHAPE when it comes out larger than the padding allows.
mw_tensor *mw_image_prep_run(mw_ctx *c, const mw_image_prep *p, const mw_image *image, mw_image_geometry *g);

#endif
