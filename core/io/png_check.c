// png_check.c: a PNG's chunks and picture data checked, and a plain PNG made for the decoder.
// PNG: W3C recommendation, second edition; the numbers in brackets are its sections.
#include "core/io/image_internal.h"

#include <stdlib.h>
#include <zlib.h>

typedef struct {
    mw_ctx *c;
    const char *name;
    const uint8_t *png;
    size_t size;
    uint32_t width, height;
    int depth, kind, interlaced; // kind: the colour type [11.2.2]
    const uint8_t *palette;
    uint32_t palette_size;
    size_t data_size; // of all IDAT chunks
} reader;

static bool bad(const reader *r, const char *why)
{
    mw_fail(r->c, MW_E_FILE, "%s: damaged PNG: %s", r->name, why);
    return false;
}

bool mw_png_next(mw_ctx *c, const char *name, const uint8_t *png, size_t size, size_t *at,
                 mw_png_chunk *chunk)
{
    reader r = {.c = c, .name = name};
    if (size - *at < 12)
        return bad(&r, "it ends before its end chunk");
    const uint8_t *p = png + *at;
    chunk->size = mw_be32(p);
    if (chunk->size > size - *at - 12)
        return bad(&r, "a chunk is longer than the file");
    for (int i = 0; i < 4; i++)
        if (!((p[4 + i] >= 'A' && p[4 + i] <= 'Z') || (p[4 + i] >= 'a' && p[4 + i] <= 'z')))
            return bad(&r, "a chunk has no proper name");
    memcpy(chunk->type, p + 4, 4);
    chunk->type[4] = 0;
    chunk->data = p + 8;
    if (crc32(crc32(0, p + 4, 4), chunk->data, chunk->size) != mw_be32(p + 8 + chunk->size))
        return bad(&r, "the checksum of a chunk is wrong");
    *at += 12 + (size_t)chunk->size;
    return true;
}

uint8_t *mw_png_put(uint8_t *to, const char *type, const void *data, uint32_t size)
{
    uint32_t head = __builtin_bswap32(size);
    memcpy(to, &head, 4);
    memcpy(to + 4, type, 4);
    if (size)
        memcpy(to + 8, data, size);
    uint32_t crc = __builtin_bswap32((uint32_t)crc32(crc32(0, to + 4, 4), data, size));
    memcpy(to + 8 + size, &crc, 4);
    return to + 12 + size;
}

static bool read_head(reader *r, const mw_png_chunk *chunk)
{
    // Depths that each colour type may have [11.2.2], one bit per depth.
    static const unsigned depths[7] = {[0] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
                                       [2] = 1 << 8 | 1 << 16,
                                       [3] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
                                       [4] = 1 << 8 | 1 << 16,
                                       [6] = 1 << 8 | 1 << 16};
    const uint8_t *p = chunk->data;
    if (strcmp(chunk->type, "IHDR") || chunk->size != 13)
        return bad(r, "it does not begin with a header chunk");
    r->width = mw_be32(p);
    r->height = mw_be32(p + 4);
    r->depth = p[8];
    r->kind = p[9];
    r->interlaced = p[12];
    if (!mw_image_check_sides(r->c, r->name, r->width, r->height))
        return false;
    if (r->kind > 6 || r->depth > 16 || !(depths[r->kind] >> r->depth & 1))
        return bad(r, "no such colour type and depth");
    if (p[10] || p[11] || r->interlaced > 1)
        return bad(r, "unknown compression, filter or interlace method");
    return true;
}

static void read_palette(reader *r, const mw_png_chunk *chunk)
{
    if (r->palette || r->data_size)
        bad(r, "a palette in the wrong place");
    if (!chunk->size || chunk->size > 768 || chunk->size % 3)
        bad(r, "a palette of a wrong size");
    r->palette = chunk->data;
    r->palette_size = chunk->size;
}

// All chunks up to the end chunk.
static bool read_chunks(reader *r)
{
    size_t at = 8;
    mw_png_chunk chunk;
    bool data_over = false;
    if (!mw_png_next(r->c, r->name, r->png, r->size, &at, &chunk) || !read_head(r, &chunk))
        return false;
    for (;;) {
        if (!mw_png_next(r->c, r->name, r->png, r->size, &at, &chunk))
            return false;
        bool is_data = !strcmp(chunk.type, "IDAT");
        if (is_data && data_over)
            return bad(r, "its picture data is in several places");
        data_over = r->data_size && !is_data;
        if (is_data)
            r->data_size += chunk.size;
        else if (!strcmp(chunk.type, "IEND"))
            break;
        else if (!strcmp(chunk.type, "PLTE"))
            read_palette(r, &chunk);
        else if (chunk.type[0] < 'a')
            bad(r, "an unknown chunk that matters");
        if (mw_err(r->c) != MW_OK)
            return false;
    }
    if (!r->data_size)
        return bad(r, "no picture data");
    if (r->kind == 3 && !r->palette)
        return bad(r, "no palette");
    return mw_err(r->c) == MW_OK;
}

