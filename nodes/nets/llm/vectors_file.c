// vectors_file.c: reads files of one vector for each of many texts.
#include "nodes/nets/llm/vectors_file.h"

#include "core/base/text.h"
#include "core/graph/value_json.h"
#include "core/io/file_kind.h"
#include "core/io/safetensors.h"
#include "core/io/torch_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WIDEST = 1 << 20 };

typedef struct {
    mw_ctx *c;
    const char *path;
    mw_st *st; // one of the two
    mw_pt *pt;
    size_t n;      // vectors
    int64_t width; // of each
    bool halves;   // all are f16
    float *values; // [n,width]
} job;

// A tensor of either kind of file.
typedef struct {
    const char *name;
    mw_st_dtype dtype;
    int ndim;
    const int64_t *shape;
} source;

static bool at(const job *j, size_t i, source *out)
{
    const mw_st_entry *e = j->st ? mw_st_at(j->st, i) : NULL;
    const mw_pt_tensor *t = j->pt ? mw_pt_at(j->pt, i) : NULL;
    if (e)
        *out = (source){e->name, e->dtype, e->ndim, e->shape};
    else if (t)
        *out = (source){t->name, t->dtype, t->ndim, t->shape};
    return e || t;
}

static bool is_float(mw_st_dtype d)
{
    return d == MW_ST_F16 || d == MW_ST_BF16 || d == MW_ST_F32 || d == MW_ST_F64;
}

static mw_status bad_vector(const job *j, const source *s, const char *what)
{
    char shown[100];
    return mw_fail(j->c, MW_E_FILE, "%s: '%s' %s", j->path, mw_printable(s->name, shown, sizeof shown), what);
}

// Vector i: [width] or [1,width].
static mw_status check_one(job *j, size_t i, const source *s)
{
    char why[160];
    bool one = s->ndim == 1 || (s->ndim == 2 && s->shape[0] == 1);
    int64_t width = one ? s->shape[s->ndim - 1] : 0;
    if (!is_float(s->dtype) || !one || width < 1 || width > WIDEST) {
        snprintf(why, sizeof why,
                 "holds no vector: floats of 1 dimension and up to %d entries are expected, got %d "
                 "dimensions of %s",
                 WIDEST, s->ndim, mw_st_dtype_name(s->dtype));
        return bad_vector(j, s, why);
    }
    if (i && width != j->width) {
        snprintf(why, sizeof why, "is a vector of %lld, where those before it are of %lld", (long long)width,
                 (long long)j->width);
        return bad_vector(j, s, why);
    }
    j->width = width;
    j->halves = (!i || j->halves) && s->dtype == MW_ST_F16;
    return MW_OK;
}

// What is to be held is justified by the file; tensors of a .pt may share bytes.
static void check_size(job *j)
{
    struct stat st;
    if (mw_err(j->c) == MW_OK && stat(j->path, &st) == 0 &&
        (double)j->n * (double)j->width > 4.0 * (double)st.st_size)
        mw_fail(j->c, MW_E_FILE, "%s: %zu vectors of %lld are more than a file of %lld bytes can mean",
                j->path, j->n, (long long)j->width, (long long)st.st_size);
}

static void check_plain(const job *j)
{
    char shown[100];
    const mw_pt_plain *p = j->pt ? mw_pt_plain_at(j->pt, 0) : NULL;
    const mw_pt_tensor *t;
    if (p)
        mw_fail(j->c, MW_E_FILE, "%s: '%s' is no vector", j->path,
                mw_printable(p->name, shown, sizeof shown));
    for (size_t i = 0; j->pt && !mw_err(j->c) && (t = mw_pt_at(j->pt, i)); i++)
        if (t->depth != 1)
            mw_fail(j->c, MW_E_FILE,
                    "%s: must be a dict of texts and vectors, '%s' lies deeper or in no dict", j->path,
                    mw_printable(t->name, shown, sizeof shown));
}

