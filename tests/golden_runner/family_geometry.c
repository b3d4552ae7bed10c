// family_geometry.c: op lmd.geometry: boxes to cells, masks to boxes, overlaps.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Numbers that stand beside the input in case.json.
static void same(mw_ctx *c, golden_case *k, const json_t *want, const int *got, int n, const char *what)
{
    for (int i = 0; want && i < n && mw_err(c) == MW_OK; i++)
        if (json_number_value(json_array_get(want, (size_t)i)) != got[i])
            mw_fail(c, MW_E_NUMBER, "%s: %s: entry %d is %d", k->name, what, i, got[i]);
}

// The same of doubles, which must agree to their last bits.
static void close_to(mw_ctx *c, golden_case *k, const json_t *want, const double *got, int n,
                     const char *what)
{
    for (int i = 0; want && i < n && mw_err(c) == MW_OK; i++)
        if (!(fabs(json_number_value(json_array_get(want, (size_t)i)) - got[i]) <= 1e-15))
            mw_fail(c, MW_E_NUMBER, "%s: %s: entry %d is %.17g", k->name, what, i, got[i]);
}

static void check_centered(mw_ctx *c, golden_case *k, const json_t *v, const double box[4])
{
    static const struct {
        const char *key;
        mw_centering how;
    } way[] = {{"centered", MW_CENTER_HORIZONTAL},
               {"centered_both", MW_CENTER_BOTH},
               {"floor_padding_02", MW_CENTER_FLOOR}};
    for (int i = 0; i < 3; i++) {
        double out[4];
        mw_box_centered(box, way[i].how, 0.2, out);
        close_to(c, k, json_object_get(v, way[i].key), out, 4, way[i].key);
    }
}

static void check_box(mw_ctx *c, golden_case *k, const json_t *v)
{
    const char *key;
    json_t *want;
    double box[4];
    for (size_t i = 0; i < 4; i++)
        box[i] = json_number_value(json_array_get(json_object_get(v, "box"), i));
    check_centered(c, k, v, box);
    json_object_foreach((json_t *)(uintptr_t)v, key, want)
    {
        int h, w, cells[4], sum;
        bool whole = sscanf(key, "cells_%dx%d", &h, &w) == 2;
        if (!whole && sscanf(key, "mask_sum_%dx%d", &h, &w) != 2)
            continue;
        uint8_t *mask = mw_alloc(c, (size_t)h * (size_t)w);
        mw_box_cells(box, h, w, cells);
        if (mask)
            mw_box_mask(cells, h, w, mask);
        sum = mask ? mw_mask_area(mask, h * w) : 0;
        if (whole)
            same(c, k, want, cells, 4, key);
        else if (json_integer_value(want) != sum)
            mw_fail(c, MW_E_NUMBER, "%s: %s is %d", k->name, key, sum);
        free(mask);
    }
}

static void check_mask(mw_ctx *c, golden_case *k, int i, const json_t *v, float *overlap)
{
    const mw_st_entry *e = golden_input(c, k, golden_text(c, k, "mask/%d", i)),
                      *first = golden_input(c, k, "mask/0");
    int box[4];
    if (!e || !first)
        return;
    int h = (int)e->shape[0], w = (int)e->shape[1];
    double center[2];
    if (mw_mask_center(e->data, h, w, MW_FAITHFUL, center))
        close_to(c, k, json_object_get(v, "center"), center, 2, "center");
    mw_mask_bounds(e->data, h, w, 0, box);
    same(c, k, json_object_get(v, "box_tight"), box, 4, "box_tight");
    mw_mask_bounds(e->data, h, w, 1, box);
    same(c, k, json_object_get(v, "box"), box, 4, "box");
    int scaled[4] = {box[0] * 8, box[1] * 8, box[2] * 8, box[3] * 8};
    same(c, k, json_object_get(v, "box_scaled_8"), scaled, 4, "box_scaled_8");
    box[2]++; // the stored upper bounds are still inside
    box[3]++;
    uint8_t *mask = mw_alloc(c, (size_t)h * (size_t)w);
    float *values = mw_alloc(c, (size_t)h * (size_t)w * sizeof *values);
    if (mask && values) {
        mw_box_mask(box, h, w, mask);
        for (int n = 0; n < h * w; n++)
            values[n] = mask[n];
        golden_give_f32(c, k, golden_text(c, k, "box_mask/%d", i), 2, e->shape, values);
    }
    if (e->count == first->count)
        *overlap = (float)mw_mask_overlap(first->data, e->data, h * w);
    free(mask);
    free(values);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    float overlap[256] = {0};
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(k->params, "boxes"), i, v) check_box(c, k, v);
    json_array_foreach(json_object_get(k->params, "masks"), i, v)
    {
        if (i < 256)
            check_mask(c, k, (int)i, v, &overlap[i]);
    }
    const mw_st_entry *e = golden_wants(k, "iou");
    if (e && e->count <= 256)
        golden_give_f32(c, k, "iou", 1, e->shape, overlap);
    return mw_err(c);
}

const golden_family golden_geometry = {{"lmd.geometry"}, false, run};
