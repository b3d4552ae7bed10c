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

// Keeps, in order of falling score, the boxes whose overlap (intersection / union) with every kept one is
// below `threshold`. by_label: boxes of different labels do not hide each other, and the result is in order
// of labels. In place; returns how many stay.
int mw_detections_suppress(mw_detection *d, int n, double threshold, bool by_label);

#endif
