// layout_clip.h: boxes kept to the canvas.
#ifndef MW_LAYOUT_CLIP_H
#define MW_LAYOUT_CLIP_H

#include "nodes/nets/layout/layout_source.h"

// Cuts a box x, y, width, height (with an area) at the edges of the canvas, with a warning that calls it
// `what`
// ("object 2 ('a star')"). One wholly off the canvas is a failure with the source's code.
mw_status mw_layout_clip(mw_ctx *c, const mw_layout_source *from, const char *what, const double canvas[2],
                         double box[4]);

#endif
