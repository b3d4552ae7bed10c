// test_layout_text.c: literals, completions, filtered boxes, prompts and English nouns.
// Long: tables of texts and what they are read as.
#include "core/base/file.h"
#include "nodes/nets/layout/layout_filter.h"
#include "nodes/nets/layout/layout_literal.h"
#include "nodes/nets/layout/layout_parse.h"
#include "nodes/nets/layout/layout_spec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static mw_english *english;
static const mw_layout_source source = {"layout.txt", MW_E_FILE, NULL};

// ---- literals

static void check_literal(const char *text, const char *json)
{
    mw_literal l;
    assert_int_equal(mw_literal_read(c, text, strlen(text), &l), MW_OK);
    char *got =
        l.value ? json_dumps(l.value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    if (!got || strcmp(got, json) != 0)
        fail_msg("%s gives %s (%s), expected %s", text, got ? got : "nothing", l.fault, json);
    free(got);
    json_decref(l.value);
}

static void check_fault(const char *text, mw_literal_kind kind, const char *words)
{
    mw_literal l;
    assert_int_equal(mw_literal_read(c, text, strlen(text), &l), MW_OK);
    if (l.value || l.kind != kind || !strstr(l.fault, words))
        fail_msg("%s: kind %d, '%s'; expected kind %d, '%s'", text, l.kind, l.fault, kind, words);
}

static void literals(void **state)
{
    (void)state;
    check_literal("[('a', [1, -2, +3, 4.5,],),]", "[[\"a\",[1,-2,3,4.5]]]");
    check_literal("('a', 1), ('b', 2)", "[[\"a\",1],[\"b\",2]]");
    check_literal("1,", "[1]");
    check_literal("(1)", "1");
    check_literal("()", "[]");
    check_literal("0x40, 0o17, 0B101, 3_0, 1e2, .5, 5., 1_0.0_1e-1, 00",
                  "[64,15,5,30,100.0,0.5,5.0,1.0009999999999999,0]");
    check_literal("'a' \"b\" r'\\n' u'c'", "\"ab\\\\nc\"");
    check_literal("'\\x41\\u00e9\\101\\\\\\'\\q\\\n.'",
                  "\"A\xc3\xa9"
                  "A\\\\'\\\\q.\"");
    check_literal("'\\ud83d\\ude00 \\ud83d'", "\"\xf0\x9f\x98\x80 \xef\xbf\xbd\"");
    check_literal("'''a\r\n'b\"'''", "\"a\\n'b\\\"\"");
    check_literal("{'a': None, \"b\": [True, False], 'a': 1,}", "{\"a\":1,\"b\":[true,false]}");
    check_literal(" \t [ # note\n\n 1, # one\r\n  2]\n\n  # end\n", "[1,2]");
    check_literal("# note\n\n   # note\n[1]", "[1]");
    check_literal("[1, \\\n 2]", "[1,2]");
    check_literal("- 5", "-5");
    check_literal("9007199254740993, 0x20000000000000000", "[9007199254740993,3.6893488147419103e19]");
    check_literal("-(2.5)", "-2.5");
}

static void wrong_literals(void **state)
{
    (void)state;
    static const char *const syntax[] = {
        "\n  [1]",
        "[1]\n [2]",
        "[1] x",
        "[1",
        "[1 2]",
        "[1,,2]",
        "{'a' 1}",
        "'a",
        "'a\nb'",
        "'\\x4'",
        "\"\\U00110000\"",
        "007",
        "1__0",
        "1_",
        "0x",
        "0b2",
        "1abc",
        "[a vase, 1]",
        "",
        " ",
        "#",
        "```",
        "]",
        "(no objects)",
        ",",
        "[,]",
        "{'a': }",
        "\xff",
        "'\xff'",
        "'\\",
    };
    for (size_t i = 0; i < sizeof syntax / sizeof *syntax; i++)

        check_fault(syntax[i], MW_LITERAL_SYNTAX, "line");
    static const char *const value[] = {
        "10 + 5", "--30",  "name", "[x]",  "f(1)",  "[1][0]",        "1j",  "b'a'",  "f'a'", "{1, 2}",
        "{1: 2}", "-True", "+'a'", "-[1]", "1e999", "'\\N{BULLET}'", "x.y", "3 * 4",
    };
    for (size_t i = 0; i < sizeof value / sizeof *value; i++)
        check_fault(value[i], MW_LITERAL_VALUE, "line 1");
    check_fault("[('a', [1, 2]),\n ('b' [3])\n", MW_LITERAL_VALUE, "at line 2, column 7: \" ('b' [3])\"");
    char wide[400] = "[1, ";
    memset(wide + 4, ' ', 300);
    strcpy(wide + 304, "x y");
    check_fault(wide, MW_LITERAL_SYNTAX, "at line 1, column 305: \"...    ");
    check_fault(wide, MW_LITERAL_SYNTAX, "  x y\"");
    char deep[1000];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = 0;
    check_fault(deep, MW_LITERAL_SYNTAX, "too many brackets");
    mw_literal l;
    assert_int_equal(mw_literal_read(c, "[1]\0", 4, &l), MW_OK);
    assert_non_null(strstr(l.fault, "zero byte"));
}

// Any bytes: a value or a fault, never both, and never a failure.
static void random_literals(void **state)
{
    (void)state;
    static const char letters[] = "[](){},:'\"\\#\n\r\t -+.0123456789eExXuNrbj_aT\xc3\xa9\xff";
    static const char seed_text[] = "[('a \\'b\\' c', [10, -20.5, 0x1f, 1e2]), {\"d\": (1,)}] # e\n";
    unsigned state32 = 7;
    for (int i = 0; i < 60000; i++) {
        char text[80];
        size_t n = 0;
        state32 = state32 * 1664525u + 1013904223u;
        bool change = state32 >> 31;
        size_t length = change ? sizeof seed_text - 1 : (state32 >> 8) % 40;
        for (; n < length; n++) {
            state32 = state32 * 1664525u + 1013904223u;
            text[n] = change && (state32 >> 8) % 12 ? seed_text[n]
                                                    : letters[(state32 >> 12) % (sizeof letters - 1)];
        }
        char *exact = malloc(n ? n : 1); // so that a read beyond the end is seen
        memcpy(exact, text, n);
        mw_literal l;
        assert_int_equal(mw_literal_read(c, exact, n, &l), MW_OK);
        assert_true((l.value != NULL) == (l.kind == MW_LITERAL_GOOD) &&
                    (l.kind == MW_LITERAL_GOOD) == !*l.fault);
        json_decref(l.value);
        free(exact);
    }
}

// ---- completions

static void completions(void **state)
{
    (void)state;
    mw_completion x;
    const char *good = "Well.\nObjects: [('a', [1, 2, 3, 4])]\nBackground prompt: \xc2\xa0 A shelf "
                       "\nNegative prompt: None\n\n"
                       "Objects: [] Background prompt: other";
    assert_int_equal(mw_completion_read(c, &source, MW_FAITHFUL, good, strlen(good), &x), MW_OK);
    assert_int_equal(json_array_size(x.boxes), 1);
    assert_string_equal(x.background, "A shelf");
    assert_string_equal(x.negative, "");
    mw_completion_free(&x);
    const char *indented = "\n  [('a', [1, 2, 3, 4])]\n  Background prompt: b";
    assert_int_equal(mw_completion_read(c, &source, MW_FAITHFUL, indented, strlen(indented), &x), MW_E_FILE);
    mw_completion_free(&x);
    mw_err_clear(c);
    assert_int_equal(mw_completion_read(c, &source, MW_STRICT, indented, strlen(indented), &x), MW_OK);
    mw_completion_free(&x);
    const struct {
        const char *text, *words;
    } bad[] = {
        {"", "empty"},
        {"[('a', [1, 2, 3, 4])]", "no \"Background prompt:\" in \"[('a'"},
        {"[] Background prompt: a Background prompt: b", "more than one \"Background prompt:\""},
        {"[] + []\nBackground prompt: a", "an expression"},
        {"[a cat, [1, 2]]\nBackground prompt: a", "words outside of quotes"},
        {"42 43\nBackground prompt: a", "the list of boxes"},
        {"[('a', [1, 2, 3, 4])]\n\nCaption: b\nObjects: []\nBackground prompt: b",
         "no \"Background prompt:\""},
        {"[] Background prompt: a Negative prompt: b Negative prompt: c",
         "more than one \"Negative prompt:\""},
        {"[('a', [1, 2, 3, 4)]\nBackground prompt: a", "layout.txt: the list of boxes"},
        {"[] Background prompt: \xff", "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mw_completion_read(c, &source, MW_STRICT, bad[i].text, strlen(bad[i].text), &x),
                         MW_E_FILE);
        if (!strstr(mw_errmsg(c), bad[i].words))
            fail_msg("'%s' has no '%s'", mw_errmsg(c), bad[i].words);
        mw_err_clear(c);
        mw_completion_free(&x);
    }
}

// ---- the filter

static mw_status filter(const char *boxes, mw_layout_mode mode, bool scale, mw_layout *l)
{
    json_t *j = json_loads(boxes, JSON_DECODE_ANY, NULL);
    *l = (mw_layout){.canvas = {MW_LAYOUT_CANVAS, MW_LAYOUT_CANVAS}};
    mw_layout_filter(c, &source, j, &(mw_filter_options){mode, scale, "A  Sky."}, l);
    json_decref(j);
    return mw_err(c);
}

static void check_filter(const char *boxes, mw_layout_mode mode, bool scale, const char *want)
{
    mw_layout l;
    char got[400] = "";
    assert_int_equal(filter(boxes, mode, scale, &l), MW_OK);
    for (size_t i = 0; i < l.n; i++) {
        const double *b = l.object[i].box;
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s(%g,%g,%g,%g)", l.object[i].phrase, b[0],
                 b[1], b[2], b[3]);
    }
    assert_string_equal(got, want);
    mw_layout_free(&l);
}

