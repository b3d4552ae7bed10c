// test_layout_rounds.c: what objects of a prompt may be called; what of a layout stays from one round to the
// next.
#include "nodes/nets/layout/layout_names.h"
#include "nodes/nets/layout/layout_rounds.h"
#include "nodes/nets/layout/layout_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;

static int begin(void **state)
{
    (void)state;
    c = mw_ctx_new();
    return c == NULL;
}

static int end(void **state)
{
    (void)state;
    mw_ctx_free(c);
    return 0;
}

// ---- names

static bool has(char **names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static void names_are_runs_of_words(void **state)
{
    (void)state;
    static const char *const good[] = {"a red circle", "red circle", "red circles",
                                       "a blue star",  "star",       "a green meadow"};
    static const char *const wrong[] = {"circles and",       "and a blue star",   "star green",
                                        "three red circles", "on a green meadow", "meadow no"};
    size_t n;
    mw_english *e = mw_english_load(c);
    char **names = mw_layout_names(c, e, "three red circles and a blue star, on a green meadow; no dogs", &n);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!has(names, n, good[i]))
            fail_msg("no name '%s'", good[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (has(names, n, wrong[i]))
            fail_msg("a name '%s'", wrong[i]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    mw_layout_names_free(names, n);
    names = mw_layout_names(c, e, "an owl", &n);
    assert_true(has(names, n, "an owl") && has(names, n, "owl") && n == 2);
    mw_layout_names_free(names, n);
    names = mw_layout_names(c, e, ", . and the", &n);
    assert_int_equal(n, 0);
    mw_layout_names_free(names, n);
    names = mw_layout_names(c, e, "\xe7\xba\xa2\xe8\x89\xb2\xe5\x9c\x86\xe5\xbd\xa2",
                            &n); // red circle, in Chinese
    assert_true(n > 0);
    mw_layout_names_free(names, n);
    mw_english_free(e);
    assert_int_equal(mw_err(c), MW_OK);
}

// ---- rounds

typedef struct {
    const char *name;
    double box[4];
    int seed; // 0: none
} object;

static void make(mw_layout *l, const object *o, size_t n)
{
    *l = (mw_layout){.canvas = {512, 512}};
    for (size_t i = 0; i < n; i++) {
        mw_layout_add(c, l, o[i].name, strlen(o[i].name), o[i].box);
        l->object[i].seeded = o[i].seed;
        l->object[i].seed = (uint64_t)o[i].seed;
    }
}

#define N(list) (sizeof(list) / sizeof *(list))

static void check(const object *before, size_t nb, const char *instruction, bool told, const object *now,
                  size_t nn, const object *want)
{
    mw_layout b, l;
    make(&b, before, nb);
    make(&l, now, nn);
    assert_int_equal(mw_layout_follow(c, &b, instruction, told, &l), MW_OK);
    for (size_t i = 0; i < nn; i++) {
        assert_string_equal(l.object[i].phrase, want[i].name);
        for (int k = 0; k < 4; k++)
            assert_int_equal((int)l.object[i].box[k], (int)want[i].box[k]);
        assert_int_equal(l.object[i].seeded ? (int)l.object[i].seed : 0, want[i].seed);
    }
    mw_layout_free(&b);
    mw_layout_free(&l);
}

static const object two[] = {{"a cat", {10, 200, 100, 100}, 5}, {"a dog", {300, 200, 100, 100}, 9}};

static void numbers_copied_wrongly_are_put_right(void **state)
{
    (void)state;
    const object now[] = {
        {"a dog", {303, 198, 100, 104}}, {"A cat", {14, 200, 96, 100}}, {"a bird", {5, 5, 50, 50}}};
    const object want[] = {{"a dog", {300, 200, 100, 100}, 9},
                           {"A cat", {10, 200, 100, 100}, 5},
                           {"a bird", {5, 5, 50, 50}, 10}};
    check(two, 2, "add a bird", true, now, N(now), want);
}

static void what_the_instruction_names_or_moves_far_is_moved(void **state)
{
    (void)state;
    const object now[] = {{"a cat", {20, 200, 100, 100}}, {"a dog", {310, 10, 100, 100}}};
    const object named[] = {{"a cat", {20, 200, 100, 100}, 5}, {"a dog", {310, 10, 100, 100}, 9}};
    check(two, 2, "Put both cats and the dog elsewhere", true, now, N(now), named);
    const object far[] = {{"a cat", {10, 200, 100, 100}, 5}, {"a dog", {310, 10, 100, 100}, 9}};
    check(two, 2, "Tidy up, catalogue", true, now, N(now), far);
}

static void a_new_name_in_an_old_box_keeps_the_seed(void **state)
{
    (void)state;
    const object now[] = {{"a red cat", {10, 200, 100, 100}}, {"a dog", {300, 200, 100, 100}}};
    const object want[] = {{"a red cat", {10, 200, 100, 100}, 5}, {"a dog", {300, 200, 100, 100}, 9}};
    check(two, 2, "make the cat red", true, now, N(now), want);
}

// The same caption with the places exchanged: both are moved; laid out elsewhere in the same order, both
// stay.
static void a_whole_new_caption_moves_what_it_turns_around(void **state)
{
    (void)state;
    const object turned[] = {{"a cat", {300, 100, 90, 90}}, {"a dog", {20, 100, 90, 90}}};
    const object moved[] = {{"a cat", {300, 100, 90, 90}, 5}, {"a dog", {20, 100, 90, 90}, 9}};
    check(two, 2, "a cat to the right of a dog", false, turned, N(turned), moved);
    const object stay[] = {{"a cat", {10, 200, 100, 100}, 5}, {"a dog", {300, 200, 100, 100}, 9}};
    check(two, 2, "a cat and a dog, bright", false, turned, N(turned), stay);
    const object same[] = {{"a cat", {30, 100, 90, 90}}, {"a dog", {400, 100, 90, 90}}};
    check(two, 2, "a cat to the left of a dog", false, same, N(same), two);
}

// Names that come twice are taken in their order; without seeds before there are none behind.
static void equal_names_are_taken_in_order(void **state)
{
    (void)state;
    const object before[] = {{"a cat", {0, 0, 50, 50}, 1}, {"a cat", {100, 0, 50, 50}}};
    const object now[] = {
        {"a cat", {0, 0, 50, 50}}, {"a cat", {100, 0, 50, 50}}, {"a cat", {200, 0, 50, 50}}};
    const object want[] = {
        {"a cat", {0, 0, 50, 50}, 1}, {"a cat", {100, 0, 50, 50}}, {"a cat", {200, 0, 50, 50}}};
    check(before, 2, "one more", true, now, N(now), want);
}

// ---- templates

static void a_prompt_is_one_line_and_no_place(void **state)
{
    (void)state;
    char *t = mw_layout_template_fill(c, "{previous}|{examples}|{prompt}|{x}", "  a {previous}\n\t cat.. ",
                                      NULL, "{prompt}");
    assert_string_equal(t, "{prompt}||a {previous} cat|{x}");
    free(t);
}

static void what_is_written_is_read_by_eye(void **state)
{
    (void)state;
    mw_layout l;
    make(&l, (const object[]){{"a king's hat", {1, 2, 3, 4}}, {"the \"x\"", {5, 6, 7, 8}}}, 2);
    l.background = strdup("a wall");
    l.negative = strdup("");
    char *text = mw_layout_written(c, &l);
    assert_string_equal(text,
                        "Objects: [(\"a king's hat\", [1, 2, 3, 4]), ('the \"x\"', [5, 6, 7, 8])]\n"
                        "Background prompt: a wall\nNegative prompt: \n");
    free(text);
    mw_layout_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_runs_of_words),
        cmocka_unit_test(numbers_copied_wrongly_are_put_right),
        cmocka_unit_test(what_the_instruction_names_or_moves_far_is_moved),
        cmocka_unit_test(a_new_name_in_an_old_box_keeps_the_seed),
        cmocka_unit_test(a_whole_new_caption_moves_what_it_turns_around),
        cmocka_unit_test(equal_names_are_taken_in_order),
        cmocka_unit_test(a_prompt_is_one_line_and_no_place),
        cmocka_unit_test(what_is_written_is_read_by_eye),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
