// test_grammar.c: the grammar of layouts: what is drawn under its mask is always read, ends in time, stays on
// the canvas; a blank line in one token ends an answer.
#include "nodes/nets/layout/layout_filter.h"
#include "nodes/nets/layout/layout_parse.h"
#include "nodes/nets/llm/grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static int warnings;

static void count_warning(void *user, mw_log_level level, const char *text)
{
    (void)user;
    if (level <= MW_LOG_WARN && warnings++ < 3)
        print_message("%s\n", text);
}

// ---- vocabularies

// 0..255: bytes; then pieces that models have; then end, control and unreachable ones.
static const char *const pieces[] = {"\n\n",
                                     "\n",
                                     "[('",
                                     "', [",
                                     "), ('",
                                     ")]\n",
                                     "])]",
                                     "]), ('",
                                     " [",
                                     "Objects",
                                     ": [",
                                     "100",
                                     "12",
                                     "51",
                                     "3",
                                     ", ",
                                     " a",
                                     " red",
                                     " circle",
                                     " cat",
                                     " prompt",
                                     ": ",
                                     "Background",
                                     "Negative",
                                     " Negative prompt:",
                                     " a grey wall",
                                     "\xe7\x8c\xab",
                                     "\xe7\x8c",
                                     "\xc3\xb6",
                                     "\xf0\x9f\x98\x80",
                                     "`",
                                     "```",
                                     ":",
                                     "</think>",
                                     "\\",
                                     "'",
                                     "\"",
                                     "\xef\xbc\x9a",
                                     "\xe2\x80\x99",
                                     "None",
                                     "-",
                                     "**",
                                     "a cat",
                                     "a",
                                     "\xc2\xa0",
                                     "\xe3\x80\x80"};
enum { PIECES = sizeof pieces / sizeof *pieces, END = 256 + PIECES, CONTROL, VOCABULARY };

static mw_piece_kind piece_of(void *user, int32_t id, const char **bytes, size_t *length)
{
    static char byte;
    (void)user;
    byte = (char)id;
    *bytes = id < 256 ? &byte : id < END ? pieces[id - 256] : "</s>";
    *length = id < 256 ? 1 : strlen(*bytes);
    return id == END ? MW_PIECE_END : id == CONTROL ? MW_PIECE_CONTROL : MW_PIECE_TEXT;
}

static int32_t id_of(const char *piece)
{
    for (int i = 0; i < PIECES; i++)
        if (!strcmp(pieces[i], piece))
            return 256 + i;
    fail_msg("no piece %s", piece);
    return -1;
}

static mw_grammar_vocabulary *vocabulary;

static int begin(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log = count_warning;
    vocabulary = mw_grammar_vocabulary_new(c, VOCABULARY, piece_of, NULL);
    assert_non_null(vocabulary);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mw_grammar_vocabulary_free(vocabulary);
    mw_ctx_free(c);
    return 0;
}

// ---- drawing

static uint64_t seed;
static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

// No way is shorter than it says, and one is as short.
static void check_shortest(const mw_grammar *g, const mw_grammar_state *s)
{
    int least = 1 << 20, k = mw_grammar_shortest(g, s);
    for (int byte = 0; byte < 256; byte++) {
        mw_grammar_state next = *s;
        if (mw_grammar_step(g, &next, (uint8_t)byte) && mw_grammar_shortest(g, &next) < least)
            least = mw_grammar_shortest(g, &next);
    }
    assert_int_equal(mw_grammar_may_end(s), k == 0);
    if (k > 0)
        assert_int_equal(least, k - 1);
}

// An answer of at most `most` tokens, each drawn evenly from those that are allowed, or those of them that
// are no single bytes; its length. *ended: by an end token.
static size_t answer(const mw_grammar *g, int most, bool pieces_first, char *text, size_t size, bool *ended)
{
    mw_grammar_state s;
    uint8_t allowed[VOCABULARY];
    size_t n = 0;
    mw_grammar_begin(&s);
    *ended = false;
    for (int made = 0; made < most && !mw_grammar_complete(&s); made++) {
        int32_t may[VOCABULARY];
        uint32_t count = 0;
        check_shortest(g, &s);
        mw_grammar_mask(g, &s, vocabulary, most - made, allowed);
        for (int32_t id = pieces_first && draw(4) ? 256 : 0; id < VOCABULARY; id++)
            if (allowed[id])
                may[count++] = id;
        for (int32_t id = 0; !count && id < 256; id++)
            if (allowed[id])
                may[count++] = id;
        assert_true(count > 0);
        int32_t id = may[draw(count)];
        assert_true(id != CONTROL);
        if (id == END) {
            *ended = true;
            break;
        }
        const char *bytes;
        size_t length;
        piece_of(NULL, id, &bytes, &length);
        assert_true(n + length < size);
        memcpy(text + n, bytes, length);
        n += length;
        assert_true(mw_grammar_take(g, &s, vocabulary, id));
    }
    assert_true(mw_grammar_may_end(&s));
    text[n] = 0;
    return n;
}

