// image.c: pictures from files and to files.
#include "core/io/exif.h"
#include "core/io/image_internal.h"

#include "core/base/file.h"
#include "core/io/file_kind.h"

#include <limits.h>
#include <stdlib.h>

#include <stb/stb_image.h>

bool mw_image_check_sides(mw_ctx *c, const char *name, uint32_t width, uint32_t height)
{
    if (!width || !height)
        mw_fail(c, MW_E_FILE, "%s: a picture of %u x %u pixels", name, width, height);
    else if ((uint64_t)width * height > MW_IMAGE_MAX_PIXELS)
        mw_fail(c, MW_E_FILE, "%s: %u x %u pixels are more than the %d that a picture may have", name, width,
                height, MW_IMAGE_MAX_PIXELS);
    return mw_err(c) == MW_OK;
}

// What stb makes of a checked file, turned as its orientation says; the info then tells the sides as shown.
static void decode(mw_ctx *c, const char *name, const uint8_t *data, size_t size, mw_image_info *info,
                   mw_image *out)
{
    int width, height, channels;
    out->rgb = stbi_load_from_memory(data, (int)size, &width, &height, &channels, 3);
    if (!out->rgb) {
        mw_fail(c, MW_E_FILE, "%s: can't be decoded: %s", name, stbi_failure_reason());
    } else if (width != info->width || height != info->height) {
        mw_fail(c, MW_E_FILE, "%s: states two sizes", name);
        mw_image_free(out);
    } else {
        out->width = width;
        out->height = height;
        if (mw_image_orient(c, out, info->orientation) != MW_OK)
            mw_image_free(out);
        info->width = out->width;
        info->height = out->height;
    }
}

mw_status mw_image_decode(mw_ctx *c, const char *name, const void *data, size_t size, mw_image *out,
                          mw_image_info *info)
{
    mw_image_info own;
    *out = (mw_image){0};
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    info = info ? info : &own;
    if (size > MW_IMAGE_MAX_BYTES)
        return mw_fail(c, MW_E_FILE, "%s: is longer than a picture may be", name);
    if (size >= 8 && !memcmp(data, MW_PNG_SIGNATURE, 8)) {
        size_t whole = size;
        uint8_t *plain = mw_png_check(c, name, data, size, info, &size);
        if (plain) {
            info->orientation = mw_png_orientation(c, data, whole);
            decode(c, name, plain, size, info, out);
        }
        free(plain);
    } else if (size >= 2 && !memcmp(data, "\xff\xd8", 2)) {
        if (mw_jpeg_check(c, name, data, size, info)) {
            info->orientation = mw_jpeg_orientation(data, size);
            decode(c, name, data, size, info, out);
        }
    } else {
        const char *kind = size ? mw_file_kind(data, size) : "empty";
        mw_fail(c, MW_E_FILE, "%s: is neither a PNG nor a JPEG picture%s%.*s", name, kind ? " but " : "",
                kind ? (int)strcspn(kind, ":,") : 0, kind ? kind : "");
    }
    return mw_err(c);
}

mw_status mw_image_read(mw_ctx *c, const char *path, mw_image *out, mw_image_info *info)
{
    size_t size = 0;
    *out = (mw_image){0};
    char *data = mw_file_read(c, path, MW_IMAGE_MAX_BYTES, &size);
    if (data)
        mw_image_decode(c, path, data, size, out, info);
    free(data);
    return mw_err(c);
}

void mw_image_free(mw_image *image)
{
    free(image->rgb);
    *image = (mw_image){0};
}
