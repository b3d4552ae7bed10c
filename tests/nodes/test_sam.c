// test_sam.c: Segment Anything: coarse masks as prompts, sam, sam_refine. Its numbers are in the golden
// cases.
#include "tests/nodes/node_test.h"

#include "nodes/nets/sam/sam_pick.h"

#define FOLDER "tests/golden/lmd/models/sam"

static mw_sam *sam;

static int start(void **state)
{
    (void)state;
    if (open_device((uint64_t)256 << 20))
        return -1;
    sam = mw_sam_open(c, FOLDER, MW_F32);
    return sam ? 0 : -1;
}

static int stop(void **state)
{
    mw_object_release(&sam->base);
    return close_device(state);
}

// transformers' SamModel on this embedding, mask and box.
static void a_coarse_mask_is_a_prompt(void **state)
{
    (void)state;
    static const double scores[3] = {0.172053605, 0.638404369, 0.133015096},
                        at[3] = {0.272896677, -0.113299869, 0.005790846};
    float e[36 * 32], mask[24 * 24], got[3], logits[3 * 24 * 24];
    for (int i = 0; i < 36 * 32; i++)
        e[i] = (float)(i * 37 % 101) / 50 - 1;
    for (int i = 0; i < 24 * 24; i++)
        mask[i] = (float)((3 * (i / 24) + 5 * (i % 24)) % 17 - 8);
    mw_sam_prompt p = {.n = 1, .boxes = (double[]){10, 20, 60, 70}};
    p.mask = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 24, 24, 1), mask);
    mw_tensor *embedding = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 6, 6, 32), e), *masks, *guess;
    assert_int_equal(mw_sam_decode(c, &sam->model, embedding, &p, true, &masks, &guess), MW_OK);
    assert_shape(masks, "[1,3,24,24] f32");
    mw_tensor_read_f32(c, guess, got);
    mw_tensor_read_f32(c, masks, logits);
    for (int k = 0; k < 3; k++) {
        assert_below(fabs((double)got[k] - scores[k]), 3e-6);
        assert_below(fabs((double)logits[k * 576 + (5 * k + 3) * 24 + 7 * k + 2] - at[k]), 5e-6);
    }
    p.mask = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 12, 48, 1), mask);
    assert_int_equal(mw_sam_decode(c, &sam->model, embedding, &p, true, &masks, &guess), MW_E_SHAPE);
    assert_non_null(strstr(mw_errmsg(c), "a coarse mask must be [1 or 1,24,24,1], got [1,12,48,1]"));
    mw_err_clear(c);
}

// A candidate loses the largest area for each condition it fails; the first of equals stays.
static void the_choice(void **state)
{
    (void)state;
    mw_sam_pick p = {.n = 3, .min_confidence = 0.85, .min_overlap = 0.25};
    const int area[3] = {10, 30, 20};
    memcpy(p.confidence, ((float[]){0.9f, 0.8f, 0.9f}), 3 * sizeof(float));
    memcpy(p.overlap, ((double[]){0.5, 0.5, 0.2}), 3 * sizeof(double));
    assert_int_equal(mw_sam_choose(&p, area), 0); // 10, 0, -10
    p.overlap[2] = 0.25;
    assert_int_equal(mw_sam_choose(&p, area), 2); // 10, 0, 20
    p.confidence[0] = 0;
    p.overlap[0] = p.overlap[1] = p.overlap[2] = 0;
    assert_int_equal(mw_sam_choose(&p, (int[3]){60, 90, 0}), 1); // -120, -90, -90
}

static mw_value *picture(int h, int w)
{
    float *v = malloc((size_t)(h * w * 3) * sizeof *v);
    for (int i = 0; i < h * w * 3; i++)
        v[i] = (float)(i / 3 % w * 7 % 256) / 255;
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(h, w, 3), v);
    free(v);
    return wrap(t);
}

static mw_value *half_mask(int h, int w, float inside)
{
    float v[64];
    for (int i = 0; i < h * w; i++)
        v[i] = i % w < w / 2 ? inside : 0;
    return wrap(mw_tensor_from_f32(c, MW_F32, MW_SHAPE(h, w), v));
}

static void prompts_of_a_picture(void **state)
{
    (void)state;
    int model = ADD("sam", {"path", text(FOLDER)}, {"dtype", text("f32")});
    int boxed = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(80, 120)},
                    {"box", LIST(num(0), num(-10), num(75), num(100))});
    int coarse = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(80, 120)},
                     {"mask", half_mask(4, 8, 1)}, {"cell", num(4)});
    int dense = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(80, 120)},
                    {"mask", half_mask(4, 8, 1)}, {"cell", num(4)}, {"dense", mw_value_bool(c, true)});
    int points = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(80, 120)}, {"cell", num(1)},
                     {"point", LIST(LIST(num(10), num(20)), LIST(num(90), num(20), num(0)))});
    assert_shape(tensor_of(boxed, 0), "[10,15] f32");
    assert_shape(tensor_of(coarse, 0), "[20,30] f32");
    assert_shape(tensor_of(points, 3), "[3,80,120] f32");
    assert_below(fabs(mw_value_as_number(result(boxed, 2)) - 1), 0); // nothing to be held against
    assert_in_range((int)(1000 * mw_value_as_number(result(coarse, 2))), 0, 1000);
    // The coarse mask's bounds, one cell larger: columns 0 to 4 of 8, all rows.
    int same = ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(80, 120)}, {"cell", num(4)},
                   {"box", LIST(num(0), num(0), num(60), num(80))});
    assert_below(difference(tensor_of(coarse, 3), tensor_of(same, 3)), 0);
    assert_above(difference(tensor_of(dense, 3), tensor_of(same, 3)), 0.5);
}

static void wrong_inputs_are_named(void **state)
{
    (void)state;
    int model = ADD("sam", {"path", text(FOLDER)});
#define REFINE(...) ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(8, 8)}, __VA_ARGS__)
    assert_fails(ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture(8, 8)}), MW_E_ARG,
                 "one of 'box', 'point' and 'mask'");
    assert_fails(REFINE({"mask", half_mask(2, 2, 0)}), MW_E_ARG, "'mask' is empty");
    assert_fails(REFINE({"point", LIST(num(1))}), MW_E_ARG, "'point' must be { x, y }");
    assert_fails(REFINE({"point", LIST(num(1), num(2), num(3))}), MW_E_ARG, "'point' must be { x, y }");
    assert_fails(REFINE({"box", LIST(num(1), num(NAN), num(3), num(1))}), MW_E_ARG, "'box' must be");
    assert_fails(REFINE({"mask", picture(8, 8)}, {"box", LIST(num(1), num(1), num(3))}), MW_E_ARG,
                 "'box' must be");
    assert_fails(ADD("sam", {"path", text("tests/golden/lmd/sam_0/case.json")}), MW_E_FILE,
                 "folder is expected");
    assert_fails(ADD("sam", {"path", text("models/miniature/unet")}), MW_E_FILE,
                 "'model_type': must be \"sam\"");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_coarse_mask_is_a_prompt),
        T(the_choice),
        T(prompts_of_a_picture),
        T(wrong_inputs_are_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
