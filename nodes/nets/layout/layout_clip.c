// layout_clip.c: boxes cut at the edges of the canvas, or refused.
#include "nodes/nets/layout/layout_clip.h"

#include <math.h>
#include <string.h>

// False when nothing of the box lies on the canvas.
static bool cut(double b[4], const double canvas[2])
{
    for (int k = 0; k < 2; k++) {
        double begin = fmax(b[k], 0), end = fmin(b[k] + b[k + 2], canvas[k]);
        if (!(end > begin))
            return false;
        b[k] = begin;
        b[k + 2] = end - begin;
    }
    return true;
}

mw_status mw_layout_clip(mw_ctx *c, const mw_layout_source *from, const char *what, const double canvas[2],
                         double box[4])
{
    double b[4];
    memcpy(b, box, sizeof b);
    if (!cut(box, canvas))
        return mw_fail(c, from->code,
                       "%s: %s: the box {%g, %g, %g, %g} lies wholly off the canvas of %g x %g", from->name,
                       what, b[0], b[1], b[2], b[3], canvas[0], canvas[1]);
    if (b[0] < 0 || b[1] < 0 || b[0] + b[2] > canvas[0] || b[1] + b[3] > canvas[1])
        mw_layout_warn(
            c, from,
            "%s: the box {%g, %g, %g, %g} sticks out of the canvas of %g x %g and is cut to {%g, %g, "
            "%g, %g}",
            what, b[0], b[1], b[2], b[3], canvas[0], canvas[1], box[0], box[1], box[2], box[3]);
    return mw_err(c);
}
