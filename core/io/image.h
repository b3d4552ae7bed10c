// image.h: pictures in and out: PNG and JPEG read, PNG written, texts in PNG files.
//
// Files are taken as hostile. The structure is checked first (chunks, checksums, tables, the amount of
// picture data), so that memory is asked for only when the file holds a whole picture of the size it states;
// stb_image then decodes it.
#ifndef MW_IMAGE_H
#define MW_IMAGE_H

#include "core/base/ctx.h"

// Larger pictures are refused.
#define MW_IMAGE_MAX_PIXELS 100000000

// Rows from the top, R G B of 8 bits each, no padding. rgb is from malloc.
typedef struct {
    int width, height;
    uint8_t *rgb;
} mw_image;

// What a file says of itself.
typedef struct {
    const char *format; // "PNG" or "JPEG"
    const char *mode;   // "RGB", "RGB with alpha", "grey", "grey with alpha", "palette", "CMYK"
    int width, height;  // as shown
    int depth;          // bits per channel (or of a palette's index)
    int orientation;    // how the stored picture was turned to be shown: EXIF's 1 (not at all) to 8
} mw_image_info;

// A text in a PNG, UTF-8. A key to write is 1 to 79 printable ASCII characters.
typedef struct {
    const char *key, *value;
} mw_png_text;

// Decodes a PNG or JPEG and turns it as its orientation (EXIF, XMP) says. Transparency is dropped, 16 bits
// are cut to the upper 8, grey becomes three equal channels. info may be NULL. On failure (MW_E_FILE names
// `name`) out->rgb is NULL.
mw_status mw_image_decode(mw_ctx *c, const char *name, const void *data, size_t size, mw_image *out,
                          mw_image_info *info);
// The same for a file.
mw_status mw_image_read(mw_ctx *c, const char *path, mw_image *out, mw_image_info *info);
void mw_image_free(mw_image *image);

// A PNG file in memory, with texts; free() it. NULL with an error pending.
uint8_t *mw_png_encode(mw_ctx *c, const mw_image *image, const mw_png_text *texts, size_t n, size_t *size);
// Writes it at once (see mw_file_write).
mw_status mw_png_write(mw_ctx *c, const char *path, const mw_image *image, const mw_png_text *texts,
                       size_t n);

// The texts of a PNG file in their order, *n of them, for mw_png_texts_free. Other programs write odd ones: a
// key may be empty, a text without an end of its key is all key, bytes that are no UTF-8 become U+FFFD; what
// can't be unpacked, or is too long, is left out with a warning. NULL when there is none, when the file is no
// PNG (which is no error), or an error is pending.
mw_png_text *mw_png_texts(mw_ctx *c, const char *path, size_t *n);
void mw_png_texts_free(mw_png_text *texts, size_t n);

#endif
