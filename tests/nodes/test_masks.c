// test_masks.c: masks on the host against SciPy's numbers and plain rules; attention_mask.
#include "tests/nodes/node_test.h"

#include "nodes/nets/pictures/mask_ops.h"

static int start(void **state)
{
    (void)state;
    return open_device((uint64_t)128 << 20);
}

// ---- smoothing

// scipy.ndimage.gaussian_filter of the 4 x 5 map below; at sigma 6 the kernel reaches far over the borders.
static const struct {
    double sigma, want[20];
} smoothed[] = {
    {0.7, {0.225954682446117, 0.508142246500387, 0.35507018651317,  0.427718309034641, 0.30219212362459,
           0.292469499935355, 0.400514997380339, 0.393129414065158, 0.470841889824401, 0.282538018698956,
           0.294493522348014, 0.308583152179627, 0.47220851311451,  0.395796376602192, 0.457551168376033,
           0.279178212681142, 0.314560891714568, 0.4284698376317,   0.362386089745517, 0.664564503947218}},
    {1.5, {0.337629636325462, 0.365732953086035, 0.387239147299316, 0.384186603691866, 0.37094847667097,
           0.333631354180492, 0.361812236058516, 0.389375869976268, 0.398346552490889, 0.395699546836207,
           0.326470545335959, 0.355437891402957, 0.3925192578075,   0.421482580544328, 0.437742504502527,
           0.320504594544678, 0.350396005684733, 0.394802587700135, 0.440007763354887, 0.472397528869913}},
    {6, {0.381759913741582, 0.381782072538409, 0.381817400616349, 0.381852758524314, 0.381878342479529,
         0.381759877969951, 0.381782036420673, 0.381817364332106, 0.38185272193452,  0.381878305632648,
         0.381759953563839, 0.381782112505695, 0.381817440559013, 0.381852798808323, 0.381878382692067,
         0.381760246155181, 0.381782405312543, 0.381817733845157, 0.381853092282024, 0.381878676449716}},
};

static void smoothing_is_scipys(void **state)
{
    (void)state;
    double in[20], out[20];
    for (int i = 0; i < 20; i++)
        in[i] = ((7 * i * i + 3 * i) % 11) / 11.0;
    for (size_t s = 0; s < sizeof smoothed / sizeof *smoothed; s++) {
        assert_int_equal(mw_map_smooth(c, in, 4, 5, smoothed[s].sigma, out), MW_OK);
        for (int i = 0; i < 20; i++)
            assert_below(fabs(out[i] - smoothed[s].want[i]), 2e-15);
    }
    assert_int_equal(mw_map_smooth(c, in, 4, 5, 0.1, out), MW_OK); // the kernel is one cell
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(mw_map_smooth(c, in, 4, 5, NAN, out), MW_E_ARG);
    mw_err_clear(c);
}

// ---- masks

static void thresholds(void **state)
{
    (void)state;
    double v[5] = {-1, 0, 3, 1, 3}, flat[3] = {2, 2, 2};
    uint8_t mask[5];
    mw_map_threshold(v, 5, 0.25, mask); // 0 lies at 0.25, which is not over it
    assert_memory_equal(mask, ((uint8_t[]){0, 0, 1, 1, 1}), 5);
    assert_int_equal(mw_map_peak(v, 5), 2);
    mw_map_threshold(flat, 3, 0, mask);
    assert_memory_equal(mask, ((uint8_t[]){0, 0, 0}), 3);
}

