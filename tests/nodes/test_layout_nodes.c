// test_layout_nodes.c: layout and draw_layout: the three ways to write one, every refusal, what is drawn.
#include "tests/nodes/node_test.h"

#include "core/base/file.h"
#include "core/graph/value_json.h"
#include "nodes/nets/layout/layout.h"

#include <unistd.h>

static char folder[] = "/tmp/moonweave-test-XXXXXX";

static int start(void **state)
{
    (void)state;
    return open_device((uint64_t)256 << 20) || !mkdtemp(folder) ? -1 : 0;
}

static int stop(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? close_device(state) : -1;
}

static mw_value *json(const char *s) { return mw_value_from_json(c, "test", s, strlen(s)); }

static void assert_json(const mw_value *v, const char *want)
{
    char *got = mw_value_to_json(c, v, 0);
    assert_string_equal(got, want);
    free(got);
}

static const char *file(const char *name, const char *content)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mw_file_write(c, path, content, strlen(content)), MW_OK);
    return path;
}

static const char star[] =
    "{\"objects\":[{\"phrase\":\"a star\",\"box\":[10,20,30,40]}],\"background\":\"fog\","
    "\"negative\":\"\",\"canvas\":[100,100]}";

static void three_ways(void **state)
{
    (void)state;
    int literal = ADD("layout", {"objects", json("[{\"phrase\":\"a star\",\"box\":[10,20,30,40]}]")},
                      {"background", text("fog")}, {"canvas", json("[100,100]")});
    assert_json(result(literal, 0), star);
    assert_json(result(ADD("layout", {"path", text(file("a.json", star))}), 0), star);
    const char completion[] =
        "[('a star.', [10, 20, 30, 40]),]\n  Background prompt: haze\nNegative prompt: None\n";
    assert_json(result(ADD("layout", {"text", text(completion)}, {"canvas", json("[100,100]")},
                           {"background", text("fog")}),
                       0),
                star);
    assert_json(result(ADD("layout", {"path", text(file("a.txt", completion))}, {"canvas", json("[100,100]")},
                           {"background", text("fog")}),
                       0),
                star);
    assert_json(result(ADD("layout", {"objects", json("[]")}), 0),
                "{\"objects\":[],\"background\":\"\",\"negative\":\"\",\"canvas\":[512,512]}");
    assert_string_equal(warnings, "");
}

static void boxes(void **state)
{
    (void)state;
    const char *out[] = {"[{\"phrase\":\"a\",\"box\":[500,-5.5,30,10]}]"};
    assert_json(mw_value_get(result(ADD("layout", {"objects", json(out[0])}), 0), "objects"),
                "[{\"phrase\":\"a\",\"box\":[500,0,12,4.5]}]");
    assert_non_null(strstr(warnings, "object 1 ('a')"));
    assert_json(mw_value_get(result(ADD("layout", {"objects", json(out[0])}, {"mode", text("faithful")}), 0),
                             "objects"),
                "[{\"phrase\":\"a\",\"box\":[500,-5.5,30,10]}]");
    const char wide[] = "[('a', [-40, 20, 200, 480]), ('b', [400, -30, 180, 120])]\nBackground prompt: c";
    assert_json(
        mw_value_get(result(ADD("layout", {"text", text(wide)}, {"mode", text("faithful")}), 0), "objects"),
        "[{\"phrase\":\"a\",\"box\":[0,41,165,396]},{\"phrase\":\"b\",\"box\":[363,0,149,99]}]");
    // hundreds of boxes are no trouble, too many are refused
    for (int n = 800; n < 8000; n += 4000) {
        mw_value *many = mw_value_list(c);
        for (int i = 0; i < n; i++)
            mw_value_push(c, many, json("{\"phrase\":\"a dot\",\"box\":[1,2,3,4]}"));
        int node = ADD("layout", {"objects", many});
        if (n == 800)
            assert_int_equal(mw_value_count(mw_value_get(result(node, 0), "objects")), n);
        else
            assert_fails(node, MW_E_SCRIPT, "at most 4096 boxes");
    }
}

static void refuse(const char *objects, const char *sentence)
{
    assert_fails(ADD("layout", {"objects", json(objects)}), MW_E_SCRIPT, sentence);
}

