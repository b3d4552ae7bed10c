// case.c: a case folder: reading it, and what families ask of it.
#include "tests/golden_runner/runner.h"

#include "core/base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *golden_own(mw_ctx *c, golden_case *k, void *p)
{
    if (!p)
        return NULL;
    void **owned = mw_realloc(c, k->owned, (k->nowned + 1) * sizeof *owned);
    if (!owned) {
        free(p);
        return NULL;
    }
    k->owned = owned;
    return k->owned[k->nowned++] = p;
}

const char *golden_text(mw_ctx *c, golden_case *k, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (!mw_err(c) && vasprintf(&text, fmt, ap) < 0) {
        mw_fail(c, MW_E_MEMORY, "%s: out of memory", k->name);
        text = NULL;
    }
    va_end(ap);
    return golden_own(c, k, text);
}

const char *golden_path(mw_ctx *c, golden_case *k, const char *relative)
{
    return golden_text(c, k, "%s/%s", k->folder, relative);
}

// The last two parts of the folder's path, for cases that do not say their names.
static const char *name_of_folder(mw_ctx *c, golden_case *k)
{
    char *full = golden_own(c, k, realpath(k->folder, NULL));
    char *slash = full ? strrchr(full, '/') : NULL;
    while (slash && slash > full && slash[-1] != '/')
        slash--;
    return slash ? slash : k->folder;
}

// Texts may hold zero bytes. What fails otherwise is told by the parser of the program.
static json_t *load_json(mw_ctx *c, const char *path)
{
    size_t size;
    char *text = path ? mw_file_read(c, path, MW_JSON_MAX_BYTES, &size) : NULL;
    json_t *j = text ? json_loadb(text, size, JSON_ALLOW_NUL, NULL) : NULL;
    if (text && !j)
        j = mw_json_parse(c, text, size, path);
    free(text);
    return j;
}

static json_t *json_if_there(mw_ctx *c, golden_case *k, const char *name)
{
    const char *path = golden_path(c, k, name);
    return path && access(path, F_OK) == 0 ? load_json(c, path) : NULL;
}

static mw_st *tensors_if_there(mw_ctx *c, golden_case *k, const char *name)
{
    const char *path = golden_path(c, k, name);
    return path && access(path, F_OK) == 0 ? mw_st_open(c, path) : NULL;
}

mw_status golden_open(mw_ctx *c, golden_case *k, const char *folder, mw_dtype dtype)
{
    *k = (golden_case){.folder = folder, .dtype = dtype};
    const char *path = golden_path(c, k, "case.json");
    k->json = load_json(c, path);
    if (k->json && !json_is_object(k->json))
        mw_fail(c, MW_E_FILE, "%s: must hold a JSON object", path);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    const char *family = json_string_value(json_object_get(k->json, "family"));
    const char *name = json_string_value(json_object_get(k->json, "case"));
    k->name = family && name ? mw_format(c, "%s/%s", family, name) : mw_strdup(c, name_of_folder(c, k));
    k->op = mw_json_string(c, path, k->json, "op");
    if (!json_is_object(json_object_get(k->json, "params")))
        json_object_set_new(k->json, "params", json_object());
    k->params = json_object_get(k->json, "params");
    k->inputs = tensors_if_there(c, k, "inputs.safetensors");
    k->expected = tensors_if_there(c, k, "expected.safetensors");
    k->inputs_json = json_if_there(c, k, "inputs.json");
    k->expected_json = json_if_there(c, k, "expected.json");
    return mw_err(c);
}

void golden_close(golden_case *k)
{
    for (golden_result *r = k->results, *next; r; r = next) {
        next = r->next;
        free(r->bytes);
        free(r);
    }
    mw_st_close(k->inputs);
    mw_st_close(k->expected);
    json_decref(k->inputs_json);
    json_decref(k->expected_json);
    json_decref(k->actual_json);
    json_decref(k->json);
    for (size_t i = 0; i < k->nowned; i++)
        free(k->owned[i]);
    free(k->owned);
    free(k->name);
    *k = (golden_case){0};
}

const mw_st_entry *golden_wants(const golden_case *k, const char *name)
{
    return k->expected ? mw_st_find(k->expected, name) : NULL;
}

bool golden_has(const golden_case *k, const char *name) { return k->inputs && mw_st_find(k->inputs, name); }

const mw_st_entry *golden_input(mw_ctx *c, const golden_case *k, const char *name)
{
    if (mw_err(c))
        return NULL;
    const mw_st_entry *e = k->inputs ? mw_st_find(k->inputs, name) : NULL;
    if (!e)
        mw_fail(c, MW_E_FILE, "%s: inputs.safetensors has no '%s'", k->name, name);
    return e;
}

const float *golden_input_f32(mw_ctx *c, golden_case *k, const char *name)
{
    const mw_st_entry *e = golden_input(c, k, name);
    float *v = e ? golden_own(c, k, mw_alloc(c, (size_t)e->count * sizeof *v + 1)) : NULL;
    return v && mw_st_read_f32(c, e, v) == MW_OK ? v : NULL;
}

const int32_t *golden_input_i32(mw_ctx *c, golden_case *k, const char *name)
{
    const mw_st_entry *e = golden_input(c, k, name);
    double *wide = e ? golden_unpack(c, name, e->dtype, e->data, e->count) : NULL;
    int32_t *v = wide ? golden_own(c, k, golden_pack(c, name, MW_ST_I32, wide, e->count)) : NULL;
    free(wide);
    return v;
}

mw_tensor *golden_input_tensor(mw_ctx *c, golden_case *k, const char *name, mw_dtype dtype)
{
    const mw_st_entry *e = golden_input(c, k, name);
    if (!e)
        return NULL;
    if (dtype == MW_I32)
        return mw_tensor_from_i32(c, e->ndim, e->shape, golden_input_i32(c, k, name));
    return mw_tensor_from_f32(c, dtype, e->ndim, e->shape, golden_input_f32(c, k, name));
}

const char *golden_model(mw_ctx *c, golden_case *k, const char *part)
{
    const json_t *m = json_object_get(k->json, "model");
    if (part && json_is_object(m))
        m = json_object_get(m, part);
    if (!mw_err(c) && !json_is_string(m))
        mw_fail(c, MW_E_FILE, "%s: case.json names no model%s%s", k->name, part ? " for " : "",
                part ? part : "");
    return mw_err(c) ? NULL : golden_path(c, k, json_string_value(m));
}
