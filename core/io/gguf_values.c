// gguf_values.c: metadata of a GGUF file by key, checked for kind and range.
#include "core/io/gguf_internal.h"

#include "core/base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mw_status mw_gguf_fail_at(mw_ctx *c, const mw_gguf *g, const char *key, const char *file, int line,
                          const char *fmt, ...)
{
    char why[400], shown[100];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return mw_fail_at(c, MW_E_FILE, file, line, "%s: '%s': %s", g->path,
                      mw_printable(key, shown, sizeof shown), why);
}

// ---- items

static bool is_whole(const mw_gguf_value *v)
{
    return v->kind != MW_GGUF_TEXT && v->kind != MW_GGUF_F32 && v->kind != MW_GGUF_F64 &&
        v->kind != MW_GGUF_BOOL;
}

const char *mw_gguf_item_text(const mw_gguf_value *v, uint64_t i, size_t *size)
{
    uint64_t n = 0;
    *size = 0;
    if (v->kind != MW_GGUF_TEXT)
        return "";
    const uint8_t *text = v->data + (v->at ? v->at[i] : 0);
    memcpy(&n, text, sizeof n);
    *size = (size_t)n;
    return (const char *)text + sizeof n;
}

int64_t mw_gguf_item_int(const mw_gguf_value *v, uint64_t i)
{
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
    } x;
    size_t bytes = mw_gguf_kind_bytes(v->kind);
    memcpy(&x, v->data + i * bytes, bytes);
    switch (v->kind) {
    case MW_GGUF_U8:
    case MW_GGUF_BOOL: return x.u8;
    case MW_GGUF_I8: return x.i8;
    case MW_GGUF_U16: return x.u16;
    case MW_GGUF_I16: return x.i16;
    case MW_GGUF_U32: return x.u32;
    case MW_GGUF_I32: return x.i32;
    case MW_GGUF_U64: return x.u64 > INT64_MAX ? INT64_MAX : (int64_t)x.u64;
    case MW_GGUF_I64: return x.i64;
    default: return 0;
    }
}

double mw_gguf_item_number(const mw_gguf_value *v, uint64_t i)
{
    float f;
    double d;
    if (v->kind == MW_GGUF_F32) {
        memcpy(&f, v->data + i * sizeof f, sizeof f);
        return (double)f;
    }
    if (v->kind != MW_GGUF_F64)
        return (double)mw_gguf_item_int(v, i);
    memcpy(&d, v->data + i * sizeof d, sizeof d);
    return d;
}

// ---- as text

static void put_item(const mw_gguf_value *v, uint64_t i, FILE *out)
{
    char shown[400];
    size_t size;
    uint64_t whole;
    if (v->kind == MW_GGUF_TEXT) {
        const char *text = mw_gguf_item_text(v, i, &size);
        fprintf(out, "\"%s\"", mw_printable_n(text, size, shown, sizeof shown));
    } else if (v->kind == MW_GGUF_BOOL) {
        fputs(mw_gguf_item_int(v, i) ? "true" : "false", out);
    } else if (v->kind == MW_GGUF_U64) {
        memcpy(&whole, v->data + i * sizeof whole, sizeof whole);
        fprintf(out, "%llu", (unsigned long long)whole);
    } else if (is_whole(v)) {
        fprintf(out, "%lld", (long long)mw_gguf_item_int(v, i));
    } else {
        fprintf(out, "%.*g", v->kind == MW_GGUF_F32 ? 8 : 16, mw_gguf_item_number(v, i));
    }
}

void mw_gguf_print(const mw_gguf_value *v, FILE *out)
{
    enum { SHOWN = 6 };
    if (!v->array) {
        put_item(v, 0, out);
        return;
    }
    fputc('[', out);
    for (uint64_t i = 0; i < v->count && i < SHOWN; i++) {
        fputs(i ? ", " : "", out);
        put_item(v, i, out);
    }
    fputs(v->count > SHOWN ? ", ...]" : "]", out);
    if (v->count > SHOWN)
        fprintf(out, " (%llu)", (unsigned long long)v->count);
}

// ---- single values

// The value of `key` was to be something else.
static void wrong(mw_ctx *c, const mw_gguf *g, const mw_gguf_value *v, const char *must)
{
    char *text = NULL, shown[100];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        mw_gguf_print(v, out);
        fclose(out);
    }
    mw_gguf_fail(c, g, v->key, "must be %s, got %s%s%s", must, mw_gguf_kind_name(v->kind),
                 v->array ? "s " : " ", text ? mw_printable(text, shown, sizeof shown) : "");
    free(text);
}

