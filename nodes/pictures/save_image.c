// save_image.c: pictures to PNG files.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "core/graph/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

enum { IMAGE, PATH };
enum { MOST = 4096 };

static const mw_port in[] = {
    [IMAGE] = {.name = "image", .type = "image", .doc = "[H,W,3] or [B,H,W,3] in 0..1"},
    [PATH] = {.name = "path",
              .type = "text",
              .def = "\"image.png\"",
              .alias = "name",
              .doc = "file inside the output folder; of several pictures the second is name_2.png"},
    {.name = NULL},
};

enum { OUT_PATH, OUT_PATHS };
static const mw_out out[] = {
    [OUT_PATH] = {.name = "path", .type = "text", .doc = "where the (first) picture lies"},
    [OUT_PATHS] = {.name = "paths", .type = "list", .doc = "where all lie"},
    {.name = NULL},
};

// "dir/name.png" -> "dir/name_2.png" for the second; ".png" is added where it lacks. free() it.
static char *numbered(mw_ctx *c, const char *name, size_t index)
{
    size_t n = strlen(name);
    bool has = n > 4 && strcmp(name + n - 4, ".png") == 0;
    int stem = (int)(has ? n - 4 : n);
    return index ? mw_format(c, "%.*s_%zu.png", stem, name, index + 1) : mw_format(c, "%.*s.png", stem, name);
}

// Where it was written; free() it.
static char *save(mw_ctx *c, mw_tensor *t, const char *name, size_t index)
{
    mw_image image = {0};
    char *file = numbered(c, name, index);
    char *path = file ? mw_output_path(c, file) : NULL;
    if (path && access(path, F_OK) == 0)
        mw_warn(c, "%s: replaced", path);
    if (path && mw_picture_bytes(c, t, &image) == MW_OK)
        mw_png_write(c, path, &image, NULL, 0);
    mw_image_free(&image);
    free(file);
    return path;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_tensor **t = mw_alloc(c, MOST * sizeof(mw_tensor *));
    size_t n = t ? mw_picture_list(c, "image", i[IMAGE], t, MOST) : 0;
    n = n < MOST ? n : MOST;
    o[OUT_PATHS] = mw_value_list(c);
    for (size_t k = 0; k < n && mw_err(c) == MW_OK; k++) {
        char *path = save(c, t[k], mw_value_as_text(i[PATH]), k);
        if (path && k == 0)
            o[OUT_PATH] = mw_value_text(c, path, strlen(path));
        if (path)
            mw_value_push(c, o[OUT_PATHS], mw_value_text(c, path, strlen(path)));
        free(path);
    }
    free(t);
    return mw_err(c);
}

const mw_node_type mw_node_save_image = {
    .name = "save_image",
    .version = 1,
    .flags = MW_NODE_IMPURE,
    .doc = "Writes pictures as PNG files into the output folder.",
    .in = in,
    .out = out,
    .run = run,
};
