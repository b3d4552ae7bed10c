// family_lmd_shift.c: attention maps moved with their object.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/layout/layout_geometry.h"

#include <stdlib.h>

static void shift_map(mw_ctx *c, golden_case *k, int i, const char *key, int side)
{
    const char *name = golden_text(c, k, "attn/%s", key);
    const float *in = name ? golden_input_f32(c, k, name) : NULL;
    const mw_st_entry *e = in ? golden_input(c, k, name) : NULL;
    const json_t *offset = json_array_get(json_object_get(k->params, "offsets"), (size_t)i);
    float *out = e ? mw_alloc(c, (size_t)e->count * sizeof *out) : NULL;
    if (!out)
        return;
    int dx = mw_shift_cells(json_number_value(json_array_get(offset, 0)), side);
    int dy = mw_shift_cells(json_number_value(json_array_get(offset, 1)), side);
    size_t planes = (size_t)e->count / ((size_t)side * (size_t)side);
    mw_shift_planes(in, planes, side, side, sizeof *in, dx, dy, out);
    golden_give_f32(c, k, golden_text(c, k, "attn/%d/xy/%s", i, key), e->ndim, e->shape, out);
    mw_shift_planes(in, planes, side, side, sizeof *in, dx, 0, out);
    golden_give_f32(c, k, golden_text(c, k, "attn/%d/h/%s", i, key), e->ndim, e->shape, out);
    free(out);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    json_t *maps = mw_json_object(c, k->name, k->params, "maps"), *side;
    size_t n = json_array_size(mw_json_list(c, k->name, k->params, "offsets"));
    const char *key;
    json_object_foreach(maps, key, side)
    {
        for (size_t i = 0; i < n && !mw_err(c); i++)
            shift_map(c, k, (int)i, key, (int)mw_json_int(c, k->name, maps, key, 1, 4096));
    }
    return mw_err(c);
}

const golden_family golden_lmd_shift = {{"lmd.shift_maps"}, false, run};