static void filtered(void **state)
{
    (void)state;
    check_filter("[[\"cat\",[10,20,100,100]],[\"dog\",[400,300,200,212]]]", MW_FAITHFUL, false,
                 "cat(0,17,87,87)dog(338,260,174,184)");
    check_filter("[[\"a\",[100,400,100,200]]]", MW_FAITHFUL, false, "a(0,0,256,512)");
    check_filter("[[\"a\",[512,100,100,100]]]", MW_FAITHFUL, false, "a(0,212,300,300)");
    check_filter("[[\"cat\",[10,-50,100,100]],[\"dog\",[300,300,200,220]]]", MW_FAITHFUL, false,
                 "cat(0,45,90,90)dog(260,359,180,198)");
    check_filter("[[\"cat\",[100,100,100,100]],[\"dog\",[250,200,100,100]]]", MW_FAITHFUL, true,
                 "cat(0,102,205,205)dog(307,307,205,205)");
    check_filter("[[\"cat\",[10,-50,100,100]],[\"dog\",[300,300,200,220]]]", MW_STRICT, false,
                 "cat(10,0,100,50)dog(300,300,200,212)");
    check_filter("[[\"the sky.\",[0,0,512,512]],[\" a.. \",[10.5,20.25,30,1]],[\"c\",[]],[\"d\",[1,1,0,5]]]",
                 MW_STRICT, false, "a(10,20,30,1)");
    check_filter("[[\"SKY\",[0,0,512,512]],[\"a  sky .\",[0,0,600,600]],[\"skylight\",[0,0,512,512]]]",
                 MW_STRICT, false, "skylight(0,0,512,512)");
    check_filter("[[\"a cat\",[0,0,512,512]],[\"a dog\",[-9,0,600,512]]]", MW_STRICT, false,
                 "a cat(0,0,512,512)a dog(0,0,512,512)");
    check_filter("[[\"a cat\",[0,0,512,512]],[\"b\",[1,2,3,4]],[\"c\",[513,0,1,1]]]", MW_FAITHFUL, false,
                 "b(1,2,3,4)");
    // what counts as false in Python is no box
    for (mw_layout_mode mode = MW_STRICT; mode <= MW_FAITHFUL; mode++) {
        check_filter("[[\"a\",null],[\"a\",\"\"],[\"a\",0],[\"a\",{}],[\"a\",false],[\"a\",[]],[\"a\",0.0],"
                     "{\"name\":\"a\",\"bounding_box\":null},[\"b\",[1,2,3,4]]]",
                     mode, false, "b(1,2,3,4)");
        check_filter("{}", mode, false, "");
        check_filter("\"\"", mode, false, "");
        check_filter("null", mode, false, "");
    }
    // shapes that only strict reads
    static const char *const shapes[] = {
        "[[\"b\",1,2,3,4]]",
        "[\"b\",1,2,3,4]",
        "[\"b\",[1,2,3,4]]",
        "[[\"b\",[\"1\",\" 2 \",\"3.0\",4]]]",
        "{\"b\":[1,2,3,4]}",
        "{\"name\":\"b\",\"bounding_box\":[1,2,3,4]}",
        "[{\"phrase\":\"b\",\"box\":[1,2,3,4]}]",
        "[{\"label\":\"b\",\"x\":1,\"y\":2,\"width\":3,\"height\":4}]",
        "[{\"object\":\"b\",\"bbox\":{\"x\":1,\"y\":2,\"w\":3,\"h\":4}}]",
        "[[\"a\"],[\"b\",[1,2,3,4]],{\"name\":\"c\"}]",
    };
    mw_layout l;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_filter(shapes[i], MW_STRICT, false, "b(1,2,3,4)");
        assert_int_equal(filter(shapes[i], MW_FAITHFUL, false, &l), MW_E_FILE);
        mw_err_clear(c);
        mw_layout_free(&l);
    }
    check_filter("[]", MW_STRICT, true, "");
    static const struct {
        const char *boxes, *words;
    } bad[] = {{"[[\"a\",[1,2,3]]]", "box 1"},
               {"[[\"a\",[1,2,3,\"4x\"]]]", "box 1"},
               {"[[\"a\",[1,2,3,\"0x4\"]]]", "box 1"},
               {"[[\"a\",[1,2,3,\"nan\"]]]", "box 1"},
               {"[[1,[1,2,3,4]]]", "box 1"},
               {"[\"ab\"]", "box 1"},
               {"42", "the boxes are 42"},
               {"0", "the boxes are 0"},
               {"[[\"a\",[1,2,1e308,3]]]", "box 1"},
               {"[[\"b\",[1,2,3,4]],[\"a ladder\",[513,25,64,300]]]", "box 2, \"a ladder\""},
               {"[[\"a\",[-50,2,50,4]]]", "box 1, \"a\""},
               {"[[\"...\",[1,2,3,4]]]", "the name of box 1 has no letters"},
               {"[[\"b\",[1,2,3,4]],[\" \",[1,2,3,4]]]", "the name of box 2 has no letters"},
               {"[[\"-?\",[1,2,3,4]]]", "the name of box 1 has no letters"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(filter(bad[i].boxes, MW_STRICT, false, &l), MW_E_FILE);
        if (!strstr(mw_errmsg(c), "layout.txt: ") || !strstr(mw_errmsg(c), bad[i].words))
            fail_msg("'%s' has no '%s'", mw_errmsg(c), bad[i].words);
        mw_err_clear(c);
        mw_layout_free(&l);
    }
}

