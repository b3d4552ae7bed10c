// exif.h: how a picture is to be turned before it is shown, by what its file says in EXIF or XMP.
//
// Orientations are EXIF's: 1 as stored, 2 mirrored left to right, 3 turned by half, 4 mirrored top to bottom,
// 5 mirrored along the falling diagonal, 6 turned clockwise by a quarter, 7 mirrored along the rising
// diagonal, 8 turned counter-clockwise by a quarter. What is damaged or out of range counts as 1: such data
// is ancillary.
#ifndef MW_EXIF_H
#define MW_EXIF_H

#include "core/io/image.h"

// Of a whole file whose structure was checked (mw_jpeg_check, mw_png_check).
int mw_jpeg_orientation(const uint8_t *jpeg, size_t size);
int mw_png_orientation(mw_ctx *c, const uint8_t *png, size_t size);

// Turns the picture in place as the orientation says.
mw_status mw_image_orient(mw_ctx *c, mw_image *image, int orientation);

#endif