static void missing(mw_ctx *c, const mw_gguf *g, const char *key, const char *must)
{
    mw_gguf_fail(c, g, key, "is missing; it must be %s", must);
}

static void int_must(char *buf, size_t size, int64_t low, int64_t high)
{
    snprintf(buf, size, "a whole number from %lld to %lld", (long long)low, (long long)high);
}

static void number_must(char *buf, size_t size, double low, double high)
{
    snprintf(buf, size, "a number from %g to %g", low, high);
}

int64_t mw_gguf_int(mw_ctx *c, const mw_gguf *g, const char *key, int64_t def, int64_t low, int64_t high)
{
    char must[80];
    const mw_gguf_value *v = mw_gguf_find(g, key);
    if (!v)
        return def;
    int64_t x = is_whole(v) && !v->array ? mw_gguf_item_int(v, 0) : 0;
    if (is_whole(v) && !v->array && x >= low && x <= high)
        return x;
    int_must(must, sizeof must, low, high);
    wrong(c, g, v, must);
    return def;
}

double mw_gguf_number(mw_ctx *c, const mw_gguf *g, const char *key, double def, double low, double high)
{
    char must[80];
    const mw_gguf_value *v = mw_gguf_find(g, key);
    if (!v)
        return def;
    bool number = v->kind != MW_GGUF_TEXT && v->kind != MW_GGUF_BOOL && !v->array;
    double x = number ? mw_gguf_item_number(v, 0) : NAN;
    if (x >= low && x <= high)
        return x;
    number_must(must, sizeof must, low, high);
    wrong(c, g, v, must);
    return def;
}

bool mw_gguf_bool(mw_ctx *c, const mw_gguf *g, const char *key, bool def)
{
    const mw_gguf_value *v = mw_gguf_find(g, key);
    if (v && v->kind == MW_GGUF_BOOL && !v->array)
        return mw_gguf_item_int(v, 0);
    if (v)
        wrong(c, g, v, "true or false");
    return def;
}

const char *mw_gguf_text(mw_ctx *c, const mw_gguf *g, const char *key, const char *def, size_t *size)
{
    const mw_gguf_value *v = mw_gguf_find(g, key);
    size_t n = def ? strlen(def) : 0;
    const char *text = def;
    if (v && v->kind == MW_GGUF_TEXT && !v->array) {
        mw_gguf_item_text(v, 0, &n);
        text = v->key + strlen(v->key) + 1;
    } else if (v) {
        wrong(c, g, v, "a text");
    }
    if (size)
        *size = n;
    return text;
}

int64_t mw_gguf_need_int(mw_ctx *c, const mw_gguf *g, const char *key, int64_t low, int64_t high)
{
    char must[80];
    int_must(must, sizeof must, low, high);
    if (!mw_gguf_find(g, key))
        missing(c, g, key, must);
    return mw_gguf_int(c, g, key, low, low, high);
}

double mw_gguf_need_number(mw_ctx *c, const mw_gguf *g, const char *key, double low, double high)
{
    char must[80];
    number_must(must, sizeof must, low, high);
    if (!mw_gguf_find(g, key))
        missing(c, g, key, must);
    return mw_gguf_number(c, g, key, 0, low, high);
}

const char *mw_gguf_need_text(mw_ctx *c, const mw_gguf *g, const char *key)
{
    if (!mw_gguf_find(g, key))
        missing(c, g, key, "a text");
    return mw_gguf_text(c, g, key, "", NULL);
}

const mw_gguf_value *mw_gguf_array(mw_ctx *c, const mw_gguf *g, const char *key, mw_gguf_items kind)
{
    static const char *const must[] = {[MW_GGUF_TEXTS] = "an array of texts",
                                       [MW_GGUF_INTS] = "an array of whole numbers",
                                       [MW_GGUF_NUMBERS] = "an array of numbers"};
    const mw_gguf_value *v = mw_gguf_find(g, key);
    bool text = v && v->kind == MW_GGUF_TEXT, whole = v && (is_whole(v) || v->kind == MW_GGUF_BOOL);
    bool good = v && v->array &&
        (kind == MW_GGUF_TEXTS      ? text
             : kind == MW_GGUF_INTS ? whole
                                    : !text && v->kind != MW_GGUF_BOOL);
    if (v && !good)
        wrong(c, g, v, must[kind]);
    return good ? v : NULL;
}