// Strict mode: whatever comes in, what is kept lies on the canvas.
static void filtered_inside(void **state)
{
    (void)state;
    int refused = 0;
    srand(5);
    for (int i = 0; i < 3000; i++) {
        json_t *boxes = json_array();
        for (int k = 1 + rand() % 5; k > 0; k--)
            json_array_append_new(boxes,
                                  json_pack("[s,[f,f,f,f]]", "a", rand() % 6000 / 10.0 - 100 + 0.5,
                                            rand() % 6000 / 10.0 - 100, 1 + rand() % 5000 / 10.0,
                                            1 + rand() % 5000 / 10.0));
        mw_layout l = {.canvas = {MW_LAYOUT_CANVAS, MW_LAYOUT_CANVAS}};
        mw_layout_filter(c, &source, boxes, &(mw_filter_options){MW_STRICT, rand() % 2, ""}, &l);
        refused += mw_err(c) != MW_OK; // a box wholly off the canvas
        mw_err_clear(c);
        for (size_t k = 0; k < l.n; k++) {
            const double *b = l.object[k].box;
            assert_true(b[0] >= 0 && b[1] >= 0 && b[0] + b[2] <= 512 && b[1] + b[3] <= 512);
        }
        mw_layout_free(&l);
        json_decref(boxes);
    }
    assert_true(refused > 0 && refused < 1500);
}