static void refusals(void **state)
{
    (void)state;
    refuse("[{\"phrase\":\"a\",\"box\":[512,0,5,5]}]", "lies wholly off the canvas of 512 x 512");
    refuse("[{\"phrase\":\"a\",\"box\":[-5,0,5,5]}]", "lies wholly off");
    refuse("[{\"phrase\":\"a\",\"box\":[1,2,3,0]}]", "object 1 ('a'): a box of 3 x 0 has no area");
    refuse("[{\"phrase\":\"a\",\"box\":[1,2,3,4]},{\"phrase\":\" \",\"box\":[1,2,3,4]}]",
           "object 2: 'phrase' must have letters");
    refuse("[{\"phrase\":\"a\",\"box\":[1,2,3]}]", "'box' must be 4 numbers, got list of 3");
    refuse("[{\"phrase\":\"a\",\"box\":[1,2,3,\"4\"]}]", "number 4 of 'box' is string");
    refuse("[{\"phrase\":\"a\"}]", "'box' must be 4 numbers, got nil");
    refuse("[{\"box\":[1,2,3,4]}]", "'phrase' must be a text, got nil");
    refuse("[{\"phrase\":\"a\",\"bxo\":[1,2,3,4]}]", "'bxo' is unknown (did you mean 'box'?)");
    refuse("[5]", "object 1: it must be {phrase");
    assert_fails(ADD("layout", {"objects", json("[]")}, {"canvas", json("[0,5]")}), MW_E_SCRIPT,
                 "'canvas' must be");
    assert_fails(ADD("layout", {"objects", json("[]")}, {"canvas", json("[5]")}), MW_E_SCRIPT,
                 "'canvas' must be 2 numbers");
    assert_fails(ADD("layout", {"background", text("a")}), MW_E_SCRIPT, "got none of them");
    assert_fails(ADD("layout", {"objects", json("[]")}, {"text", text("a")}), MW_E_SCRIPT, "more than one");
    assert_fails(ADD("layout", {"text", text("[(a cat, [1, 2, 3, 4])]\nBackground prompt: b")}), MW_E_SCRIPT,
                 "line 1, column 3: \"[(a cat, [1, 2, 3, 4])]\"");
    assert_fails(ADD("layout", {"text", text("[]")}), MW_E_SCRIPT, "no \"Background prompt:\"");
    assert_fails(ADD("layout", {"path", text("no/such.json")}), MW_E_FILE, "no/such.json");
    assert_fails(ADD("layout", {"path", text(file("bad.json", "{\"objects\": 5}"))}), MW_E_FILE,
                 "bad.json: 'objects' must be a list");
    assert_fails(ADD("layout", {"path", text(file("cut.json", "{\"objects\": ["))}), MW_E_FILE, "cut.json");
    assert_fails(ADD("layout", {"path", text(file("bad.txt", "[('a', [1, 2])]\nBackground prompt: b"))}),
                 MW_E_FILE, "bad.txt: box 1 is [\"a\",[1,2]], expected four coordinates");
}

static void long_phrases(void **state)
{
    (void)state;
    char phrase[MW_LAYOUT_MAX_PHRASE + 2], json_text[2 * sizeof phrase], completion[2 * sizeof phrase];
    for (int extra = 0; extra < 2; extra++) {
        for (int i = 0; i < MW_LAYOUT_MAX_PHRASE + extra; i++)
            phrase[i] = i % 2 ? ' ' : 'a';
        phrase[MW_LAYOUT_MAX_PHRASE + extra] = 0;
        snprintf(json_text, sizeof json_text, "[{\"phrase\":\"%s\",\"box\":[1,2,3,4]}]", phrase);
        snprintf(completion, sizeof completion, "[('%s', [1, 2, 3, 4])]\nBackground prompt: b", phrase);
        int node = ADD("layout", {"objects", json(json_text)}),
            read = ADD("layout", {"text", text(completion)});
        if (extra) {
            assert_fails(node, MW_E_SCRIPT, "'phrase' has 4097 bytes, more than 4096");
            assert_fails(read, MW_E_SCRIPT, "the name of box 1 has 4097 bytes");
        } else {
            run(node);
            run(read);
        }
    }
}

// ---- drawing

static bool is_color(const float *p, int r, int green, int b)
{
    return fabsf(p[0] * 255 - (float)r) < 0.5f && fabsf(p[1] * 255 - (float)green) < 0.5f &&
        fabsf(p[2] * 255 - (float)b) < 0.5f;
}

static mw_tensor *grey(int n, int h, int w)
{
    size_t count = (size_t)n * (size_t)h * (size_t)w * 3;
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; i < count; i++)
        v[i] = 0.5f;
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(n, h, w, 3), v);
    free(v);
    return t;
}