static void read_it(const char *text, size_t n, const int canvas[2], mw_layout *l)
{
    static const mw_layout_source from = {"the answer", MW_E_RUN, NULL};
    mw_completion x;
    *l = (mw_layout){.canvas = {canvas[0], canvas[1]}};
    warnings = 0;
    if (mw_completion_read(c, &from, MW_STRICT, text, n, &x) == MW_OK)
        mw_layout_filter(c, &from, x.boxes, &(mw_filter_options){MW_STRICT, false, x.background}, l);
    if (mw_err(c) || warnings)
        fail_msg("%s: %s", mw_errmsg(c), text);
    assert_int_equal(l->n, json_array_size(x.boxes));
    mw_completion_free(&x);
}

static void whatever_is_drawn_is_read(void **state)
{
    (void)state;
    static char text[1 << 16];
    static const int canvases[][2] = {{512, 512}, {2, 2}, {64, 1000}};
    size_t objects = 0, ended = 0, letters = 0;
    seed = 1;
    for (int i = 0; i < 600; i++) {
        const int *canvas = canvases[i % 3];
        mw_grammar *g = mw_grammar_layout(c, canvas, NULL, 0);
        mw_layout l;
        bool by_end;
        size_t n = answer(g, 60 + (int)draw(600), i % 2, text, sizeof text, &by_end);
        read_it(text, n, canvas, &l);
        for (size_t k = 0; k < l.n; k++) {
            const double *b = l.object[k].box;
            assert_true(b[0] >= 0 && b[1] >= 0 && b[2] >= 1 && b[3] >= 1);
            assert_true(b[0] + b[2] <= canvas[0] && b[1] + b[3] <= canvas[1]);
        }
        objects += l.n;
        ended += by_end;
        letters += n;
        mw_layout_free(&l);
        mw_grammar_free(g);
    }
    assert_true(objects > 300 && ended > 20 && letters > 20000); // it was no empty play
}

static void names_are_of_the_list(void **state)
{
    (void)state;
    static char text[1 << 16];
    static const char *const names[] = {"a cat", "a cart", "a", "two cats", "\xe7\x8c\xab"};
    static const int canvas[2] = {512, 512};
    mw_grammar *g = mw_grammar_layout(c, canvas, names, 5);
    int seen[5] = {0};
    seed = 2;
    for (int i = 0; i < 200; i++) {
        mw_layout l;
        bool by_end;
        size_t n = answer(g, 300, i % 2, text, sizeof text, &by_end);
        read_it(text, n, canvas, &l);
        for (size_t k = 0; k < l.n; k++) {
            int which = 0;
            while (which < 5 && strcmp(names[which], l.object[k].phrase))
                which++;
            assert_true(which < 5);
            seen[which]++;
        }
        mw_layout_free(&l);
    }
    for (int k = 0; k < 5; k++)
        assert_true(seen[k] > 0);
    mw_grammar_free(g);
    assert_null(mw_grammar_layout(c, canvas, (const char *const[]){"a dog's bowl"}, 1));
    assert_non_null(strstr(mw_errmsg(c), "'a dog's bowl' can't be a name"));
    mw_err_clear(c);
    assert_null(mw_grammar_layout(c, canvas, names, 0));
    mw_err_clear(c);
}

// Goes on by a text; false where it may not come.
static bool follow(const mw_grammar *g, mw_grammar_state *s, const char *text)
{
    for (; *text; text++)
        if (!mw_grammar_step(g, s, (uint8_t)*text))
            return false;
    return true;
}

static bool takes(const mw_grammar *g, const char *text)
{
    mw_grammar_state s;
    mw_grammar_begin(&s);
    return follow(g, &s, text) && mw_grammar_may_end(&s);
}

