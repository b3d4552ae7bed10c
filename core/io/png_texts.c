// png_texts.c: reads the texts of a PNG: tEXt, zTXt and iTXt chunks.
#include "core/io/image_internal.h"

#include "core/base/file.h"

#include <stdlib.h>
#include <utf8proc.h>
#include <zlib.h>

// Compressed texts may grow to this, all texts of a file together to four times as much.
#define MAX_TEXT ((size_t)16 << 20)
#define MAX_TEXTS 1000

// A value as bytes: where it lies in the chunk, and how it is to be understood.
typedef struct {
    const uint8_t *data;
    size_t size, key_size;
    bool packed, utf8;
} value;

// Finds key and value of a text chunk; false when its fields are not whole. A text without a zero is a key.
static bool split(const mw_png_chunk *chunk, value *v)
{
    const uint8_t *p = chunk->size ? memchr(chunk->data, 0, chunk->size) : NULL,
                  *end = chunk->data + chunk->size;
    v->utf8 = !strcmp(chunk->type, "iTXt");
    v->packed = !strcmp(chunk->type, "zTXt");
    v->key_size = p ? (size_t)(p - chunk->data) : chunk->size;
    if (!p) {
        *v = (value){.data = end, .key_size = v->key_size};
        return true;
    }
    p++;
    if (v->utf8) {
        if (end - p < 2 || p[0] > 1 || p[1])
            return false;
        v->packed = p[0];
        p += 2;
        // A language and a translated key, both ended by a zero.
        for (int i = 0; i < 2; i++) {
            p = memchr(p, 0, (size_t)(end - p));
            if (!p)
                return false;
            p++;
        }
    } else if (v->packed && (p == end || *p++)) {
        return false;
    }
    v->data = p;
    v->size = (size_t)(end - p);
    return true;
}

// The bytes of a packed value, free() them; NULL when they can't be inflated or are too many.
static uint8_t *unpack(mw_ctx *c, value *v)
{
    size_t room = v->size < MAX_TEXT / 8 ? v->size * 8 + 64 : MAX_TEXT;
    for (;; room = room < MAX_TEXT / 4 ? room * 4 : MAX_TEXT) {
        uint8_t *out = mw_alloc(c, room);
        uLongf n = (uLongf)room;
        int status = out ? uncompress(out, &n, v->data, (uLong)v->size) : Z_MEM_ERROR;
        if (status == Z_OK) {
            v->data = out;
            v->size = n;
            return out;
        }
        free(out);
        if (status != Z_BUF_ERROR || room == MAX_TEXT)
            return NULL;
    }
}

// Bytes as UTF-8: Latin-1 is made such; in what is to be UTF-8, zeros and wrong bytes become U+FFFD.
static char *put(char *to, const uint8_t *data, size_t size, bool utf8)
{
    for (size_t i = 0, n; i < size; i += n) {
        utf8proc_int32_t point = data[i];
        utf8proc_ssize_t m = utf8 ? utf8proc_iterate(data + i, (utf8proc_ssize_t)(size - i), &point) : 1;
        if (m <= 0 || !point)
            point = 0xFFFD;
        n = m > 0 ? (size_t)m : 1;
        to += utf8proc_encode_char(point, (utf8proc_uint8_t *)to);
    }
    return to;
}

bool mw_png_is_text(const mw_png_chunk *chunk)
{
    return !strcmp(chunk->type, "tEXt") || !strcmp(chunk->type, "zTXt") || !strcmp(chunk->type, "iTXt");
}

bool mw_png_read_text(mw_ctx *c, const mw_png_chunk *chunk, mw_png_text *out)
{
    value v = {0};
    if (!split(chunk, &v))
        return false;
    uint8_t *unpacked = v.packed ? unpack(c, &v) : NULL;
    char *block =
        (unpacked || !v.packed) && v.size <= MAX_TEXT ? mw_alloc(c, 3 * (v.key_size + v.size) + 2) : NULL;
    if (block) {
        out->key = block;
        out->value = put(block, chunk->data, v.key_size, false) + 1;
        put((char *)(uintptr_t)out->value, v.data, v.size, v.utf8);
    }
    free(unpacked);
    return block;
}

mw_png_text *mw_png_texts(mw_ctx *c, const char *path, size_t *n)
{
    mw_mapping m;
    mw_png_chunk chunk = {0};
    mw_png_text *texts = NULL;
    size_t at = 8, total = 0;
    *n = 0;
    if (!mw_file_map(c, path, &m))
        return NULL;
    bool png = m.size >= 8 && !memcmp(m.data, MW_PNG_SIGNATURE, 8);
    while (png && strcmp(chunk.type, "IEND") && mw_png_next(c, path, m.data, m.size, &at, &chunk)) {
        mw_png_text text;
        if (!mw_png_is_text(&chunk))
            continue;
        if (!texts)
            texts = mw_alloc(c, MAX_TEXTS * sizeof *texts);
        bool read = texts && *n < MAX_TEXTS && total <= 4 * MAX_TEXT && mw_png_read_text(c, &chunk, &text);
        if (mw_err(c) != MW_OK)
            break;
        if (!read) {
            mw_warn(c, "%s: a %s chunk can't be read or is too long; it is left out", path, chunk.type);
            continue;
        }
        total += strlen(text.value);
        texts[(*n)++] = text;
    }
    mw_file_unmap(&m);
    if (mw_err(c) == MW_OK && *n)
        return texts;
    mw_png_texts_free(texts, *n);
    *n = 0;
    return NULL;
}

void mw_png_texts_free(mw_png_text *texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        free((char *)(uintptr_t)texts[i].key);
    free(texts);
}
