// load_image.c: a picture from a file.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "core/io/resize.h"
#include "core/graph/picture.h"

#include <stdlib.h>

enum { PATH, WIDTH, HEIGHT };

static const mw_port in[] = {
    [PATH] = {.name = "path", .type = "path", .doc = "a PNG or JPEG file, turned as its EXIF says"},
    [WIDTH] = {.name = "width",
               .type = "integer",
               .def = "null",
               .min = 1,
               .max = 65536,
               .unit = "pixels",
               .doc = "resampled to this width; null: as it is"},
    [HEIGHT] = {.name = "height",
                .type = "integer",
                .def = "null",
                .min = 1,
                .max = 65536,
                .unit = "pixels",
                .doc = "resampled to this height; null: as it is"},
    {.name = NULL},
};

enum { OUT_IMAGE, OUT_WIDTH, OUT_HEIGHT };
static const mw_out out[] = {
    [OUT_IMAGE] = {.name = "image", .type = "image", .doc = "[H,W,3] f32 in 0..1; transparency is dropped"},
    [OUT_WIDTH] = {.name = "width", .type = "integer", .doc = "in pixels"},
    [OUT_HEIGHT] = {.name = "height", .type = "integer", .doc = "in pixels"},
    {.name = NULL},
};

static int size_or(const mw_value *v, int own)
{
    return mw_value_kind(v) == MW_NIL ? own : (int)mw_value_as_number(v);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_image image = {0}, other = {0};
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    if (path)
        mw_image_read(c, path, &image, NULL);
    free(path);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    int width = size_or(i[WIDTH], image.width), height = size_or(i[HEIGHT], image.height);
    if (width != image.width || height != image.height) {
        mw_image_resize(c, &image, width, height, MW_RESIZE_LANCZOS, &other);
        mw_image_free(&image);
        image = other;
    }
    if (mw_err(c) == MW_OK) {
        o[OUT_IMAGE] = mw_value_tensor(c, mw_picture_tensor(c, &image));
        o[OUT_WIDTH] = mw_value_number(c, width);
        o[OUT_HEIGHT] = mw_value_number(c, height);
    }
    mw_image_free(&image);
    return mw_err(c);
}

const mw_node_type mw_node_load_image = {
    .name = "load_image",
    .version = 2,
    .doc = "A picture from a PNG or JPEG file, resampled (Lanczos) where a size is asked for.",
    .in = in,
    .out = out,
    .run = run,
};
