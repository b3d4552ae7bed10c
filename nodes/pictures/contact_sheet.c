// contact_sheet.c: many pictures on one sheet, with labels.
#include "core/graph/node.h"
#include "nodes/nets/pictures/lettering.h"
#include "core/graph/picture.h"

#include <math.h>
#include <stdlib.h>

enum { IMAGES, LABELS, COLUMNS, GAP };
enum { MOST = 4096, TEXT_SCALE = 1 };

static const mw_port in[] = {
    [IMAGES] = {.name = "images",
                .type = "list",
                .alias = "image",
                .doc = "pictures, or lists of pictures, of any sizes"},
    [LABELS] = {.name = "labels",
                .type = "texts",
                .def = "null",
                .doc = "a text for each picture, in the same order"},
    [COLUMNS] = {.name = "columns",
                 .type = "integer",
                 .def = "null",
                 .min = 1,
                 .max = 4096,
                 .doc = "pictures in a row; null: as many as make it square"},
    [GAP] = {.name = "gap",
             .type = "integer",
             .def = "8",
             .max = 1024,
             .unit = "pixels",
             .doc = "between pictures and around them"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "image", .type = "image", .doc = "[H,W,3] the sheet, white where nothing is"},
    {.name = NULL},
};

// The sheet while it is made.
typedef struct {
    int columns, rows, gap;
    int cell_width, cell_height, label_height;
    mw_image canvas;
} sheet;

static const char *label_of(const mw_value *labels, size_t i)
{
    if (mw_value_kind(labels) == MW_TEXT)
        return i == 0 ? mw_value_as_text(labels) : "";
    return mw_value_as_text(mw_value_at(labels, i));
}

static void plan(mw_ctx *c, sheet *s, mw_tensor *const *t, size_t n, mw_value *const *i)
{
    for (size_t k = 0; k < n; k++) {
        int width = (int)mw_dim(t[k], 1), height = (int)mw_dim(t[k], 0);
        s->cell_width = width > s->cell_width ? width : s->cell_width;
        s->cell_height = height > s->cell_height ? height : s->cell_height;
    }
    s->columns =
        (int)(mw_value_kind(i[COLUMNS]) == MW_NIL ? ceil(sqrt((double)n)) : mw_value_as_number(i[COLUMNS]));
    s->columns = (size_t)s->columns < n ? s->columns : (int)n;
    s->rows = (int)((n + (size_t)s->columns - 1) / (size_t)s->columns);
    s->gap = (int)mw_value_as_number(i[GAP]);
    for (size_t k = 0; k < n; k++) {
        int height = mw_lettering_height(label_of(i[LABELS], k), s->cell_width, TEXT_SCALE);
        s->label_height = height > s->label_height ? height : s->label_height;
    }
    int64_t width = s->gap + (int64_t)s->columns * (s->cell_width + s->gap);
    int64_t height = s->gap + (int64_t)s->rows * (s->cell_height + s->label_height + s->gap);
    if (width * height > MW_IMAGE_MAX_PIXELS) {
        mw_fail(c, MW_E_ARG, "the sheet would have %lld x %lld pixels, more than %d in all", (long long)width,
                (long long)height, MW_IMAGE_MAX_PIXELS);
        return;
    }
    size_t bytes = (size_t)(width * height) * 3;
    s->canvas = (mw_image){(int)width, (int)height, mw_alloc(c, bytes)};
    for (size_t k = 0; s->canvas.rgb && k < bytes; k++)
        s->canvas.rgb[k] = 255;
}

static void place(mw_ctx *c, sheet *s, const mw_tensor *t, size_t k, const char *label)
{
    mw_image one = {0};
    if (mw_picture_bytes(c, t, &one) != MW_OK)
        return;
    int left = s->gap + (int)(k % (size_t)s->columns) * (s->cell_width + s->gap);
    int top = s->gap + (int)(k / (size_t)s->columns) * (s->cell_height + s->label_height + s->gap);
    for (int y = 0; y < one.height; y++)
        for (int x = 0; x < one.width * 3; x++)
            s->canvas.rgb[((size_t)(top + y) * (size_t)s->canvas.width + (size_t)left) * 3 + (size_t)x] =
                one.rgb[(size_t)y * (size_t)one.width * 3 + (size_t)x];
    mw_lettering_draw(&s->canvas, left, top + s->cell_height, s->cell_width, TEXT_SCALE, label);
    mw_image_free(&one);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    sheet s = {0};
    mw_tensor **t = mw_alloc(c, MOST * sizeof(mw_tensor *));
    size_t n = t ? mw_picture_list(c, "images", i[IMAGES], t, MOST) : 0;
    if (mw_err(c) == MW_OK && (n == 0 || n > MOST))
        mw_fail(c, MW_E_ARG, "'images' must hold 1 to %d pictures, got %zu", MOST, n);
    if (mw_err(c) == MW_OK)
        plan(c, &s, t, n, i);
    for (size_t k = 0; k < n && mw_err(c) == MW_OK; k++)
        place(c, &s, t[k], k, label_of(i[LABELS], k));
    if (mw_err(c) == MW_OK)
        o[0] = mw_value_tensor(c, mw_picture_tensor(c, &s.canvas));
    mw_image_free(&s.canvas);
    free(t);
    return mw_err(c);
}

const mw_node_type mw_node_contact_sheet = {
    .name = "contact_sheet",
    .version = 1,
    .doc = "Many pictures on one sheet, row by row, each with its label below.",
    .in = in,
    .out = out,
    .run = run,
};
