// detections.c: found boxes: from a detector's outputs, and without those that show the same thing twice.
#include "nodes/nets/detections.h"

#include <math.h>
#include <stdlib.h>

mw_detection mw_detection_of(const float *logits, int Q, const float *box, double width, double height)
{
    mw_detection d = {.label = 0};
    for (int q = 1; q < Q; q++)
        d.label = logits[q] > logits[d.label] ? q : d.label;
    d.score = 1 / (1 + exp(-(double)logits[d.label]));
    double size[2] = {width, height};
    for (int i = 0; i < 2; i++) {
        double centre = (double)box[i], half = 0.5 * (double)box[2 + i];
        d.box[i] = (centre - half) * size[i];
        d.box[2 + i] = (centre + half) * size[i];
    }
    return d;
}

static double area(const double *b) { return (b[2] - b[0]) * (b[3] - b[1]); }

static double overlap(const double *a, const double *b)
{
    double w = fmin(a[2], b[2]) - fmax(a[0], b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    double both = w > 0 && h > 0 ? w * h : 0, either = area(a) + area(b) - both;
    return either > 0 ? both / either : 0;
}

static int by_score(const void *a, const void *b)
{
    double x = ((const mw_detection *)a)->score, y = ((const mw_detection *)b)->score;
    return (x < y) - (x > y);
}

static int by_label_and_score(const void *a, const void *b)
{
    int x = ((const mw_detection *)a)->label, y = ((const mw_detection *)b)->label;
    return x != y ? (x > y) - (x < y) : by_score(a, b);
}

int mw_detections_suppress(mw_detection *d, int n, double threshold, bool by_label)
{
    int kept = 0;
    if (n > 1)
        qsort(d, (size_t)n, sizeof *d, by_label ? by_label_and_score : by_score);
    for (int i = 0; i < n; i++) {
        bool hidden = false;
        for (int k = 0; k < kept && !hidden; k++)
            hidden = (!by_label || d[k].label == d[i].label) && overlap(d[k].box, d[i].box) >= threshold;
        if (!hidden)
            d[kept++] = d[i];
    }
    return kept;
}
