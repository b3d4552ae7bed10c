// place.h: where a run's results go: the folder, looked at before anything is computed, and the run's number
// in it.
#ifndef MW_PLACE_H
#define MW_PLACE_H

#include "core/lua/script.h"

// MW_E_RUN, naming the folder and why, when the output folder (or the nearest one above that exists) cannot
// be written. Leaves nothing behind.
mw_status mw_place_check(mw_ctx *c);

// The first run number of which no output has a file in the output folder: image.png and image_2.png are run
// 1's, image-0002.png and image-0002_2.png run 2's. 1 where the folder does not exist.
int mw_place_run(mw_ctx *c, const mw_output *outputs, int n);

#endif
