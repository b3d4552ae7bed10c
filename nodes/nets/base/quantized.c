// quantized.c: weights of 8 bits that mean something only together with a scale in a tensor beside them.
#include "nodes/nets/base/quantized.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool mw_is_coarse(mw_st_dtype d)
{
    switch (d) {
    case MW_ST_F16:
    case MW_ST_BF16:
    case MW_ST_F32:
    case MW_ST_F64: return false;
    default: return true;
    }
}

static bool ends(const char *name, const char *end, size_t *module)
{
    size_t n = strlen(name), m = strlen(end);
    if (n < m || strcmp(name + n - m, end) != 0 || (n > m && name[n - m - 1] != '.'))
        return false;
    *module = n > m ? n - m - 1 : 0;
    return true;
}

// ComfyUI's note of how a module is quantized, as JSON in bytes: is it one of those where a scale is all?
static bool is_plain_note(const mw_st_entry *e)
{
    static const char *const formats[] = {"float8_e4m3fn", "float8_e5m2", "int8_tensorwise",
                                          "int8_blockwise"};
    static const char *const keys[] = {"format", "group_size", "full_precision_matrix_mult"};
    json_t *note = e->dtype == MW_ST_U8 ? json_loadb((const char *)e->data, e->bytes, 0, NULL) : NULL, *v;
    const char *format = json_string_value(json_object_get(note, "format")), *key;
    bool plain = false;
    for (size_t i = 0; format && i < sizeof formats / sizeof *formats; i++)
        plain = plain || strcmp(format, formats[i]) == 0;
    json_object_foreach(note, key, v)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            known = known || strcmp(key, keys[i]) == 0;
        plain = plain && known;
    }
    json_decref(note);
    return plain;
}

mw_companion mw_companion_of(const char *name, const mw_st_entry *e, size_t *module)
{
    if (ends(name, "scale_weight", module) || ends(name, "weight_scale", module))
        return MW_WEIGHT_SCALE;
    if (ends(name, "scale_input", module) || ends(name, "input_scale", module) ||
        ends(name, "scaled_fp8", module))
        return MW_IDLE_MARK;
    return ends(name, "comfy_quant", module) && is_plain_note(e) ? MW_IDLE_MARK : MW_NO_COMPANION;
}

// How the elements of a weight share the numbers of its scale: a grid over rows and columns.
typedef struct {
    int64_t rows, columns;           // of the weight, what comes after the first dimension as one
    int64_t grid_rows, grid_columns; // of the scale
} grid;

static bool lay_grid(const mw_st_entry *weight, const mw_st_entry *scale, grid *g)
{
    if (weight->ndim < 1 || weight->count < 1 || scale->count < 1)
        return false;
    g->rows = weight->shape[0];
    g->columns = weight->count / g->rows;
    g->grid_rows = scale->ndim ? scale->shape[0] : 1;
    g->grid_columns = scale->count / g->grid_rows;
    // One number is for all; several columns are blocks of a matrix.
    return g->rows % g->grid_rows == 0 && g->columns % g->grid_columns == 0 &&
        (g->grid_rows == 1 || g->grid_rows == g->rows || scale->ndim == 2) &&
        (g->grid_columns == 1 || (scale->ndim == 2 && weight->ndim == 2));
}

bool mw_scale_fits(const mw_st_entry *weight, const mw_st_entry *scale)
{
    grid g;
    return mw_is_coarse(weight->dtype) && !mw_is_coarse(scale->dtype) && lay_grid(weight, scale, &g);
}

mw_status mw_scale_apply(mw_ctx *c, const mw_st_entry *weight, const mw_st_entry *scale, float *values)
{
    grid g;
    float *factor = lay_grid(weight, scale, &g) ? mw_alloc(c, (size_t)scale->count * sizeof *factor) : NULL;
    if (!factor)
        return mw_err(c);
    mw_st_read_f32(c, scale, factor);
    for (int64_t i = 0; i < scale->count && mw_err(c) == MW_OK; i++)
        if (!isfinite(factor[i]))
            mw_fail(c, MW_E_FILE, "%s: tensor '%s' holds %g at position %lld", scale->file, scale->name,
                    (double)factor[i], (long long)i);
    int64_t high = g.rows / g.grid_rows, wide = g.columns / g.grid_columns;
    for (int64_t i = 0; i < weight->count && mw_err(c) == MW_OK; i++) {
        int64_t row = i / g.columns / high, column = i % g.columns / wide;
        values[i] *= factor[row * g.grid_columns + column];
    }
    free(factor);
    return mw_err(c);
}
