// vectors.c: one vector for each of many texts: the value, and the file that an output writes of it.
#include "core/graph/vectors.h"

#include "core/base/half.h"
#include "core/graph/value_json.h"
#include "core/io/safetensors.h"

#include <stdlib.h>

mw_value *mw_vectors_make(mw_ctx *c, mw_value *captions, mw_tensor *vectors)
{
    mw_value *v = mw_value_map(c);
    mw_value_set(c, v, "captions", captions);
    mw_value_set(c, v, "vectors", mw_value_tensor(c, vectors));
    if (mw_err(c) == MW_OK)
        return v;
    mw_value_release(v);
    return NULL;
}

mw_status mw_vectors_write(mw_ctx *c, const char *path, const mw_value *vectors)
{
    const mw_tensor *t = mw_value_as_tensor(mw_value_get(vectors, "vectors"));
    if (!t || mw_err(c) != MW_OK)
        return mw_err(c);
    size_t n = (size_t)mw_numel(t);
    bool half = t->dtype == MW_F16;
    float *values = mw_alloc(c, n * sizeof *values + 1);
    uint16_t *halves = half ? mw_alloc(c, n * sizeof *halves + 1) : NULL;
    char *captions = mw_value_to_json(c, mw_value_get(vectors, "captions"), 0);
    if (values && captions && mw_tensor_read_f32(c, t, values) == MW_OK && halves)
        mw_floats_to_halves(values, halves, n);
    mw_st_out out = {"vectors", half ? MW_ST_F16 : MW_ST_F32, t->ndim, t->shape,
                     half ? (void *)halves : values};
    const char *metadata[] = {"captions", captions, NULL};
    if (mw_err(c) == MW_OK)
        mw_st_write(c, path, &out, 1, metadata);
    free(captions);
    free(halves);
    free(values);
    return mw_err(c);
}
