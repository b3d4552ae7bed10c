// sam_pick.h: an object's mask: Segment Anything's candidates for a prompt, judged against a coarse mask.
#ifndef MW_SAM_PICK_H
#define MW_SAM_PICK_H

#include "nodes/nets/pictures/mask_ops.h"
#include "nodes/nets/sam/sam_open.h"

enum { MW_SAM_CANDIDATES = 16 };

typedef struct mw_sam_pick {
    // ---- in
    int npoints;           // points of the prompt
    const double *points;  // x, y in pixels of the picture
    const int *labels;     // MW_SAM_INSIDE or MW_SAM_OUTSIDE
    const double *box;     // x0, y0, x1, y1 in pixels of the picture, or NULL
    const uint8_t *coarse; // [coarse_h][coarse_w] what the mask should roughly be, or NULL
    int coarse_h, coarse_w;
    bool dense;                         // the coarse mask is a prompt too
    int h, w;                           // of the mask, in cells
    double min_confidence, min_overlap; // a candidate below loses the largest candidate's area for each
    // ---- out
    int n;                               // candidates
    uint8_t *candidates;                 // [n][h][w]; free() it
    float confidence[MW_SAM_CANDIDATES]; // the network's guess of the overlap with the truth
    double overlap[MW_SAM_CANDIDATES];   // with the coarse mask, at its size; 1 without one
    int chosen;                          // the largest area in cells, less what was lost; the first of equals
} mw_sam_pick;

mw_status mw_sam_pick_mask(mw_ctx *c, const mw_sam *s, const mw_image *image, mw_sam_pick *p);

// The choice alone, from areas, confidences and overlaps.
int mw_sam_choose(const mw_sam_pick *p, const int *area);

#endif
