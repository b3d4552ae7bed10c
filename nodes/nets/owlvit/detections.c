// detections.c: found boxes: from a detector's outputs, and without those that show the same thing twice.
#include "nodes/nets/owlvit/detections.h"

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

// ---- suppression

static double overlap(const double a[4], const double b[4])
{
    double w = fmin(a[2], b[2]) - fmax(a[0], b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    double both = fmax(w, 0) * fmax(h, 0);
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

typedef struct {
    double score;
    int label;
    size_t at;
} candidate;

static int by_label_and_score(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->at < b->at ? -1 : 1;
}

size_t mw_suppress(mw_ctx *c, const double (*box)[4], const double *score, const int *label, size_t n,
                   double threshold, size_t *kept)
{
    candidate *order = mw_alloc(c, (n + 1) * sizeof *order);
    size_t count = 0;
    for (size_t i = 0; order && i < n; i++)
        order[i] = (candidate){score[i], label ? label[i] : 0, i};
    if (order)
        qsort(order, n, sizeof *order, by_label_and_score);
    for (size_t i = 0, of_label = 0; order && i < n; i++) {
        bool keep = true;
        if (i && order[i].label != order[i - 1].label)
            of_label = count; // from here on the kept ones are of this label
        for (size_t k = of_label; k < count && keep; k++)
            keep = overlap(box[kept[k]], box[order[i].at]) < threshold;
        if (keep)
            kept[count++] = order[i].at;
    }
    free(order);
    return count;
}
