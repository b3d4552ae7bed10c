// lettering.h: small black letters on pictures, for labels.
#ifndef MW_LETTERING_H
#define MW_LETTERING_H

#include "core/io/image.h"

// Pixels that `text` takes when it is broken into lines of at most `width` pixels; 0 for an empty text.
// scale: size of a letter's dot in pixels.
int mw_lettering_height(const char *text, int width, int scale);
// Pixels of its widest line when it is not broken.
int mw_lettering_width(const char *text, int scale);
// Draw it with the upper left corner there; what lies outside of the picture is cut off. Characters that are
// not ASCII appear as '?'.
void mw_lettering_draw(mw_image *image, int left, int top, int width, int scale, const char *text);

#endif