static void drawn(void **state)
{
    (void)state;
    const char two[] =
        "{\"objects\":[{\"phrase\":\"a\",\"box\":[50,100,50,40]},{\"phrase\":\"b\",\"box\":[0,0,20,20]},"
        "{\"phrase\":\"a\",\"box\":[-900,150,950,400]}],\"canvas\":[100,200]}";
    int node = ADD("draw_layout", {"layout", json(two)}, {"labels", mw_value_bool(c, false)});
    float *v = values_of(tensor_of(node, 0));
    assert_shape(tensor_of(node, 0), "[200,100,3] f32");
    for (int y = 0; y < 200; y++)
        for (int x = 0; x < 100; x++) {
            const float *p = v + (y * 100 + x) * 3;
            bool first = x >= 50 && y >= 100 && y < 140 && (x == 50 || x == 99 || y == 100 || y == 139);
            bool second = x < 20 && y < 20 && (x == 0 || x == 19 || y == 0 || y == 19);
            bool third = x < 50 && y >= 150 && (x == 49 || y == 150);
            assert_true(is_color(p, first || third || !second ? 255 : 64,
                                 first || third ? 196
                                     : second   ? 200
                                                : 255,
                                 first || third ? 0 : 255));
        }
    free(v);
    // twice the size: the boxes grow with the picture; a batch gives as many
    int over = ADD("draw_layout", {"layout", json(two)}, {"image", wrap(grey(2, 400, 200))});
    assert_int_equal(mw_value_count(result(over, 0)), 2);
    v = values_of(mw_value_as_tensor(mw_value_at(result(over, 0), 1)));
    assert_true(is_color(v + (279 * 200 + 150) * 3, 255, 196, 0)); // the lower edge of the first
    assert_true(is_color(v + (250 * 200 + 150) * 3, 128, 128, 128));
    int black = 0; // letters
    for (int k = 0; k < 400 * 200; k++)
        black += is_color(v + k * 3, 0, 0, 0);
    assert_true(black > 20 && black < 400);
    free(v);
    assert_fails(ADD("draw_layout", {"layout", json("{\"objects\":[{\"phrase\":\"a\"}]}")}), MW_E_SCRIPT,
                 "'box' must be 4 numbers");
    mw_tensor *flat = mw_reshape(c, grey(1, 2, 2), MW_SHAPE(4, 3));
    assert_fails(ADD("draw_layout", {"layout", json(two)}, {"image", wrap(flat)}), MW_E_SHAPE, "image");
}

// Boxes in one corner: each caption is as large as it is alone.
static void captions_apart(void **state)
{
    (void)state;
    const char one[] = "{\"objects\":[{\"phrase\":\"a red star\",\"box\":[4,4,60,40]}],\"canvas\":[200,200]}";
    const char more[] = "{\"objects\":[{\"phrase\":\"a red star\",\"box\":[4,4,60,40]},"
                        "{\"phrase\":\"a red moon\",\"box\":[8,6,60,40]},"
                        "{\"phrase\":\"a big heart\",\"box\":[6,9,60,40]},"
                        "{\"phrase\":\"below\",\"box\":[4,190,60,9]},"
                        "{\"phrase\":\"and under\",\"box\":[9,192,60,8]}],\"canvas\":[200,200]}";
    const int colors[][3] = {
        {255, 196, 0}, {64, 200, 255}, {255, 120, 120}, {120, 230, 120}, {230, 140, 255}};
    float *alone = values_of(tensor_of(ADD("draw_layout", {"layout", json(one)}), 0));
    float *together = values_of(tensor_of(ADD("draw_layout", {"layout", json(more)}), 0));
    int first = 0, each[5] = {0};
    for (int k = 0; k < 200 * 200; k++) {
        first += is_color(alone + k * 3, 255, 196, 0);
        for (int i = 0; i < 5; i++)
            each[i] += is_color(together + k * 3, colors[i][0], colors[i][1], colors[i][2]);
    }
    for (int i = 0; i < 3; i++)
        assert_true(each[i] > first - 100); // parts of its frame lie under captions
    assert_true(each[3] > 200 && each[4] > 200);
    free(alone);
    free(together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_ways, begin, end),
        cmocka_unit_test_setup_teardown(boxes, begin, end),
        cmocka_unit_test_setup_teardown(refusals, begin, end),
        cmocka_unit_test_setup_teardown(long_phrases, begin, end),
        cmocka_unit_test_setup_teardown(drawn, begin, end),
        cmocka_unit_test_setup_teardown(captions_apart, begin, end),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