// ---- prompts

static void check_spec(mw_layout_mode mode, const char *background, const char *const *names, size_t n,
                       const char *prompt)
{
    mw_layout l = {.canvas = {512, 256}};
    mw_layout_spec s;
    for (size_t i = 0; i < n; i++)
        mw_layout_add(c, &l, names[i], strlen(names[i]), (double[]){(double)i, 64, 128, 64});
    l.background = mw_strdup(c, background);
    l.negative = mw_strdup(c, "");
    assert_int_equal(mw_layout_spec_make(c, english, &l, mode, &s), MW_OK);
    assert_string_equal(s.prompt, prompt);
    for (size_t i = 0; i < s.n; i++) {
        assert_true(i == 0 || strcmp(s.object[i - 1].phrase, s.object[i].phrase) <= 0);
        assert_true(s.object[i].box[0] == (double)s.object[i].place / 512 && s.object[i].box[3] == 0.5);
    }
    mw_layout_spec_free(&s);
    mw_layout_free(&l);
}

static void prompts(void **state)
{
    (void)state;
    const char *pets[] = {"a dog", "a cat", "a cat"}, *pandas[] = {"a panda bear", "a panda bear"};
    const char *doctors[] = {"a human doctor", "a human doctor"},
               *mixed[] = {"an apple on a plate", "Zebra", "an apple on a plate"},
               *flowers[] = {"the flowers", "the flowers"};
    check_spec(MW_FAITHFUL, "A realistic scene", pets, 3, "A realistic scene with two cats, a dog");
    check_spec(MW_FAITHFUL, "", pandas, 2, "two pandbears");
    check_spec(MW_STRICT, "", pandas, 2, "two panda bears");
    check_spec(MW_FAITHFUL, "", doctors, 2, "two humdoctors");
    check_spec(MW_FAITHFUL, "A shelf", mixed, 3, "A shelf with Zebra, two apples on plate");
    check_spec(MW_STRICT, "A shelf", mixed, 3, "A shelf with Zebra, two apples on a plate");
    check_spec(MW_FAITHFUL, "Fog", flowers, 2, "Fog with two the flowerss");
    check_spec(MW_STRICT, "Fog", flowers, 2, "Fog with two flowers");
    check_spec(MW_STRICT, "Fog", NULL, 0, "Fog");
}

