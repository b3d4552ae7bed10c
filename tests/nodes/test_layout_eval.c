// test_layout_eval.c: the benchmark's prompts, tasks and judgements; boxes centred, masks and maps moved.
#include "nodes/nets/owlvit/detections.h"
#include "nodes/nets/layout/layout_eval.h"
#include "nodes/nets/layout/layout_geometry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

static mw_ctx *c;
static mw_english *english;

// ---- prompts

static void prompts(void **state)
{
    (void)state;
    char *prompt[MW_EVAL_PROMPTS], joined[40000] = "";
    int distinct = 0;
    for (int i = 0; i < MW_EVAL_PROMPTS; i++) {
        prompt[i] = mw_eval_prompt(c, i);
        assert_non_null(prompt[i]);
        bool again = false;
        for (int k = 0; k < i; k++)
            again |= strcmp(prompt[k], prompt[i]) == 0;
        distinct += !again;
        strcat(strcat(joined, i ? "\n" : ""), prompt[i]);
    }
    assert_int_equal(distinct, 250);
    assert_string_equal(prompt[99], "A realistic photo of a scene without laptops");
    assert_string_equal(prompt[100], "A realistic photo of a scene with one backpack");
    assert_string_equal(prompt[123], "A realistic photo of a scene with two books");
    assert_string_equal(prompt[200], "A realistic photo of a scene with a blue dog and a white bowl");
    assert_string_equal(prompt[301],
                        "A realistic photo of a scene with a bowl on the right and a cat on the left");
    assert_string_equal(prompt[399],
                        "A realistic photo of a scene with a backpack on the bottom and a cup on the top");
    // the whole list, of which SHA-256 is 05333f912cfb...5058eec9b
    assert_true(XXH64(joined, strlen(joined), 0) == UINT64_C(0x22bf657163054467));
    for (int i = 0; i < MW_EVAL_PROMPTS; i++)
        free(prompt[i]);
    assert_null(mw_eval_prompt(c, MW_EVAL_PROMPTS));
    mw_err_clear(c);
}

// Boxes that give what a task asks for; `wrong`: just not.
static size_t boxes_for(const mw_eval_task *t, bool wrong, mw_layout_object *box)
{
    size_t n = 0;
    bool first_less = t->place && (*t->place == 'l' || *t->place == 't');
    for (int i = 0; i < t->n; i++) {
        int count = t->kind == MW_EVAL_NEGATION || t->kind == MW_EVAL_NUMERACY ? t->wanted[i] + wrong : 1;
        double at = 100 + 200 * ((i == 0) == (first_less != wrong) ? 0 : 1);
        if (t->kind == MW_EVAL_ATTRIBUTION && wrong)
            count = i; // the first is missing
        for (int k = 0; k < count; k++)
            box[n++] = (mw_layout_object){t->object[i], {at, at, 50, 50}};
    }
    return n;
}

static void benchmark(void **state)
{
    (void)state;
    static const mw_eval_kind kind[4] = {MW_EVAL_NEGATION, MW_EVAL_NUMERACY, MW_EVAL_ATTRIBUTION,
                                         MW_EVAL_SPATIAL};
    for (int i = 0; i < 2 * MW_EVAL_PROMPTS; i++) {
        char *prompt = mw_eval_prompt(c, i / 2);
        mw_eval_task t;
        mw_layout_object box[8];
        assert_int_equal(mw_eval_read(c, english, prompt, i % 2 ? MW_STRICT : MW_FAITHFUL, &t), MW_OK);
        assert_int_equal(t.kind, kind[i / 200]);
        assert_true(mw_eval_passes(&t, box, boxes_for(&t, false, box)));
        assert_false(mw_eval_passes(&t, box, boxes_for(&t, true, box)));
        mw_eval_task_free(&t);
        free(prompt);
    }
}

static void check_task(mw_layout_mode mode, const char *prompt, mw_eval_kind kind, const char *query,
                       const char *second, int wanted)
{
    mw_eval_task t;
    if (mw_eval_read(c, english, prompt, mode, &t) != MW_OK)
        fail_msg("%s", mw_errmsg(c));
    assert_string_equal(mw_eval_kind_name(t.kind), mw_eval_kind_name(kind));
    assert_string_equal(t.query[0], query);
    if (second)
        assert_string_equal(t.query[1], second);
    assert_int_equal(t.n, second ? 2 : 1);
    assert_int_equal(t.wanted[0], wanted);
    mw_eval_task_free(&t);
}

static void tasks(void **state)
{
    (void)state;
    check_task(MW_FAITHFUL, "A mural without geese", MW_EVAL_NEGATION, "a photo of a goose", NULL, 0);
    check_task(MW_FAITHFUL, "A photo with four hourglasses", MW_EVAL_NUMERACY, "a photo of an hourglass",
               NULL, 4);
    check_task(MW_FAITHFUL, "A poster with two kettles and three vases", MW_EVAL_TWO_COUNTS,
               "a photo of a kettle", "a photo of a kettle", 2);
    check_task(MW_STRICT, "A poster with two kettles and three vases", MW_EVAL_TWO_COUNTS,
               "a photo of a kettle", "a photo of a vase", 2);
    check_task(MW_STRICT, "A poster with a red phone and a blue vase", MW_EVAL_ATTRIBUTION,
               "a photo of a red phone", "a photo of a blue vase", 0);
    check_task(MW_STRICT, "A sandy beach with 12 crabs", MW_EVAL_NUMERACY, "a photo of a crab", NULL, 12);
    const char *bad[] = {"A poster with a red phone and a blue vase",
                         "A poster of nothing",
                         "A photo with some leaves",
                         "A photo with leaves",
                         "A photo with a cat on the left and a dog on the bottom",
                         "A photo with a cat on the left",
                         "A photo without",
                         ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mw_eval_task t;
        assert_int_equal(mw_eval_read(c, english, bad[i], MW_FAITHFUL, &t), MW_E_ARG);
        mw_err_clear(c);
        mw_eval_task_free(&t);
    }
}

