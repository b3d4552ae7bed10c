// detections.h: found boxes: from a detector's outputs, and without those that show the same thing twice.
#ifndef MW_DETECTIONS_H
#define MW_DETECTIONS_H

#include "core/base/ctx.h"

typedef struct mw_detection {
    double box[4]; // x0, y0, x1, y1
    double score;
    int label;
} mw_detection;

// Of one place: its largest logit among Q (the first of equals) as label and, through the sigmoid, score; its
// box (centre x, y, width, height in 0..1) in a picture of width x height pixels.
mw_detection mw_detection_of(const float *logits, int Q, const float *box, double width, double height);

// Suppression of overlapping boxes x0, y0, x1, y1: in the order of falling scores, a box is kept when it
// overlaps each kept one by less than `threshold` (intersection over union). `labels` NULL: all boxes
// together; else label by label, in their order. Writes the kept indices; returns how many, 0 on failure.
size_t mw_suppress(mw_ctx *c, const double (*box)[4], const double *score, const int *label, size_t n,
                   double threshold, size_t *kept);

#endif