static void what_models_answer(void **state)
{
    (void)state;
    mw_grammar *g = mw_grammar_layout(c, (const int[]){512, 512}, NULL, 0);
    assert_true(
        takes(g,
              "Objects: [('a red circle', [72, 72, 128, 128]), ('a blue star', [312, 312, 136, 136])]\n"
              "Background prompt: a green meadow\nNegative prompt:"));
    assert_true(
        takes(g, " [('a cat', [0, 0, 512, 511])]\nBackground prompt: A wall\nNegative prompt: dogs\n\n"));
    assert_true(takes(g, "[]\nBackground prompt: \xe7\x8c\xab\nNegative prompt: \n"));
    static const char *const wrong[] = {
        "[('a cat', [0, 0, 512, 512])", // the whole canvas
        "[('a cat', [500, 0, 13",
        "[('a cat', [0, 500, 1, 13",
        "[('a cat', [512",
        "[('a cat', [0, 0, 0",
        "[('a cat', [01",
        "[('a cat', [1, ,",
        "[('',",
        "[(' ',",
        "[('it\\",
        "[('\xff",
        "[('\xe7'",
        "[]\n\n",
        "[]\nBackground prompt: a ```",
        "[]\nBackground prompt: Objects\xef\xbc\x9a",
        "[]\nBackground prompt: \n",
        "[]\nBackground prompt: Negative prompt:",
        "[]\nBackground prompt: a\nNegative prompt: b\n\n\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mw_grammar_state s;
        mw_grammar_begin(&s);
        if (follow(g, &s, wrong[i]))
            fail_msg("it takes: %s", wrong[i]);
    }
    mw_grammar_free(g);
}

// What is too long is told in time: a letter still finds its place behind any number of blanks and signs.
static void a_long_name_keeps_room_for_a_letter(void **state)
{
    (void)state;
    mw_grammar *g = mw_grammar_layout(c, (const int[]){512, 512}, NULL, 0);
    mw_grammar_state s;
    mw_grammar_begin(&s);
    assert_true(follow(g, &s, "[('"));
    int n = 0;
    for (mw_grammar_state next = s; follow(g, &next, "-"); s = next)
        n++;
    assert_int_equal(n, MW_GRAMMAR_NAME - 1);
    assert_true(follow(g, &s, "a'"));
    mw_grammar_free(g);
}

// The end: an end token, a line's end and a blank line in one token all may come, and nothing else; then it
// is over.
static void the_end_is_open(void **state)
{
    (void)state;
    uint8_t allowed[VOCABULARY];
    mw_grammar *g = mw_grammar_layout(c, (const int[]){512, 512}, NULL, 0);
    mw_grammar_state s;
    mw_grammar_begin(&s);
    assert_true(follow(g, &s, "[]\nBackground prompt: a wall\nNegative prompt:"));
    mw_grammar_mask(g, &s, vocabulary, 9, allowed);
    assert_true(allowed[END] && allowed[id_of("\n\n")] && allowed[id_of("\n")] && allowed[id_of(" cat")]);
    assert_false(allowed[id_of("a")] || allowed[CONTROL] || allowed[id_of(": ")]);
    mw_grammar_state line = s;
    assert_true(mw_grammar_take(g, &s, vocabulary, id_of("\n\n")));
    assert_true(mw_grammar_complete(&s));
    assert_true(mw_grammar_take(g, &line, vocabulary, id_of("\n")));
    assert_true(mw_grammar_complete(&line));
    mw_grammar_mask(g, &s, vocabulary, 9, allowed);
    for (int32_t id = 0; id < VOCABULARY; id++)
        assert_int_equal(allowed[id], id == END);
    // No end in the middle.
    mw_grammar_begin(&s);
    assert_true(follow(g, &s, "[]\nBackground prompt: a wall"));
    mw_grammar_mask(g, &s, vocabulary, 99, allowed);
    assert_false(allowed[END] || allowed[id_of("\n\n")]);
    assert_true(allowed[id_of("\n")]);
    mw_grammar_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_drawn_is_read), cmocka_unit_test(names_are_of_the_list),
        cmocka_unit_test(what_models_answer),        cmocka_unit_test(a_long_name_keeps_room_for_a_letter),
        cmocka_unit_test(the_end_is_open),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
