// test_detect.c: owlvit and detect. The network's numbers are in the golden
// cases.
#include "tests/nodes/node_test.h"

#include "nodes/nets/owlvit/detections.h"
#include "nodes/nets/owlvit/owlvit.h"

#define MODEL "tests/golden/lmd/models/owlvit"

static char folder[] = "/tmp/moonweave-test-XXXXXX";

static void put(const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    fputs(content, f);
    fclose(f);
}

// The golden model with a vocabulary of letters: a..j are 1..10, at the end of a word 11..20.
static int start(void **state)
{
    (void)state;
    char shell[512], vocab[1024] = "{\"!\": 0, \"<|startoftext|>\": 510, \"<|endoftext|>\": 511";
    if (open_device((uint64_t)256 << 20) || !mkdtemp(folder))
        return -1;
    snprintf(shell, sizeof shell, "cp -rs \"$PWD/%s/.\" %s", MODEL, folder);
    if (system(shell))
        return -1;
    for (int i = 0; i < 10; i++)
        snprintf(vocab + strlen(vocab), 64, ", \"%c\": %d, \"%c</w>\": %d", 'a' + i, 1 + i, 'a' + i, 11 + i);
    strcat(vocab, "}");
    put("vocab.json", vocab);
    put("merges.txt", "#version: 0.2\n");
    return 0;
}

static int stop(void **state)
{
    char shell[512];
    snprintf(shell, sizeof shell, "rm -r %s", folder);
    return close_device(state) || system(shell);
}

// ---- boxes

static void a_place_goes_to_its_best_text(void **state)
{
    (void)state;
    mw_detection d = mw_detection_of((float[]){-1, 2, 2}, 3, (float[]){0.5f, 0.25f, 0.5f, 1}, 200, 100);
    assert_int_equal(d.label, 1);
    assert_below(fabs(d.score - 1 / (1 + exp(-2))), 1e-15);
    const double want[4] = {50, -25, 150, 75};
    assert_memory_equal(d.box, want, sizeof want);
}

// ---- the node

static mw_value *picture(void)
{
    float v[40 * 60 * 3];
    for (int i = 0; i < 40 * 60 * 3; i++)
        v[i] = (float)(i / 3 % 60 * 11 % 256) / 255;
    return wrap(mw_tensor_from_f32(c, MW_F32, MW_SHAPE(40, 60, 3), v));
}

static double field(const mw_value *boxes, size_t i, const char *name)
{
    return mw_value_as_number(mw_value_get(mw_value_at(boxes, i), name));
}

static void queries_become_ids(void **state)
{
    (void)state;
    mw_owlvit *m = mw_owlvit_open(c, folder, MW_F32);
    int32_t ids[16];
    const int32_t want[16] = {510, 1, 12, 13, 511};
    assert_non_null(m);
    assert_true(mw_owlvit_ids(c, m, "AB c", 4, ids));
    assert_memory_equal(ids, want, sizeof want);
    assert_true(mw_owlvit_ids(c, m, "abcdefghijabcd", 14, ids));
    assert_false(mw_owlvit_ids(c, m, "abcdefghijabcde", 15, ids));
    assert_int_equal(ids[15], 511);
    mw_object_release(&m->base);
}

static void boxes_of_texts(void **state)
{
    (void)state;
    int model = ADD("owlvit", {"path", text(folder)}, {"dtype", text("f32")});
#define DETECT(...) ADD("detect", {"model", out_of(model, 0)}, {"image", picture()}, __VA_ARGS__)
    int all = DETECT({"text", LIST(text("a bad cab"), text("ice"))}, {"threshold", num(0)}, {"nms", num(2)});
    int some = DETECT({"text", LIST(text("a bad cab"), text("ice"))}, {"threshold", num(0)},
                      {"nms", num(0.3)}, {"class_aware", mw_value_bool(c, false)});
    mw_value *boxes = result(all, 0);
    assert_int_equal(mw_value_count(boxes), 36);
    for (size_t i = 0; i < 36; i++) {
        bool second = field(boxes, i, "label") == 2;
        assert_string_equal(mw_value_as_text(mw_value_get(mw_value_at(boxes, i), "text")),
                            second ? "ice" : "a bad cab");
        assert_true(field(boxes, i, "score") > 0 && field(boxes, i, "score") < 1);
        assert_true(mw_value_as_number(mw_value_at(mw_value_get(mw_value_at(boxes, i), "box"), 2)) > 0);
        if (i && field(boxes, i, "label") == field(boxes, i - 1, "label"))
            assert_true(field(boxes, i, "score") <= field(boxes, i - 1, "score"));
        else if (i)
            assert_true(second);
    }
    size_t left = mw_value_count(result(some, 0));
    assert_true(left > 0 && left < 36);
    assert_true(mw_value_as_number(result(some, 1)) == (double)left);
    for (size_t i = 1; i < left; i++)
        assert_true(field(result(some, 0), i, "score") <= field(result(some, 0), i - 1, "score"));
    // One text alone scores as it does among others.
    int one = DETECT({"text", text("ice")}, {"threshold", num(0)}, {"nms", num(2)});
    double best = 0;
    for (size_t i = 0; i < 36; i++)
        if (field(boxes, i, "label") == 2)
            best = fmax(best, field(boxes, i, "score"));
    if (best > 0)
        assert_true(field(result(one, 0), 0, "score") >= best - 1e-6);
}

static void wrong_inputs_are_named(void **state)
{
    (void)state;
    int model = ADD("owlvit", {"path", text(folder)});
    assert_fails(DETECT({"text", mw_value_list(c)}), MW_E_SCRIPT, "'text' must be");
    assert_fails(ADD("owlvit", {"path", text("tests/golden/lmd/models/sam")}), MW_E_FILE,
                 "'model_type': must be \"owlvit\", got \"sam\"");
    assert_fails(ADD("sam_refine", {"model", out_of(model, 0)}, {"image", picture()}), MW_E_SCRIPT, "sam");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_place_goes_to_its_best_text),
        T(queries_become_ids),
        T(boxes_of_texts),
        T(wrong_inputs_are_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
