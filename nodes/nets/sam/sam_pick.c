// sam_pick.c: an object's mask: Segment Anything's candidates for a prompt, judged against a coarse mask.
#include "nodes/nets/sam/sam_pick.h"

#include <stdlib.h>
#include <string.h>

// Logits that stand for surely inside and surely outside in a coarse mask.
#define SURE 10.0f

// The coarse mask as the network wants it, [1,4e,4e,1] over the padded square.
static mw_tensor *dense_prompt(mw_ctx *c, const mw_sam_config *f, const mw_image_geometry *g,
                               const mw_sam_pick *p)
{
    int side = 4 * mw_sam_side(f);
    float *v = mw_alloc(c, (size_t)side * (size_t)side * sizeof *v);
    for (int i = 0; v && i < side * side; i++) {
        double y = (i / side + 0.5) / side * g->pad_height / g->new_height;
        double x = (i % side + 0.5) / side * g->pad_width / g->new_width;
        bool in = y < 1 && x < 1 && p->coarse[(int)(y * p->coarse_h) * p->coarse_w + (int)(x * p->coarse_w)];
        v[i] = in ? SURE : -SURE;
    }
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, side, side, 1), v) : NULL;
    free(v);
    return t;
}

// Logits of the candidates at the picture's size, [1,n,H,W], and their confidences into p.
static mw_tensor *candidates(mw_ctx *c, const mw_sam *s, const mw_image *image, mw_sam_pick *p)
{
    mw_image_geometry g;
    mw_tensor *masks, *scores, *pixels = mw_image_prep_run(c, &s->prep, image, &g);
    double *points = mw_alloc(c, 2 * (size_t)(p->npoints + 1) * sizeof *points), box[4];
    if (!points || mw_err(c) != MW_OK) {
        free(points);
        return NULL;
    }
    memcpy(points, p->points ? p->points : box, 2 * (size_t)p->npoints * sizeof *points);
    mw_sam_to_model(&g, points, p->npoints);
    if (p->box) {
        memcpy(box, p->box, sizeof box);
        mw_sam_to_model(&g, box, 2);
    }
    mw_sam_prompt prompt = {.n = 1, .npoints = p->npoints, .points = points, .labels = p->labels};
    prompt.boxes = p->box ? box : NULL;
    prompt.mask = p->dense && p->coarse ? dense_prompt(c, &s->model.config, &g, p) : NULL;
    mw_sam_decode(c, &s->model, mw_sam_encode(c, &s->model, pixels), &prompt, true, &masks, &scores);
    free(points);
    p->n = (int)mw_dim(masks, 1);
    if (mw_err(c) == MW_OK)
        mw_tensor_read_f32(c, scores, p->confidence);
    return mw_sam_upscale(c, masks, &g);
}

int mw_sam_choose(const mw_sam_pick *p, const int *area)
{
    int largest = 0, best = 0, score[MW_SAM_CANDIDATES];
    for (int i = 0; i < p->n; i++)
        largest = area[i] > largest ? area[i] : largest;
    for (int i = 0; i < p->n; i++) {
        score[i] = area[i] - (p->confidence[i] < p->min_confidence ? largest : 0) -
            (p->overlap[i] < p->min_overlap ? largest : 0);
        best = score[i] > score[best] ? i : best;
    }
    return best;
}

// Candidate i into cells and held against the coarse mask; full, at: room for masks of either size.
static void judge(mw_sam_pick *p, int i, const float *logits, int H, int W, uint8_t *full, uint8_t *at)
{
    uint8_t *cells = p->candidates + (size_t)i * (size_t)p->h * (size_t)p->w;
    for (int k = 0; k < H * W; k++)
        full[k] = logits[k] > 0;
    mw_mask_resize(full, H, W, cells, p->h, p->w);
    p->overlap[i] = 1;
    if (p->coarse) {
        mw_mask_resize(cells, p->h, p->w, at, p->coarse_h, p->coarse_w);
        p->overlap[i] = mw_mask_overlap(at, p->coarse, p->coarse_h * p->coarse_w);
    }
}

mw_status mw_sam_pick_mask(mw_ctx *c, const mw_sam *s, const mw_image *image, mw_sam_pick *p)
{
    int H = image->height, W = image->width, area[MW_SAM_CANDIDATES];
    size_t pixels = (size_t)H * (size_t)W, cells = (size_t)p->h * (size_t)p->w;
    mw_scope_begin(c);
    mw_tensor *t = candidates(c, s, image, p);
    float *logits = mw_alloc(c, (size_t)p->n * pixels * sizeof *logits + 1);
    uint8_t *full = mw_alloc(c, pixels), *at = mw_alloc(c, (size_t)p->coarse_h * (size_t)p->coarse_w + 1);
    p->candidates = mw_alloc(c, (size_t)p->n * cells + 1);
    if (mw_err(c) == MW_OK && mw_tensor_read_f32(c, t, logits) == MW_OK) {
        for (int i = 0; i < p->n; i++) {
            judge(p, i, logits + (size_t)i * pixels, H, W, full, at);
            area[i] = mw_mask_area(p->candidates + (size_t)i * cells, p->h * p->w);
        }
        p->chosen = mw_sam_choose(p, area);
    }
    mw_scope_end(c, NULL);
    free(logits);
    free(full);
    free(at);
    if (mw_err(c) != MW_OK) {
        free(p->candidates);
        p->candidates = NULL;
    }
    return mw_err(c);
}
