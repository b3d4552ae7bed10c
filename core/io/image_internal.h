// image_internal.h: what the picture files share.
#ifndef MW_IMAGE_INTERNAL_H
#define MW_IMAGE_INTERNAL_H

#include "core/io/image.h"

#include <string.h>

#define MW_PNG_SIGNATURE "\x89PNG\r\n\x1a\n"

// The whole file is never longer.
#define MW_IMAGE_MAX_BYTES ((size_t)1 << 30)

static inline uint32_t mw_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline unsigned mw_be16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }

// One chunk of a PNG in memory.
typedef struct {
    char type[5];
    const uint8_t *data;
    uint32_t size;
} mw_png_chunk;

// The chunk at *at, which then moves behind it; false with MW_E_FILE when it is not whole or its checksum is
// wrong.
bool mw_png_next(mw_ctx *c, const char *name, const uint8_t *png, size_t size, size_t *at,
                 mw_png_chunk *chunk);
// Writes a chunk of `size` bytes to `to`; returns the place behind it (12 bytes more than size).
uint8_t *mw_png_put(uint8_t *to, const char *type, const void *data, uint32_t size);

// The texts of a PNG (png_texts.c): whether a chunk is one, and what it says. The key is the first half of a
// block that holds both; free() it. False when it can't be unpacked or is too long.
bool mw_png_is_text(const mw_png_chunk *chunk);
bool mw_png_read_text(mw_ctx *c, const mw_png_chunk *chunk, mw_png_text *out);

// Sides within 1 .. and the pixel limit; MW_E_FILE else.
bool mw_image_check_sides(mw_ctx *c, const char *name, uint32_t width, uint32_t height);

// Checks all of a PNG and makes a plain one of the same pixels: no ancillary chunks, one data chunk, a
// palette of 256. free() the result; NULL with MW_E_FILE.
uint8_t *mw_png_check(mw_ctx *c, const char *name, const uint8_t *png, size_t size, mw_image_info *info,
                      size_t *plain_size);

// Checks the segments of a JPEG, its tables, and that its data can fill its size.
bool mw_jpeg_check(mw_ctx *c, const char *name, const uint8_t *jpeg, size_t size, mw_image_info *info);

#endif