static void erosion_and_dilation(void **state)
{
    (void)state;
    const uint8_t in[35] = {0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1,
                            1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const uint8_t eroded[35] = {[8] = 1, [9] = 1, [10] = 1, [15] = 1, [16] = 1, [17] = 1};
    const uint8_t opened[35] = {0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1,
                                1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t mask[35];
    memcpy(mask, in, 35);
    mw_mask_erode(c, mask, 5, 7, 1);
    assert_memory_equal(mask, eroded, 35);
    mw_mask_dilate(c, mask, 5, 7, 1);
    assert_memory_equal(mask, opened, 35);
    mw_mask_erode(c, mask, 5, 7, 2);
    assert_int_equal(mw_mask_area(mask, 35), 0);
}

// A factor of 8 looks at the middle 2 x 2 pixels, of 4 at its middle 2 x 2, of 1 at the cell itself.
static void sizes(void **state)
{
    (void)state;
    static uint8_t in[64 * 64], out[64 * 64];
    for (int i = 0; i < 64 * 64; i++)
        in[i] = (uint8_t)(((uint32_t)i * 2654435761u) >> 28) == 0;
    mw_mask_resize(in, 64, 64, out, 8, 8);
    for (int i = 0; i < 64; i++) {
        const uint8_t *p = in + (8 * (i / 8) + 3) * 64 + 8 * (i % 8) + 3;
        assert_int_equal(out[i], p[0] || p[1] || p[64] || p[65]);
    }
    mw_mask_resize(in, 64, 64, out, 64, 64);
    assert_memory_equal(in, out, sizeof in);
    uint8_t point[9] = {[4] = 1};
    mw_mask_resize(point, 3, 3, out, 6, 6); // four cells that reach half way, all eight around touched too
    assert_int_equal(mw_mask_area(out, 36), 16);
    mw_mask_nearest(point, 3, 3, out, 6, 6);
    assert_int_equal(mw_mask_area(out, 36), 4);
}

static void bounds_and_overlap(void **state)
{
    (void)state;
    int box[4];
    uint8_t a[16] = {[5] = 1, [6] = 1}, b[16] = {[6] = 1, [10] = 1}, none[16] = {0};
    assert_true(mw_mask_bounds(a, 4, 4, 0, box));
    assert_memory_equal(box, ((int[]){1, 1, 2, 1}), sizeof box);
    assert_true(mw_mask_bounds(a, 4, 4, 3, box));
    assert_memory_equal(box, ((int[]){0, 0, 4, 4}), sizeof box);
    assert_false(mw_mask_bounds(none, 4, 4, 1, box));
    assert_below(fabs(mw_mask_overlap(a, b, 16) - 1 / (3 + 1e-6)), 1e-15);
    assert_below(mw_mask_overlap(none, none, 16), 0);
}

// ---- attention_mask

// [1,2,16,5]: token 3 of both heads is bright about cell (1,2), the others are noise.
static mw_tensor *attention(double height)
{
    float v[160];
    for (int i = 0; i < 160; i++) {
        int cell = i / 5 % 16, y = cell / 4, x = cell % 4;
        double d = (y - 1) * (y - 1) + (x - 2) * (x - 2);
        v[i] = i % 5 == 3 ? (float)(height * exp(-d) * (i < 80 ? 1 : 3)) : (float)(i % 7);
    }
    return mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 2, 16, 5), v);
}

static void finds_the_bright_token(void **state)
{
    (void)state;
    mw_value *maps = LIST(wrap(attention(-1)), wrap(attention(1)), wrap(attention(2)));
    int n = ADD("attention_mask", {"maps", maps}, {"token", num(3)}, {"sigma", num(0)}, {"from_step", num(1)},
                {"threshold", num(0.3)}, {"width", num(8)}, {"height", num(8)},
                {"canvas", LIST(num(64), num(64))});
    const uint8_t want[16] = {[2] = 1, [5] = 1, [6] = 1, [7] = 1, [10] = 1}; // e^-1 is over 0.3
    assert_shape(tensor_of(n, 0), "[8,8] f32");
    float *fine = values_of(tensor_of(n, 0)), *coarse = values_of(tensor_of(n, 1)),
          *map = values_of(tensor_of(n, 2));
    for (int i = 0; i < 16; i++)
        assert_int_equal((int)coarse[i], want[i]);
    for (int i = 0; i < 64; i++)
        assert_int_equal((int)fine[i], want[i / 16 * 4 + i % 8 / 2]);
    assert_below(fabs((double)map[6] - 1), 0);
    mw_value *point = result(n, 3), *around = result(n, 4);
    assert_true(mw_value_as_number(mw_value_at(point, 0)) == 40 &&
                mw_value_as_number(mw_value_at(point, 1)) == 24);
    static const double box[4] = {0, 0, 64, 48};
    for (size_t i = 0; i < 4; i++)
        assert_true(mw_value_as_number(mw_value_at(around, i)) == box[i]);
    free(fine);
    free(coarse);
    free(map);
}

