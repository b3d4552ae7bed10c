// test_resize.c: resampling gives Pillow's bytes.
#include "core/io/resize.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include <zlib.h>

// Checksums of what Pillow 13 makes of the picture below: shrinking, growing, both orders of the passes, one
// axis, single pixels, nothing to do.
static const struct {
    mw_resize_filter filter;
    int from_w, from_h, to_w, to_h;
    uint32_t crc;
} table[] = {
    {MW_RESIZE_BOX, 40, 30, 17, 13, 0xf50c775bu},      {MW_RESIZE_BOX, 17, 13, 40, 30, 0xa893664du},
    {MW_RESIZE_BOX, 23, 50, 20, 9, 0xe63c4623u},       {MW_RESIZE_BOX, 50, 40, 23, 6, 0x04ee56e9u},
    {MW_RESIZE_BOX, 31, 20, 31, 7, 0x5a5ee0a9u},       {MW_RESIZE_BOX, 9, 20, 33, 20, 0xdd1969cfu},
    {MW_RESIZE_BOX, 1, 1, 5, 3, 0x3046e8c7u},          {MW_RESIZE_BOX, 64, 3, 1, 1, 0xe5f31066u},
    {MW_RESIZE_BOX, 12, 12, 12, 12, 0x4521c222u},      {MW_RESIZE_BILINEAR, 40, 30, 17, 13, 0xf8308c35u},
    {MW_RESIZE_BILINEAR, 17, 13, 40, 30, 0x8829decdu}, {MW_RESIZE_BILINEAR, 23, 50, 20, 9, 0xdade0bd4u},
    {MW_RESIZE_BILINEAR, 50, 40, 23, 6, 0xe51827edu},  {MW_RESIZE_BILINEAR, 31, 20, 31, 7, 0x8a949c9fu},
    {MW_RESIZE_BILINEAR, 9, 20, 33, 20, 0x39ec25ceu},  {MW_RESIZE_BILINEAR, 1, 1, 5, 3, 0x3046e8c7u},
    {MW_RESIZE_BILINEAR, 64, 3, 1, 1, 0x7669cb06u},    {MW_RESIZE_BILINEAR, 12, 12, 12, 12, 0x4521c222u},
    {MW_RESIZE_BICUBIC, 40, 30, 17, 13, 0x63cf690eu},  {MW_RESIZE_BICUBIC, 17, 13, 40, 30, 0x71e6078cu},
    {MW_RESIZE_BICUBIC, 23, 50, 20, 9, 0x6e0a3928u},   {MW_RESIZE_BICUBIC, 50, 40, 23, 6, 0x0db477e5u},
    {MW_RESIZE_BICUBIC, 31, 20, 31, 7, 0x0d881082u},   {MW_RESIZE_BICUBIC, 9, 20, 33, 20, 0xb4959431u},
    {MW_RESIZE_BICUBIC, 1, 1, 5, 3, 0x3046e8c7u},      {MW_RESIZE_BICUBIC, 64, 3, 1, 1, 0x7669cb06u},
    {MW_RESIZE_BICUBIC, 12, 12, 12, 12, 0x4521c222u},  {MW_RESIZE_LANCZOS, 40, 30, 17, 13, 0xa004391du},
    {MW_RESIZE_LANCZOS, 17, 13, 40, 30, 0x8827d71eu},  {MW_RESIZE_LANCZOS, 23, 50, 20, 9, 0x55bc47acu},
    {MW_RESIZE_LANCZOS, 50, 40, 23, 6, 0xd894432cu},   {MW_RESIZE_LANCZOS, 31, 20, 31, 7, 0x50d2741bu},
    {MW_RESIZE_LANCZOS, 9, 20, 33, 20, 0xd6bedf6cu},   {MW_RESIZE_LANCZOS, 1, 1, 5, 3, 0x3046e8c7u},
    {MW_RESIZE_LANCZOS, 64, 3, 1, 1, 0x7669cb06u},     {MW_RESIZE_LANCZOS, 12, 12, 12, 12, 0x4521c222u},
};

static mw_image noise(int width, int height)
{
    size_t n = (size_t)width * (size_t)height * 3;
    mw_image p = {width, height, malloc(n)};
    for (size_t i = 0; i < n; i++)
        p.rgb[i] = (uint8_t)((uint32_t)(i * 2654435761u) >> 24);
    return p;
}

static void gives_pillows_bytes(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        mw_image in = noise(table[i].from_w, table[i].from_h), out;
        assert_int_equal(mw_image_resize(c, &in, table[i].to_w, table[i].to_h, table[i].filter, &out), MW_OK);
        assert_int_equal(out.width, table[i].to_w);
        assert_int_equal(out.height, table[i].to_h);
        uLong crc = crc32(0, out.rgb, (uInt)out.width * (uInt)out.height * 3);
        if ((uint32_t)crc != table[i].crc)
            fail_msg("row %zu of the table: 0x%08x", i, (unsigned)crc);
        mw_image_free(&in);
        mw_image_free(&out);
    }
    mw_ctx_free(c);
}

static void keeps_a_plain_colour(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    mw_image in = noise(7, 5), out;
    for (int i = 0; i < 7 * 5 * 3; i++)
        in.rgb[i] = 201;
    for (int f = MW_RESIZE_BOX; f <= MW_RESIZE_LANCZOS; f++) {
        assert_int_equal(mw_image_resize(c, &in, 11, 3, (mw_resize_filter)f, &out), MW_OK);
        for (int i = 0; i < 11 * 3 * 3; i++)
            assert_int_equal(out.rgb[i], 201);
        mw_image_free(&out);
    }
    mw_image_free(&in);
    mw_ctx_free(c);
}

// A ramp keeps its slope inside.
static void keeps_a_slope(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    mw_image in = noise(64, 2), out;
    for (int i = 0; i < 128 * 3; i++)
        in.rgb[i] = (uint8_t)(4 * (i / 3 % 64));
    assert_int_equal(mw_image_resize(c, &in, 16, 2, MW_RESIZE_LANCZOS, &out), MW_OK);
    for (int x = 3; x < 13; x++)
        assert_in_range(out.rgb[3 * (16 + x)], 16 * x + 5, 16 * x + 7);
    mw_image_free(&out);
    mw_image_free(&in);
    mw_ctx_free(c);
}

static void refuses_sizes_that_are_none(void **state)
{
    (void)state;
    static const int sizes[][2] = {{0, 4}, {4, -1}, {100000, 100000}};
    mw_ctx *c = mw_ctx_new();
    mw_image in = noise(2, 2), out;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(mw_image_resize(c, &in, sizes[i][0], sizes[i][1], MW_RESIZE_BOX, &out), MW_E_ARG);
        assert_null(out.rgb);
        mw_err_clear(c);
    }
    mw_image_free(&in);
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_pillows_bytes),
        cmocka_unit_test(keeps_a_plain_colour),
        cmocka_unit_test(keeps_a_slope),
        cmocka_unit_test(refuses_sizes_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
