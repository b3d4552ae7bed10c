// png_write.c: a PNG made by stb_image_write, with texts put in behind its header.
#include "core/io/image_internal.h"

#include "core/base/file.h"

#include <stdlib.h>
#include <utf8proc.h>
#include <zlib.h>

#include <stb/stb_image_write.h>

// Signature and header chunk: texts come behind them.
#define HEAD_SIZE 33

// Longer texts are compressed, unless they are beyond what common readers inflate.
#define COMPRESS_FROM 2048
#define COMPRESS_TO (1 << 20)

// Turns UTF-8 into Latin-1 in `to` (as long as text); -1 when a character has no place there.
static long to_latin1(const char *text, size_t n, uint8_t *to)
{
    long length = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t m =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n - i), &point);
        if (m <= 0 || point > 255)
            return -1;
        to[length++] = (uint8_t)point;
        i += (size_t)m;
    }
    return length;
}

static bool good_key(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++)
        if (key[i] < 32 || key[i] > 126)
            return false;
    return n >= 1 && n <= 79 && key[0] != ' ' && key[n - 1] != ' ';
}

// One text as a chunk, appended to the block *out of *size bytes.
static void append_text(mw_ctx *c, const mw_png_text *text, uint8_t **out, size_t *size)
{
    size_t key = strlen(text->key), n = strlen(text->value), room = compressBound((uLong)n) + key + 16;
    if (!good_key(text->key) || room > INT32_MAX) {
        mw_fail(c, MW_E_ARG,
                "a picture's text needs a name of 1 to 79 printable ASCII characters, got '%.100s'",
                text->key);
        return;
    }
    uint8_t *body = mw_alloc(c, room), *latin1 = mw_alloc(c, n);
    uint8_t *grown = body && latin1 ? mw_realloc(c, *out, *size + room + 12) : NULL;
    if (grown) {
        *out = grown;
        long latin1_size = to_latin1(text->value, n, latin1);
        bool wide = latin1_size < 0, pack = n >= COMPRESS_FROM && n <= COMPRESS_TO;
        const uint8_t *value = wide ? (const uint8_t *)text->value : latin1;
        size_t value_size = wide ? n : (size_t)latin1_size;
        // Key and zero; iTXt: packed?, method, no language, no translated key; zTXt: method; all of those are
        // zero but one.
        size_t used = key + 1 + (wide ? 4 : pack ? 1 : 0);
        memcpy(body, text->key, key);
        body[key + 1] = wide && pack;
        uLongf left = (uLongf)(room - used);
        if (!pack)
            memcpy(body + used, value, left = value_size);
        else if (compress2(body + used, &left, value, (uLong)value_size, 9) != Z_OK)
            mw_fail(c, MW_E_MEMORY, "out of host memory for a picture's text");
        uint8_t *end = mw_png_put(*out + *size,
                                  wide       ? "iTXt"
                                      : pack ? "zTXt"
                                             : "tEXt",
                                  body, (uint32_t)(used + left));
        *size = (size_t)(end - *out);
    }
    free(body);
    free(latin1);
}

// What the encoder's callback fills.
typedef struct {
    mw_ctx *c;
    uint8_t *texts, *out;
    size_t texts_size, size;
} encoded;

// Called once, with the whole PNG.
static void splice(void *user, void *data, int size)
{
    encoded *e = user;
    const uint8_t *plain = data;
    e->size = (size_t)size + e->texts_size;
    e->out = mw_alloc(e->c, e->size);
    if (!e->out)
        return;
    memcpy(e->out, plain, HEAD_SIZE);
    if (e->texts_size)
        memcpy(e->out + HEAD_SIZE, e->texts, e->texts_size);
    memcpy(e->out + HEAD_SIZE + e->texts_size, plain + HEAD_SIZE, (size_t)size - HEAD_SIZE);
}

uint8_t *mw_png_encode(mw_ctx *c, const mw_image *image, const mw_png_text *texts, size_t n, size_t *size)
{
    encoded e = {.c = c};
    int w = image->width, h = image->height;
    if (mw_err(c) != MW_OK)
        return NULL;
    if (w < 1 || h < 1 || (int64_t)w * h > MW_IMAGE_MAX_PIXELS)
        mw_fail(c, MW_E_ARG, "a picture of %d x %d pixels can't be written (at most %d pixels)", w, h,
                MW_IMAGE_MAX_PIXELS);
    for (size_t i = 0; i < n && mw_err(c) == MW_OK; i++)
        append_text(c, &texts[i], &e.texts, &e.texts_size);
    if (mw_err(c) == MW_OK && !stbi_write_png_to_func(splice, &e, w, h, 3, image->rgb, w * 3))
        mw_fail(c, MW_E_MEMORY, "out of host memory for a PNG of %d x %d pixels", w, h);
    free(e.texts);
    *size = e.size;
    return e.out;
}

mw_status mw_png_write(mw_ctx *c, const char *path, const mw_image *image, const mw_png_text *texts, size_t n)
{
    size_t size = 0;
    uint8_t *png = mw_png_encode(c, image, texts, n, &size);
    if (png)
        mw_file_write(c, path, png, size);
    free(png);
    return mw_err(c);
}