// ---- English

typedef char *change(mw_ctx *, const mw_english *, const char *);

static void check_words(change *f, const char *const *pairs)
{
    for (; *pairs; pairs += 2) {
        char *got = f(c, english, pairs[0]);
        if (!got || strcmp(got, pairs[1]) != 0)
            fail_msg("'%s' becomes '%s', expected '%s'", pairs[0], got ? got : mw_errmsg(c), pairs[1]);
        free(got);
    }
}

static void nouns(void **state)
{
    (void)state;
    static const char *const plurals[] = {"cat",
                                          "cats",
                                          "bus",
                                          "buses",
                                          "box",
                                          "boxes",
                                          "church",
                                          "churches",
                                          "goose",
                                          "geese",
                                          "sheep",
                                          "sheep",
                                          "snowman",
                                          "snowmen",
                                          "human",
                                          "humans",
                                          "child",
                                          "children",
                                          "person",
                                          "people",
                                          "knife",
                                          "knives",
                                          "leaf",
                                          "leaves",
                                          "roof",
                                          "roofs",
                                          "giraffe",
                                          "giraffes",
                                          "city",
                                          "cities",
                                          "monkey",
                                          "monkeys",
                                          "tomato",
                                          "tomatoes",
                                          "photo",
                                          "photos",
                                          "zoo",
                                          "zoos",
                                          "quiz",
                                          "quizzes",
                                          "lens",
                                          "lenses",
                                          "crisis",
                                          "crises",
                                          "cactus",
                                          "cactuses",
                                          "computer mouse",
                                          "computer mice",
                                          "apple on plate",
                                          "apples on plate",
                                          "slice of bread",
                                          "slices of bread",
                                          "mother-in-law",
                                          "mothers-in-law",
                                          "goldfish",
                                          "goldfish",
                                          "scissors",
                                          "scissors",
                                          "pair of scissors",
                                          "pair of scissors",
                                          "Teddy bear",
                                          "Teddy bears",
                                          "TV",
                                          "TVS",
                                          "  cat ",
                                          "  cats ",
                                          "",
                                          "",
                                          "child's",
                                          "child'ss",
                                          "sunglasses",
                                          "sunglassess",
                                          "FLOWERS",
                                          "FLOWERSS",
                                          "pairs of shoes",
                                          "pairss of shoes",
                                          "children",
                                          "childrens",
                                          "caf\xc3\xa9",
                                          "caf\xc3\xa9s",
                                          "Cherry",
                                          "Cherrys",
                                          NULL};
    // What strict makes of names that come more than once: a plural is itself, also of several words.
    static const char *const several[] = {"flower",
                                          "flowers",
                                          "flowers",
                                          "flowers",
                                          "red trees",
                                          "red trees",
                                          "glasses",
                                          "glasses",
                                          "glass",
                                          "glasses",
                                          "bus",
                                          "buses",
                                          "buses",
                                          "buses",
                                          "cactus",
                                          "cactuses",
                                          "lens",
                                          "lenses",
                                          "bunch of flowers",
                                          "bunches of flowers",
                                          "bunches of flowers",
                                          "bunches of flowers",
                                          "people",
                                          "people",
                                          "children",
                                          "children",
                                          "child",
                                          "children",
                                          "jeans",
                                          "jeans",
                                          "sheep",
                                          "sheep",
                                          "scissors",
                                          "scissors",
                                          "cross",
                                          "crosses",
                                          "canvas",
                                          "canvases",
                                          "specimen",
                                          "specimens",
                                          "women",
                                          "women",
                                          "child's",
                                          "children's",
                                          "FLOWERS",
                                          "FLOWERS",
                                          "Clouds",
                                          "Clouds",
                                          "tennis racket",
                                          "tennis rackets",
                                          "box",
                                          "boxes",
                                          "mice",
                                          "mice",
                                          "leaves",
                                          "leaves",
                                          "knife",
                                          "knives",
                                          "iris",
                                          "irises",
                                          " stars ",
                                          " stars ",
                                          "dog on the stairs",
                                          "dogs on the stairs",
                                          "opera",
                                          "operas",
                                          "octopus",
                                          "octopuses",
                                          "compass",
                                          "compasses",
                                          "geese",
                                          "geese",
                                          "",
                                          "",
                                          NULL};
    static const char *const singulars[] = {"cats",           "cat",     "geese",
                                            "goose",          "mice",    "mouse",
                                            "knives",         "knife",   "cherries",
                                            "cherry",         "foxes",   "fox",
                                            "buses",          "bus",     "hourglasses",
                                            "hourglass",      "cookies", "cookie",
                                            "shoes",          "shoe",    "houses",
                                            "house",          "sheep",   "sheep",
                                            "a hat",          "a hat",   "glasses of water",
                                            "glass of water", "people",  "person",
                                            "data",           "datum",   NULL};
    static const char *const articles[] = {
        "hat",     "a hat",     "owl",         "an owl",         "hourglass", "an hourglass",
        "unicorn", "a unicorn", "umbrella",    "an umbrella",    "euro",      "a euro",
        "one",     "a one",     "onesie",      "an onesie",      "FBI agent", "an FBI agent",
        "UFO",     "a UFO",     "x",           "an x",           "a hat",     "a hat",
        "an  owl", "an owl",    "yttrium bar", "an yttrium bar", "8 ball",    "a 8 ball",
        NULL};
    check_words(mw_plural, plurals);
    check_words(mw_several, several);
    check_words(mw_singular, singulars);
    check_words(mw_with_article, articles);
}

