// resize.h: resampling of 8-bit pictures on the host, as Pillow does it.
#ifndef MW_RESIZE_H
#define MW_RESIZE_H

#include "core/io/image.h"

typedef enum { MW_RESIZE_BOX, MW_RESIZE_BILINEAR, MW_RESIZE_BICUBIC, MW_RESIZE_LANCZOS } mw_resize_filter;

// A fresh picture of width x height (at least 1 each, at most MW_IMAGE_MAX_PIXELS in all). The filter (reach
// 1/2, 1, 2 with a = -1/2, 3 lobes) is widened by the factor of shrinking, so that every pixel counts.
// Weights have 22 binary places; there are 8 bits between the passes. Columns first, but rows first where h <
// H and H - h > 2 (W - w), as Pillow 13 has it: the results differ at sharp edges. An axis whose size stays
// is left alone. Free with mw_image_free; rgb is NULL on failure.
mw_status mw_image_resize(mw_ctx *c, const mw_image *in, int width, int height, mw_resize_filter filter,
                          mw_image *out);

#endif
