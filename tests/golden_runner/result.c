// result.c: what families give.
#include "tests/golden_runner/runner.h"

#include <stdlib.h>
#include <string.h>

static int64_t count_of(int ndim, const int64_t *shape)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    return n;
}

// The result of that name: the one given before, emptied, or a new one.
static golden_result *result_of(mw_ctx *c, golden_case *k, const mw_st_entry *want)
{
    golden_result *r = k->results;
    while (r && r->want != want)
        r = r->next;
    if (r) {
        free(r->bytes);
        r->bytes = NULL;
    } else if ((r = mw_alloc(c, sizeof *r))) {
        r->want = want;
        r->next = k->results;
        k->results = r;
    }
    return r;
}

mw_status golden_give_f64(mw_ctx *c, golden_case *k, const char *name, int ndim, const int64_t *shape,
                          const double *v)
{
    const mw_st_entry *want = golden_wants(k, name);
    if (mw_err(c) || !want)
        return mw_err(c);
    if (ndim > GOLDEN_MAXDIM)
        return mw_fail(c, MW_E_SHAPE, "%s: '%s' has %d dimensions", k->name, name, ndim);
    golden_result *r = result_of(c, k, want);
    if (!r)
        return mw_err(c);
    r->ndim = ndim;
    memcpy(r->shape, shape, (size_t)ndim * sizeof *shape);
    r->count = count_of(ndim, shape);
    r->bytes = golden_pack(c, name, want->dtype, v, r->count);
    return mw_err(c);
}

// GIVE_AS: the same from another type, by way of doubles.
#define GIVE_AS                                                                                              \
    int64_t n = count_of(ndim, shape);                                                                       \
    double *wide = !mw_err(c) && golden_wants(k, name) ? mw_alloc(c, (size_t)n * sizeof *wide + 1) : NULL;   \
    for (int64_t i = 0; wide && i < n; i++)                                                                  \
        wide[i] = (double)v[i];                                                                              \
    if (wide)                                                                                                \
        golden_give_f64(c, k, name, ndim, shape, wide);                                                      \
    free(wide);                                                                                              \
    return mw_err(c)

mw_status golden_give_f32(mw_ctx *c, golden_case *k, const char *name, int ndim, const int64_t *shape,
                          const float *v)
{
    GIVE_AS;
}

mw_status golden_give_i32(mw_ctx *c, golden_case *k, const char *name, int ndim, const int64_t *shape,
                          const int32_t *v)
{
    GIVE_AS;
}

mw_status golden_give_tensor(mw_ctx *c, golden_case *k, const char *name, const mw_tensor *t)
{
    if (!t || !golden_wants(k, name))
        return mw_err(c);
    void *v = mw_alloc(c, (size_t)mw_numel(t) * 4 + 1);
    if (v && t->dtype == MW_I32 && mw_tensor_read_i32(c, t, v) == MW_OK)
        golden_give_i32(c, k, name, t->ndim, t->shape, v);
    else if (v && t->dtype != MW_I32 && mw_tensor_read_f32(c, t, v) == MW_OK)
        golden_give_f32(c, k, name, t->ndim, t->shape, v);
    free(v);
    return mw_err(c);
}

mw_status golden_give_json(mw_ctx *c, golden_case *k, json_t *actual)
{
    json_decref(k->actual_json);
    k->actual_json = actual;
    return mw_err(c);
}

void golden_expect_json(golden_case *k, json_t *expected)
{
    json_decref(k->expected_json);
    k->expected_json = expected;
}