static void judged(void **state)
{
    (void)state;
    mw_eval_task t;
    mw_layout_object box[] = {{"a dog house", {0, 0, 10, 10}},
                              {"big cat", {0, 0, 10, 10}},
                              {"a dogfish", {50, 0, 10, 10}},
                              {"a cat", {20, 0, 10, 10}},
                              {"a dog", {90, 0, 10, 10}}};
    mw_eval_read(c, english, "x with a dog on the left and a cat on the right", MW_STRICT, &t);
    assert_true(mw_eval_passes(&t, box, 5)); // "a dog house" is the first that holds "a dog "
    box[0].box[2] = 50;                      // its centre is now that of the cat
    assert_false(mw_eval_passes(&t, box, 5));
    assert_false(mw_eval_passes(&t, box + 1, 3)); // no dog
    mw_eval_task_free(&t);
}

static void suppressed(void **state)
{
    (void)state;
    const double box[][4] = {{0, 0, 1, 1}, {0, 0, 1, 0.5}, {0, 0.4, 1, 1}, {2, 2, 3, 3}};
    const double score[] = {0.5, 0.9, 0.7, 0.1};
    const int label[] = {1, 1, 0, 0};
    size_t kept[4];
    assert_int_equal(mw_suppress(c, box, score, NULL, 4, 0.5, kept), 3);
    assert_true(kept[0] == 1 && kept[1] == 2 && kept[2] == 3); // the first overlaps by exactly one half
    assert_int_equal(mw_suppress(c, box, score, label, 4, 0.51, kept), 4);
    assert_true(kept[0] == 2 && kept[1] == 3 && kept[2] == 1 && kept[3] == 0);
    assert_int_equal(mw_suppress(c, box, score, label, 0, 0.5, kept), 0);
}

// ---- geometry

static void centers(void **state)
{
    (void)state;
    static uint8_t mask[64 * 64];
    double center[2], offset[2];
    assert_false(mw_mask_center(mask, 64, 64, MW_STRICT, center));
    for (int y = 10; y < 30; y++)
        memset(mask + y * 64 + 5, 1, 20);
    assert_true(mw_mask_center(mask, 64, 64, MW_FAITHFUL, center));
    assert_true(center[0] == 0.2265625 && center[1] == 0.3046875);
    assert_true(mw_mask_center(mask, 64, 64, MW_STRICT, center));
    assert_true(center[0] == 0.234375 && center[1] == 0.3125);
    const double box[4] = {0.25, 0, 0.75, 0.5};
    assert_true(mw_mask_offset(mask, 64, 64, box, false, MW_FAITHFUL, offset));
    assert_true(offset[0] == 0.5 - 0.2265625 && offset[1] == 0.25 - 0.3046875);
    assert_true(mw_mask_offset(mask, 64, 64, box, true, MW_STRICT, offset));
    assert_true(offset[0] == 0.5 - 0.234375 && offset[1] == 0);
    double out[4];
    mw_box_centered((double[]){0.1, 0.2, 0.5, 0.7}, MW_CENTER_FLOOR, 0.2, out);
    assert_true(out[0] == 0.3 && out[1] == 0.3000000000000001 && out[2] == 0.7 && out[3] == 0.8);
    mw_box_centered(box, MW_CENTER_NONE, 0.2, out);
    assert_memory_equal(out, box, sizeof out);
}

static void shifts(void **state)
{
    (void)state;
    assert_int_equal(mw_shift_cells(0.3, 64), 16);
    assert_int_equal(mw_shift_cells(-0.07, 64), -8);
    assert_int_equal(mw_shift_cells(0.0625, 64), 0); // half an eighth goes to the even one
    assert_int_equal(mw_shift_cells(0.1875, 64), 16);
    assert_int_equal(mw_shift_cells(0.25, 4), 1);
    assert_int_equal(mw_shift_cells(0.125, 12), 2); // 1.5 cells
    assert_int_equal(mw_shift_cells(-1e300, 8), -64);
    // against a loop, with every shift in and out of range
    enum { H = 3, W = 5, P = 2 };
    int16_t in[P][H][W], out[P][H][W];
    for (int i = 0; i < P * H * W; i++)
        in[i / (H * W)][i / W % H][i % W] = (int16_t)(i + 1);
    for (int dx = -W - 1; dx <= W + 1; dx++)
        for (int dy = -H - 1; dy <= H + 1; dy++) {
            mw_shift_planes(in, P, H, W, sizeof in[0][0][0], dx, dy, out);
            for (int p = 0; p < P; p++)
                for (int y = 0; y < H; y++)
                    for (int x = 0; x < W; x++) {
                        bool inside = x - dx >= 0 && x - dx < W && y - dy >= 0 && y - dy < H;
                        assert_int_equal(out[p][y][x], inside ? in[p][y - dy][x - dx] : 0);
                    }
        }
}

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    english = mw_english_load(c);
    return english ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mw_english_free(english);
    mw_ctx_free(c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts), cmocka_unit_test(benchmark),  cmocka_unit_test(tasks),
        cmocka_unit_test(judged),  cmocka_unit_test(suppressed), cmocka_unit_test(centers),
        cmocka_unit_test(shifts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