static mw_value *layers(const char *one, const char *two)
{
    mw_value *map = mw_value_map(c);
    mw_value_set(c, map, one, wrap(attention(1)));
    if (two)
        mw_value_set(c, map, two, wrap(attention(2)));
    return map;
}

static void takes_a_layer_of_the_maps(void **state)
{
    (void)state;
    int one = ADD("attention_mask", {"maps", LIST(layers("mid", NULL))}, {"token", num(3)});
    int two =
        ADD("attention_mask", {"maps", LIST(layers("mid", "up"))}, {"token", num(3)}, {"layer", text("mid")});
    assert_below(difference(tensor_of(one, 2), tensor_of(two, 2)), 0);
    assert_fails(ADD("attention_mask", {"maps", LIST(layers("mid", "up"))}, {"token", num(3)}), MW_E_ARG,
                 "'layer' must say which");
    assert_fails(
        ADD("attention_mask", {"maps", LIST(layers("mid", "up"))}, {"token", num(3)}, {"layer", text("x")}),
        MW_E_SHAPE, "layer x must be [1,heads,h*w,L], got nothing");
}

static void an_empty_mask_takes_the_box(void **state)
{
    (void)state;
    mw_value *box = LIST(num(0), num(256), num(256), num(256));
    int n = ADD("attention_mask", {"maps", wrap(attention(0))}, {"token", num(3)}, {"box", box});
    float *v = values_of(tensor_of(n, 0));
    for (int i = 0; i < 16; i++)
        assert_int_equal((int)v[i], i >= 8 && i % 4 < 2);
    free(v);
    assert_non_null(strstr(warnings, "empty mask; the box is taken"));
    assert_fails(ADD("attention_mask", {"maps", wrap(attention(0))}, {"token", num(3)}), MW_E_NUMBER,
                 "no 'box'");
}

static void wrong_inputs_are_named(void **state)
{
    (void)state;
    mw_value *maps[4];
    for (int i = 0; i < 4; i++)
        maps[i] = wrap(attention(i == 3 ? NAN : 1));
    assert_fails(ADD("attention_mask", {"maps", maps[0]}, {"token", num(5)}), MW_E_ARG,
                 "'token' must be 0 to 4");
    assert_fails(ADD("attention_mask", {"maps", maps[1]}, {"token", num(0)}, {"from_step", num(1)}), MW_E_ARG,
                 "'from_step' 1");
    assert_fails(
        ADD("attention_mask", {"maps", maps[2]}, {"token", num(0)}, {"width", num(12)}, {"height", num(4)}),
        MW_E_SHAPE, "maps of 16 cells");
    assert_fails(ADD("attention_mask", {"maps", maps[3]}, {"token", num(3)}), MW_E_NUMBER, "nan");
    assert_fails(ADD("attention_mask", {"maps", wrap(attention(0))}, {"token", num(3)},
                     {"box", LIST(num(1), num(2), num(-3), num(4))}),
                 MW_E_ARG, "'box' must be");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(smoothing_is_scipys),       T(thresholds),
        T(erosion_and_dilation),      T(sizes),
        T(bounds_and_overlap),        T(finds_the_bright_token),
        T(takes_a_layer_of_the_maps), T(an_empty_mask_takes_the_box),
        T(wrong_inputs_are_named),
    };
    return cmocka_run_group_tests(tests, start, close_device);
}