static void read_one(job *j, size_t i)
{
    source s;
    float *out = j->values + i * (size_t)j->width;
    if (j->st)
        mw_st_read_f32(j->c, mw_st_at(j->st, i), out);
    else
        mw_pt_read_f32(j->c, j->pt, mw_pt_at(j->pt, i), out);
    at(j, i, &s);
    for (int64_t k = 0; k < j->width && !mw_err(j->c); k++)
        if (!isfinite(out[k]))
            bad_vector(j, &s, "holds numbers that are not finite");
}

// A tensor for each text.
static mw_value *read_each(job *j)
{
    source s;
    mw_value *captions = mw_value_list(j->c);
    check_plain(j);
    for (; !mw_err(j->c) && at(j, j->n, &s); j->n++)
        if (check_one(j, j->n, &s) == MW_OK)
            mw_value_push(j->c, captions, mw_value_text(j->c, s.name, strlen(s.name)));
    if (!j->n)
        mw_fail(j->c, MW_E_FILE, "%s: there are no vectors in it", j->path);
    check_size(j);
    if (mw_err(j->c) == MW_OK)
        j->values = mw_alloc(j->c, j->n * (size_t)j->width * sizeof *j->values);
    for (size_t i = 0; j->values && i < j->n && !mw_err(j->c); i++)
        read_one(j, i);
    return captions;
}

static bool all_texts(const mw_value *list)
{
    for (size_t i = 0; i < mw_value_count(list); i++)
        if (mw_value_kind(mw_value_at(list, i)) != MW_TEXT)
            return false;
    return mw_value_kind(list) == MW_LIST;
}

// One tensor, and the texts in the metadata.
static mw_value *read_written(job *j, const mw_st_entry *e, const char *json)
{
    mw_value *captions = mw_value_from_json(j->c, j->path, json, strlen(json));
    if (mw_err(j->c) == MW_OK &&
        (e->ndim != 2 || !is_float(e->dtype) || !all_texts(captions) ||
         (size_t)e->shape[0] != mw_value_count(captions) || e->count < 1))
        mw_fail(j->c, MW_E_FILE,
                "%s: 'vectors' must be [N,D] floats, and the metadata 'captions' a list of N texts", j->path);
    if (mw_err(j->c) != MW_OK)
        return captions;
    j->n = (size_t)e->shape[0];
    j->width = e->shape[1];
    j->halves = e->dtype == MW_ST_F16;
    j->values = mw_alloc(j->c, (size_t)e->count * sizeof *j->values);
    if (j->values)
        mw_st_read_f32(j->c, e, j->values);
    for (int64_t i = 0; j->values && i < e->count && !mw_err(j->c); i++)
        if (!isfinite(j->values[i]))
            mw_fail(j->c, MW_E_FILE, "%s: 'vectors' holds numbers that are not finite", j->path);
    return captions;
}

static mw_value *read_all(job *j)
{
    mw_ctx *c = j->c;
    const mw_st_entry *whole = j->st ? mw_st_find(j->st, "vectors") : NULL;
    const char *json = whole ? mw_st_metadata(j->st, "captions") : NULL;
    mw_value *captions = json ? read_written(j, whole, json) : read_each(j), *v = NULL;
    mw_scope_begin(c);
    if (mw_err(c) == MW_OK)
        v = mw_vectors_make(c, mw_value_retain(captions),
                            mw_tensor_from_f32(c, j->halves ? MW_F16 : MW_F32, 2,
                                               (int64_t[]){(int64_t)j->n, j->width}, j->values));
    mw_scope_end(c, NULL);
    mw_value_release(captions);
    return v;
}

mw_value *mw_vectors_read(mw_ctx *c, const char *path)
{
    job j = {.c = c, .path = path};
    const char *kind = mw_file_kind_at(c, path);
    if (mw_err(c) == MW_OK && mw_file_kind_is_torch(kind))
        j.pt = mw_pt_open(c, path);
    else if (mw_err(c) == MW_OK)
        j.st = mw_st_open(c, path);
    mw_value *v = mw_err(c) == MW_OK ? read_all(&j) : NULL;
    mw_st_close(j.st);
    mw_pt_close(j.pt);
    free(j.values);
    return v;
}
