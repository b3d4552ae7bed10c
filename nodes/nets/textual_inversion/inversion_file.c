// inversion_file.c: the vectors of a textual inversion from the files that hold them.
#include "nodes/nets/textual_inversion/inversion_file.h"

#include "core/base/pathname.h"
#include "core/base/text.h"
#include "core/io/file_kind.h"
#include "core/io/safetensors.h"
#include "core/io/torch_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A tensor of either kind of file.
typedef struct {
    const char *name;
    mw_st_dtype dtype;
    int ndim;
    const int64_t *shape;
    const mw_st_entry *st;
    const mw_pt_tensor *pt;
} source;

typedef struct {
    mw_ctx *c;
    mw_inversion_file *out;
    mw_st *st; // one of the two
    mw_pt *pt;
} job;

static size_t count(const job *j) { return j->st ? mw_st_count(j->st) : mw_pt_count(j->pt); }

static source at(const job *j, size_t i)
{
    if (j->st) {
        const mw_st_entry *e = mw_st_at(j->st, i);
        return (source){e->name, e->dtype, e->ndim, e->shape, e, NULL};
    }
    const mw_pt_tensor *t = mw_pt_at(j->pt, i);
    return (source){t->name, t->dtype, t->ndim, t->shape, NULL, t};
}

static bool is_float(mw_st_dtype d)
{
    return d == MW_ST_F16 || d == MW_ST_BF16 || d == MW_ST_F32 || d == MW_ST_F64;
}

// One vector, or a list of them.
static mw_status read_rows(const job *j, source s, mw_inversion_rows *out)
{
    char shown[80];
    const char *path = j->out->path;
    mw_printable(s.name, shown, sizeof shown);
    int64_t n = s.ndim == 2 ? s.shape[0] : 1, width = s.ndim ? s.shape[s.ndim - 1] : 0;
    if (!is_float(s.dtype) || s.ndim < 1 || s.ndim > 2 || n < 1 || width < 1 || width > 1 << 16)
        return mw_fail(j->c, MW_E_FILE,
                       "%s: tensor '%s' holds no vectors of tokens: [width] or [count, width] of floats is "
                       "expected, got %d dimensions of %s",
                       path, shown, s.ndim, mw_st_dtype_name(s.dtype));
    if (n > MW_INVERSION_MAX)
        return mw_fail(j->c, MW_E_FILE, "%s: tensor '%s' holds %lld vectors, but a text has room for %d",
                       path, shown, (long long)n, MW_INVERSION_MAX);
    *out = (mw_inversion_rows){mw_alloc(j->c, (size_t)(n * width) * sizeof(float)), (int)n, (int)width};
    if (!out->values)
        return mw_err(j->c);
    if (s.st)
        mw_st_read_f32(j->c, s.st, out->values);
    else
        mw_pt_read_f32(j->c, j->pt, s.pt, out->values);
    for (int64_t i = 0; i < n * width && !mw_err(j->c); i++)
        if (!isfinite(out->values[i]))
            mw_fail(j->c, MW_E_FILE, "%s: tensor '%s' holds %g at position %lld", path, shown,
                    (double)out->values[i], (long long)i);
    return mw_err(j->c);
}

static mw_status name_token(const job *j, const char *token)
{
    j->out->token = mw_strdup(j->c, token);
    return mw_err(j->c);
}

// stable-diffusion-webui's own: { string_to_param = { "*": vectors }, name, ... }
static mw_status read_webui(const job *j, size_t i)
{
    const mw_pt_plain *name = mw_pt_find_plain(j->pt, "name");
    if (name && name->kind == MW_PT_TEXT && *name->text)
        name_token(j, name->text);
    return read_rows(j, at(j, i), &j->out->rows[0]);
}

static mw_status read_tensors(const job *j)
{
    static const char param[] = "string_to_param.";
    size_t n = count(j), found = SIZE_MAX, of_param = 0;
    char shown[80];
    for (size_t i = 0; i < n; i++) {
        const char *name = at(j, i).name;
        int which = strcmp(name, "clip_l") == 0 ? 0 : strcmp(name, "clip_g") == 0 ? 1 : -1;
        if (which >= 0 && n <= 2) {
            j->out->sdxl = true;
            if (read_rows(j, at(j, i), &j->out->rows[which]) != MW_OK)
                return mw_err(j->c);
        }
        if (j->pt && strncmp(name, param, sizeof param - 1) == 0) {
            found = i;
            of_param++;
        }
    }
    if (j->out->sdxl && j->out->rows[0].n + j->out->rows[1].n > 0 &&
        n == (size_t)(j->out->rows[0].n > 0) + (size_t)(j->out->rows[1].n > 0))
        return MW_OK;
    if (of_param == 1)
        return read_webui(j, found);
    if (n != 1)
        return mw_fail(j->c, MW_E_FILE,
                       "%s: is no textual inversion: one tensor is expected, or clip_l and clip_g, or "
                       "string_to_param, got %zu tensors%s%s",
                       j->out->path, n, n ? ", first " : "",
                       n ? mw_printable(at(j, 0).name, shown, sizeof shown) : "");
    source s = at(j, 0);
    if (s.pt && s.pt->depth > 1)
        return mw_fail(j->c, MW_E_FILE, "%s: is no textual inversion: its only tensor is '%s'", j->out->path,
                       mw_printable(s.name, shown, sizeof shown));
    if (*s.name && strcmp(s.name, "emb_params") != 0)
        name_token(j, s.name);
    return read_rows(j, s, &j->out->rows[0]);
}

// The file itself, or that of a folder; free() it.
static char *file_of(mw_ctx *c, const char *path)
{
    static const char *const names[] = {"learned_embeds.safetensors", "learned_embeds.bin"};
    if (!mw_path_is_folder(path))
        return mw_strdup(c, path);
    for (int i = 0; i < 2; i++) {
        char *file = mw_path_join(c, path, names[i]);
        if (file && mw_path_exists(file))
            return file;
        free(file);
    }
    mw_fail(c, MW_E_FILE, "%s: a folder without %s or %s", path, names[0], names[1]);
    return NULL;
}

mw_status mw_inversion_read(mw_ctx *c, const char *path, mw_inversion_file *out)
{
    *out = (mw_inversion_file){0};
    job j = {.c = c, .out = out};
    out->path = mw_err(c) == MW_OK ? file_of(c, path) : NULL;
    if (!out->path)
        return mw_err(c);
    const char *kind = mw_file_kind_at(c, out->path);
    if (mw_file_kind_is_torch(kind))
        j.pt = mw_pt_open(c, out->path);
    else if (kind)
        mw_fail(c, MW_E_FILE, "%s: is no textual inversion but %s", out->path, kind);
    else if (mw_err(c) == MW_OK)
        j.st = mw_st_open(c, out->path);
    if (j.st || j.pt)
        read_tensors(&j);
    mw_st_close(j.st);
    mw_pt_close(j.pt);
    return mw_err(c);
}

void mw_inversion_free(mw_inversion_file *e)
{
    free(e->path);
    free(e->token);
    free(e->rows[0].values);
    free(e->rows[1].values);
    *e = (mw_inversion_file){0};
}
