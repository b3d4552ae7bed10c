// test_pictures.c: load_image, save_image, contact_sheet, lettering.
#include "core/base/env.h"
#include "tests/nodes/node_test.h"

#include "nodes/nets/pictures/lettering.h"
#include "core/graph/picture.h"

#include <unistd.h>

static char folder[] = "/tmp/moonweave-test-XXXXXX";

static int start(void **state)
{
    (void)state;
    if (open_device((uint64_t)256 << 20) || !mkdtemp(folder))
        return -1;
    static const mw_env env = {.out_dir = folder};
    c->env = &env;
    return 0;
}

static int stop(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? close_device(state) : -1;
}

// [n,h,w,3]; every value is its position's, in steps of 1/255.
static mw_tensor *pictures(int n, int h, int w)
{
    size_t count = (size_t)n * (size_t)h * (size_t)w * 3;
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; i < count; i++)
        v[i] = (float)(i % 256) / 255.0f;
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(n, h, w, 3), v);
    free(v);
    return t;
}

static void saved_and_loaded(void **state)
{
    (void)state;
    mw_tensor *two = pictures(2, 5, 7);
    int save = ADD("save_image", {"image", wrap(two)}, {"path", text("sub/a")});
    mw_value *paths = result(save, 1);
    assert_int_equal(mw_value_count(paths), 2);
    const char *second = mw_value_as_text(mw_value_at(paths, 1));
    assert_string_equal(strrchr(second, '/'), "/a_2.png");
    assert_non_null(strstr(mw_value_as_text(result(save, 0)), "sub/a.png"));
    int load = ADD("load_image", {"path", text(second)});
    assert_int_equal(mw_value_as_number(result(load, 1)), 7);
    mw_tensor *want = mw_reshape(c, mw_slice(c, two, 0, 1, 1), MW_SHAPE(5, 7, 3));
    assert_below(difference(tensor_of(load, 0), want), 1e-7);
    assert_fails(ADD("save_image", {"image", wrap(two)}, {"path", text("../a")}), MW_E_ARG, "../a");
    assert_fails(ADD("load_image", {"path", text("no/such.png")}), MW_E_FILE, "no/such.png");
}

static void not_a_number(void **state)
{
    (void)state;
    float v[3] = {0, NAN, 1};
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 1, 3), v);
    assert_fails(ADD("save_image", {"image", wrap(t)}), MW_E_NUMBER, "NaN");
    mw_tensor *flat = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(3, 1), v);
    assert_fails(ADD("save_image", {"image", wrap(flat)}), MW_E_SHAPE, "'image' must be a picture");
}

static void resampled_on_loading(void **state)
{
    (void)state;
    int save = ADD("save_image", {"image", wrap(pictures(1, 8, 8))}, {"path", text("b.png")});
    int load = ADD("load_image", {"path", text(mw_value_as_text(result(save, 0)))}, {"width", num(20)});
    assert_shape(tensor_of(load, 0), "[8,20,3] f32");
}

static void sheet_of_pictures(void **state)
{
    (void)state;
    int sheet = ADD("contact_sheet", {"images", LIST(wrap(pictures(2, 10, 40)), wrap(pictures(1, 20, 30)))},
                    {"labels", LIST(text("one"), text("two"), text("three"))}, {"gap", num(2)});
    // two columns, two rows of 20 pixels and a line of 12 below each
    assert_shape(tensor_of(sheet, 0), "[70,86,3] f32");
    float *v = values_of(tensor_of(sheet, 0));
    assert_true(v[0] == 1);
    assert_true(v[(2 * 86 + 2) * 3 + 1] == 1.0f / 255.0f);
    double ink = 0;
    for (int y = 22; y < 34; y++)
        for (int k = 0; k < 42 * 3; k++)
            ink += 1 - (double)v[y * 86 * 3 + k];
    assert_above(ink, 20);
    free(v);
    assert_fails(ADD("contact_sheet", {"images", LIST(text("x"))}), MW_E_SHAPE, "'images' must be a picture");
}

static void lines_of_letters(void **state)
{
    (void)state;
    assert_int_equal(mw_lettering_height("", 100, 1), 0);
    assert_int_equal(mw_lettering_height("abc", 100, 1), 12);
    assert_int_equal(mw_lettering_height("abc\ndef", 100, 2), 48);
    assert_int_equal(mw_lettering_height("wide words", 40, 1), 24);
    assert_int_equal(mw_lettering_height("wwwwwwww", 1, 1), 8 * 12);
    uint8_t rgb[3 * 30 * 14], blank[3 * 30 * 14];
    memset(blank, 255, sizeof blank);
    memcpy(rgb, blank, sizeof rgb);
    mw_image m = {30, 14, rgb};
    mw_lettering_draw(&m, 40, 20, 30, 1, "outside"); // nothing of it is inside
    assert_memory_equal(rgb, blank, sizeof rgb);
    mw_lettering_draw(&m, -3, -3, 300, 3, "\xc3\xa9 half outside");
    assert_memory_not_equal(rgb, blank, sizeof rgb);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(saved_and_loaded),  T(not_a_number),     T(resampled_on_loading),
        T(sheet_of_pictures), T(lines_of_letters),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