// The list beside this file.
static void common_nouns(void **state)
{
    (void)state;
    char *list = mw_file_read(c, "tests/nodes/nouns.txt", 1 << 20, NULL), *next = list;
    int n = 0;
    assert_non_null(list);
    for (char *line; (line = strsep(&next, "\n"));) {
        char *noun = strsep(&line, " "), *plural = strsep(&line, " ");
        if (*noun == '#' || !plural)
            continue;
        check_words(mw_plural, (const char *const[]){noun, plural, NULL});
        check_words(mw_several, (const char *const[]){noun, plural, plural, plural, NULL});
        if (!line)
            check_words(mw_singular, (const char *const[]){plural, noun, NULL});
        n++;
    }
    assert_true(n > 400);
    free(list);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        int n;
        const char *words;
    } some[] = {{0, "zero"},
                {12, "twelve"},
                {21, "twenty-one"},
                {40, "forty"},
                {101, "one hundred and one"},
                {1000, "one thousand"},
                {1001, "one thousand and one"},
                {1234, "one thousand, two hundred and thirty-four"},
                {2000300, "two million, three hundred"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        char *words = mw_number_words(c, some[i].n);
        assert_string_equal(words, some[i].words);
        free(words);
    }
    for (int i = 0; i < 100; i++) {
        char *words = mw_number_words(c, i);
        assert_int_equal(mw_number_of_word(words, strlen(words)), i);
        free(words);
    }
    assert_int_equal(mw_number_of_word("7", 1), 7);
    assert_int_equal(mw_number_of_word("some", 4), -1);
    assert_int_equal(mw_number_of_word("twenty-", 7), -1);
    assert_int_equal(mw_number_of_word("", 0), -1);
    assert_null(mw_number_words(c, -1));
    mw_err_clear(c);
}

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR; // the warnings are not the matter here
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
        cmocka_unit_test(literals),    cmocka_unit_test(wrong_literals),  cmocka_unit_test(random_literals),
        cmocka_unit_test(completions),

        cmocka_unit_test(filtered),    cmocka_unit_test(filtered_inside), cmocka_unit_test(prompts),
        cmocka_unit_test(nouns),       cmocka_unit_test(common_nouns),    cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