// The sub-pictures of an interlaced PNG: first column and row, steps [8.2].
static const uint8_t passes[8][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                     {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}, {0, 0, 1, 1}};

// Where in the picture data the next byte belongs.
typedef struct {
    int pass;
    uint32_t rows;      // left in the pass
    uint64_t row, left; // bytes of a row with its filter byte; left in this one
} place;

// To the next pass that has pixels; false behind the last.
static bool next_pass(const reader *r, place *p)
{
    static const int channels[7] = {1, 0, 3, 1, 2, 0, 4};
    for (p->pass = p->pass < 0 && !r->interlaced ? 7 : p->pass + 1; p->pass < (r->interlaced ? 7 : 8);
         p->pass++) {
        const uint8_t *q = passes[p->pass];
        uint32_t columns = (r->width + q[2] - 1 - q[0]) / q[2];
        p->rows = (r->height + q[3] - 1 - q[1]) / q[3];
        p->row = p->left = 1 + ((uint64_t)columns * (unsigned)(channels[r->kind] * r->depth) + 7) / 8;
        if (columns && p->rows)
            return true;
    }
    return false;
}

// Takes n bytes of picture data; *whole when the picture is complete. false when a filter is wrong or there
// is too much.
static bool take(const reader *r, place *p, const uint8_t *data, size_t n, bool *whole)
{
    while (n) {
        if (*whole)
            return bad(r, "more picture data than its size has");
        if (p->left == p->row && *data > 4)
            return bad(r, "no such row filter");
        size_t m = n < p->left ? n : (size_t)p->left;
        p->left -= m;
        data += m;
        n -= m;
        if (p->left)
            continue;
        p->left = p->row;
        if (!--p->rows)
            *whole = !next_pass(r, p);
    }
    return true;
}

// Inflates the joined picture data piece by piece, keeping nothing, and holds its amount against the size.
static bool check_data(const reader *r, const uint8_t *data)
{
    uint8_t buffer[32768];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)r->data_size};
    place p = {.pass = -1};
    bool whole = !next_pass(r, &p), good = true;
    if (inflateInit(&z) != Z_OK) {
        mw_fail(r->c, MW_E_MEMORY, "%s: out of host memory", r->name);
        return false;
    }
    int status = Z_OK;
    while (good && status == Z_OK) {
        z.next_out = buffer;
        z.avail_out = sizeof buffer;
        status = inflate(&z, Z_NO_FLUSH);
        good = take(r, &p, buffer, sizeof buffer - z.avail_out, &whole) && !mw_cancelled(r->c);
    }
    inflateEnd(&z);
    if (good && status != Z_STREAM_END)
        return bad(r,
                   status == Z_BUF_ERROR ? "its picture data is cut short"
                                         : "its picture data can't be inflated");
    if (good && !whole)
        return bad(r, "rows are missing");
    return good;
}

static void join_data(const reader *r, uint8_t *to)
{
    mw_png_chunk chunk;
    for (size_t at = 8, n = 0;
         n < r->data_size && mw_png_next(r->c, r->name, r->png, r->size, &at, &chunk);) {
        if (strcmp(chunk.type, "IDAT"))
            continue;
        memcpy(to + n, chunk.data, chunk.size);
        n += chunk.size;
    }
}

static void fill_info(const reader *r, mw_image_info *info)
{
    static const char *const modes[7] = {
        [0] = "grey", [2] = "RGB", [3] = "palette", [4] = "grey with alpha", [6] = "RGB with alpha"};
    *info = (mw_image_info){"PNG", modes[r->kind], (int)r->width, (int)r->height, r->depth};
}

uint8_t *mw_png_check(mw_ctx *c, const char *name, const uint8_t *png, size_t size, mw_image_info *info,
                      size_t *plain_size)
{
    reader r = {.c = c, .name = name, .png = png, .size = size};
    if (!read_chunks(&r))
        return NULL;
    uint8_t *data = mw_alloc(c, r.data_size), *plain = NULL;
    if (data) {
        join_data(&r, data);
        if (check_data(&r, data))
            plain = mw_alloc(c, 8 + 12 + 13 + 12 + 768 + 12 + r.data_size + 12);
    }
    if (plain) {
        // The palette is filled up with black: an index past its end must not reach past the decoder's table.
        uint8_t palette[768] = {0}, *end = plain + 8;
        memcpy(plain, MW_PNG_SIGNATURE, 8);
        end = mw_png_put(end, "IHDR", png + 16, 13);
        if (r.kind == 3) {
            memcpy(palette, r.palette, r.palette_size);
            end = mw_png_put(end, "PLTE", palette, sizeof palette);
        }
        end = mw_png_put(end, "IDAT", data, (uint32_t)r.data_size);
        end = mw_png_put(end, "IEND", NULL, 0);
        *plain_size = (size_t)(end - plain);
        fill_info(&r, info);
    }
    free(data);
    return plain;
}
