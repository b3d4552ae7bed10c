// picture.h: pictures on wires: [H,W,3] f32 in 0..1, several of one size as [B,H,W,3].
#ifndef MW_PICTURE_H
#define MW_PICTURE_H

#include "core/graph/value.h"
#include "core/io/image.h"

// From 8 bits: [H,W,3]. NULL for NULL or with an error pending.
mw_tensor *mw_picture_tensor(mw_ctx *c, const mw_image *image);
// To 8 bits: clipped to 0..1, times 255, rounded to even as NumPy does. t: [H,W,3]. MW_E_NUMBER when it holds
// NaN. Free with mw_image_free.
mw_status mw_picture_bytes(mw_ctx *c, const mw_tensor *t, mw_image *out);

// The pictures of a value: a [H,W,3], a [B,H,W,3], or a (nested) list of such. At most max are put into out,
// in the open scope; MW_E_SHAPE naming `port` for anything else. Returns how many.
size_t mw_picture_list(mw_ctx *c, const char *port, const mw_value *v, mw_tensor **out, size_t max);
// Views of [B,H,W,3] with B = 1 lose the batch; others stay.
mw_tensor *mw_picture_squeeze(mw_ctx *c, mw_tensor *t);
// [H,W,3] becomes [1,H,W,3]; [B,H,W,3] stays; MW_E_SHAPE naming `port` for anything else.
mw_tensor *mw_picture_batch(mw_ctx *c, const char *port, mw_tensor *t);

#endif
