// mask_ops.h: masks and attention maps on the host: smoothing, thresholds, morphology, sizes, overlaps.
//
// Maps are doubles, masks bytes of 0 or 1, both row-major [h][w].
#ifndef MW_MASK_OPS_H
#define MW_MASK_OPS_H

#include "core/base/ctx.h"

// Gaussian smoothing with a border that reflects (d c b a | a b c d | d c b a) and a reach of 4 sigma, rows
// and columns one after the other, in doubles: what SciPy's gaussian_filter does. sigma >= 0; below 1/8
// nothing changes.
mw_status mw_map_smooth(mw_ctx *c, const double *in, int h, int w, double sigma, double *out);
// 1 where (v - min) / (max - min) > threshold; all 0 for a map without differences.
void mw_map_threshold(const double *v, int n, double threshold, uint8_t *mask);
// The first of the largest entries.
int mw_map_peak(const double *v, int n);

// n times the 3 x 3 cross: a cell stays when its four neighbours are in; outside counts as 0. In place.
mw_status mw_mask_erode(mw_ctx *c, uint8_t *mask, int h, int w, int n);
// n times the 3 x 3 cross: a cell comes in when one of its four neighbours is in. In place.
mw_status mw_mask_dilate(mw_ctx *c, uint8_t *mask, int h, int w, int n);

// An attention map's coarse mask: smoothed, over the threshold, eroded and dilated n times. smooth: room for
// the smoothed map.
mw_status mw_map_mask(mw_ctx *c, const double *map, int h, int w, double sigma, double threshold, int n,
                      double *smooth, uint8_t *mask);

// Cells that are in.
int mw_mask_area(const uint8_t *mask, int n);
// First and last column and row with a cell that is in, each moved outwards by `grow`, at least 0 and at most
// w or h: x0, y0, x1, y1. False when the mask is empty.
bool mw_mask_bounds(const uint8_t *mask, int h, int w, int grow, int box[4]);
// Another size: bilinear samples at the new cells' centres, without averaging; whatever is not 0 is in.
void mw_mask_resize(const uint8_t *in, int h, int w, uint8_t *out, int new_h, int new_w);
// A coarser or finer grid by the nearest cell: out(i, j) = in(floor(i h / new_h), floor(j w / new_w)).
void mw_mask_nearest(const uint8_t *in, int h, int w, uint8_t *out, int new_h, int new_w);
// Intersection / (union + 1e-6).
double mw_mask_overlap(const uint8_t *a, const uint8_t *b, int n);

// The sides of a map of n cells that belongs to h x w latents: theirs, halved and rounded up until they fit;
// false when they never do.
bool mw_map_sides(int64_t n, int h, int w, int *map_h, int *map_w);

// A box x0, y0, x1, y1 in 0..1 as whole cells, ends excluded: corner and size are rounded on their own, half
// to even, so that a shifted box keeps its size; then lower bounds are at least 0, upper ones at most h and
// w.
void mw_box_cells(const double box[4], int h, int w, int cells[4]);
// 1 inside such cells. Upper bounds below 0 count from the far end, as Python's slices do.
void mw_box_mask(const int cells[4], int h, int w, uint8_t *mask);

#endif
