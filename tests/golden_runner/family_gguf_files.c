// family_gguf_files.c: ops gguf.dequantize, gguf.quantize, gguf.read: blocks to weights and back, what a file
// holds.
#include "tests/golden_runner/golden.h"

#include "core/io/gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- blocks

static bool type_named(const char *name, mw_ggml_type *out)
{
    for (uint32_t i = 0; i < 64; i++) {
        const mw_ggml_facts *f = mw_ggml_type_facts(i);
        if (f && !strcasecmp(f->name, name)) {
            *out = (mw_ggml_type)i;
            return true;
        }
    }
    return false;
}

// Rows of blocks under a type's name, to the weights under the same name.
static void dequantize(mw_ctx *c, golden_case *k, const mw_st_entry *e)
{
    mw_ggml_type type;
    if (e->ndim != 2 || !type_named(e->name, &type) || !mw_ggml_type_facts(type)->decodes)
        return;
    const mw_ggml_facts *f = mw_ggml_type_facts(type);
    int64_t shape[2] = {e->shape[0], e->shape[1] / f->bytes * f->block}, n = shape[0] * shape[1];
    float *v = mw_alloc(c, (size_t)n * sizeof *v + 1);
    if (v) {
        mw_ggml_decode(type, e->data, v, n);
        golden_give_f32(c, k, e->name, 2, shape, v);
    }
    free(v);
}

static mw_status run_dequantize(mw_ctx *c, golden_case *k)
{
    const mw_st_entry *e;
    for (size_t i = 0; k->inputs && (e = mw_st_at(k->inputs, i)); i++)
        dequantize(c, k, e);
    return mw_err(c);
}

static mw_status run_quantize(mw_ctx *c, golden_case *k)
{
    const mw_st_entry *x = golden_input(c, k, "x"), *e;
    const float *from = golden_input_f32(c, k, "x");
    for (size_t i = 0; from && (e = mw_st_at(k->expected, i)); i++) {
        mw_ggml_type type;
        if (!type_named(e->name, &type) || !mw_ggml_type_facts(type)->encodes)
            continue;
        const mw_ggml_facts *f = mw_ggml_type_facts(type);
        int64_t shape[2] = {x->shape[0], x->shape[1] / f->block * f->bytes}, n = shape[0] * shape[1];
        uint8_t *bytes = mw_alloc(c, (size_t)n + 1);
        int32_t *v = bytes ? mw_alloc(c, (size_t)n * sizeof *v + 1) : NULL;
        if (v)
            mw_ggml_encode(type, from, bytes, x->count);
        for (int64_t j = 0; v && j < n; j++)
            v[j] = bytes[j];
        if (v)
            golden_give_i32(c, k, e->name, 2, shape, v);
        free(v);
        free(bytes);
    }
    return mw_err(c);
}

// ---- a file's metadata, as the case writes it: numbers of 64 bits as texts

static json_t *item_json(const mw_gguf_value *v, uint64_t i)
{
    char number[32];
    size_t size;
    uint64_t whole;
    switch (v->kind) {
    case MW_GGUF_TEXT: {
        const char *text = mw_gguf_item_text(v, i, &size);
        return json_stringn(text, size);
    }
    case MW_GGUF_BOOL: return json_boolean(mw_gguf_item_int(v, i));
    case MW_GGUF_F32:
    case MW_GGUF_F64: return json_real(mw_gguf_item_number(v, i));
    case MW_GGUF_I64:
        snprintf(number, sizeof number, "%" PRId64, mw_gguf_item_int(v, i));
        return json_string(number);
    case MW_GGUF_U64:
        memcpy(&whole, v->data + i * sizeof whole, sizeof whole);
        snprintf(number, sizeof number, "%" PRIu64, whole);
        return json_string(number);
    default: return json_integer(mw_gguf_item_int(v, i));
    }
}

static const char *kind_name(mw_gguf_kind k)
{
    static const char *const names[MW_GGUF_KINDS] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                                     "int32",  "float32", "bool",   "string", "array",
                                                     "uint64", "int64",   "float64"};
    return names[k];
}

static json_t *value_json(const mw_gguf_value *v)
{
    if (!v->array)
        return json_pack("{s:s, s:o}", "type", kind_name(v->kind), "value", item_json(v, 0));
    json_t *list = json_array();
    for (uint64_t i = 0; i < v->count; i++)
        json_array_append_new(list, item_json(v, i));
    return json_pack("{s:s, s:s, s:o}", "type", "array", "item_type", kind_name(v->kind), "value", list);
}

static void check_values(mw_ctx *c, golden_case *k, const mw_gguf *g, json_t *want)
{
    const mw_gguf_value *v;
    size_t n = 0;
    for (; mw_err(c) == MW_OK && (v = mw_gguf_value_at(g, n)); n++) {
        json_t *got = value_json(v);
        if (!json_equal(got, json_object_get(want, v->key)))
            mw_fail(c, MW_E_NUMBER, "%s: %s: '%s' is another value or of another kind", k->name,
                    mw_gguf_path(g), v->key);
        json_decref(got);
    }
    if (mw_err(c) == MW_OK && n != json_object_size(want))
        mw_fail(c, MW_E_NUMBER, "%s: %s: %zu keys instead of %zu", k->name, mw_gguf_path(g), n,
                json_object_size(want));
}

// Tensors by name: type, place in the file, values.
static void check_tensor(mw_ctx *c, golden_case *k, const mw_gguf *g, const char *name, const json_t *want)
{
    const mw_gguf_tensor *t = mw_gguf_tensor_find(g, name);
    if (!t || strcmp(mw_ggml_type_facts(t->type)->name, json_string_value(json_object_get(want, "type")))) {
        mw_fail(c, MW_E_NUMBER, "%s: %s: tensor '%s' is missing or of another type", k->name, mw_gguf_path(g),
                name);
        return;
    }
    double *v = mw_alloc(c, (size_t)t->count * sizeof *v + 1);
    float *f = v ? mw_alloc(c, (size_t)t->count * sizeof *f + 1) : NULL;
    if (f)
        mw_ggml_decode(t->type, t->data, f, t->count);
    for (int64_t i = 0; f && i < t->count; i++) {
        v[i] = (double)f[i];
        if (t->type == MW_GGML_I64) { // an f32 would not hold it
            int64_t whole;
            memcpy(&whole, t->data + (size_t)i * sizeof whole, sizeof whole);
            v[i] = (double)whole;
        }
    }
    if (f)
        golden_give_f64(c, k, name, t->ndim, t->shape, v);
    free(f);
    free(v);
}

static mw_status run_read(mw_ctx *c, golden_case *k)
{
    const json_t *files = json_object_get(k->params, "files");
    json_t *tensors = json_object_get(k->params, "tensors"), *want;
    const char *name;
    for (size_t i = 0; i < json_array_size(files) && mw_err(c) == MW_OK; i++) {
        const char *path = golden_path(c, k, json_string_value(json_array_get(files, i)));
        mw_gguf *g = path ? mw_gguf_open(c, path) : NULL;
        if (!g)
            break;
        check_values(c, k, g, json_object_get(k->params, "kv"));
        json_object_foreach(tensors, name, want) check_tensor(c, k, g, name, want);
        mw_gguf_close(g);
    }
    return mw_err(c);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    if (!strcmp(k->op, "gguf.dequantize"))
        return run_dequantize(c, k);
    return !strcmp(k->op, "gguf.quantize") ? run_quantize(c, k) : run_read(c, k);
}

const golden_family golden_gguf_files = {{"gguf.dequantize", "gguf.quantize", "gguf.read"}, false, run};
