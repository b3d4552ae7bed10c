// test_phrase_tokens.c: where phrases and words lie among a prompt's tokens, in both modes.
#include "nodes/nets/clip/clip_token_text.h"
#include "nodes/nets/guidance/phrase_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static mw_clip_tokenizer *t;

// "1 2>2 | 5 6>6": positions and word of each phrase.
static void check(mw_layout_mode mode, const char *prompt, const char *const *phrases,
                  const char *const *words, size_t n, const char *want_prompt, const char *want)
{
    mw_phrase_options o = {.mode = mode, .need_words = true, .limit = 77};
    mw_prompt_tokens p;
    char got[200] = "";
    if (mw_prompt_tokens_find(c, t, prompt, phrases, words, n, &o, &p) != MW_OK)
        fail_msg("%s: %s", prompt, mw_errmsg(c));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < p.phrase[i].n; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d",
                     k       ? " "
                         : i ? " | "
                             : "",
                     p.phrase[i].position[k]);
        snprintf(got + strlen(got), sizeof got - strlen(got), ">%d", p.phrase[i].word);
    }
    assert_string_equal(p.prompt, want_prompt);
    assert_string_equal(got, want);
    mw_prompt_tokens_free(&p);
}

static void one(mw_layout_mode mode, const char *prompt, const char *phrase, const char *word,
                const char *want_prompt, const char *want)
{
    check(mode, prompt, &phrase, word ? &word : NULL, 1, want_prompt, want);
}

static void both_modes(void **state)
{
    (void)state;
    const char *phrases[] = {"two cats", "a dog"}, *words[] = {"cats", "dog"};
    const char *scene = "A realistic scene with two cats, a dog";
    for (int mode = MW_STRICT; mode <= MW_FAITHFUL; mode++) {
        check(mode, scene, phrases, words, 2, scene, "5 6>6 | 8 9>9");
        one(mode, "A forest", "a dog", "dog", "A forest| a dog", "4 5>5");
        one(mode, "a zebra-striped quokka", "a zebra-striped quokka", "quokka", "a zebra-striped quokka",
            "1 2 3 4 5 6 7>7");
        one(mode, "a dog and a dog", "a dog", "dog", "a dog and a dog",
            mode == MW_STRICT ? "4 5>5" : "1 2>2");
    }
}

static void faithful(void **state)
{
    (void)state;
    one(MW_FAITHFUL, "a photo of la car with a car", "a car", "car", "a photo of la car with a car", "5 6>6");
    one(MW_FAITHFUL, "pa car", "a car", "car", "pa car", "2 3>3");
    one(MW_FAITHFUL, "A Dog", "a dog", "dog", "A Dog| a dog", "1 2>2");
    one(MW_FAITHFUL, "a smart cart with art", "art", "art", "a smart cart with art", "3>3");
    one(MW_FAITHFUL, "a big big bear", "a big big bear", "big", "a big big bear", "1 2 3 4>2");
    const char *phrases[] = {"a red apple", "a mug"};
    check(MW_FAITHFUL, "a red apple, a mug", phrases, NULL, 2, "a red apple, a mug", "1 2 3>3 | 5 6>3");
}

static void strict(void **state)
{
    (void)state;
    one(MW_STRICT, "a photo of la car with a car", "a car", "car", "a photo of la car with a car", "7 8>8");
    one(MW_STRICT, "pa car", "a car", "car", "pa car| a car", "4 5>5");
    one(MW_STRICT, "A Dog", "a dog", "dog", "A Dog", "1 2>2");
    one(MW_STRICT, "a cat statue, a cat", "a cat", "cat", "a cat statue, a cat", "5 6>6");
    one(MW_STRICT, "a big big bear", "a big big bear", "big", "a big big bear", "1 2 3 4>3");
    const char *phrases[] = {"a red apple", "a mug"};
    check(MW_STRICT, "a red apple, a mug", phrases, NULL, 2, "a red apple, a mug", "1 2 3>3 | 5 6>6");
    // the list of phrases counts before what lies in front of it
    const char *phrase = "a dog";
    mw_phrase_options o = {.mode = MW_STRICT, .list_from = 7, .end = true};
    mw_prompt_tokens p;
    assert_int_equal(mw_prompt_tokens_find(c, t, "a dog, a dog runs", &phrase, NULL, 1, &o, &p), MW_OK);
    assert_int_equal(p.phrase[0].n, 3);
    assert_true(p.phrase[0].position[0] == 4 && p.phrase[0].word == 5 && p.phrase[0].position[2] == 7);
    assert_int_equal(p.ids[p.phrase[0].position[2]], mw_clip_tokenizer_end(t));
    mw_prompt_tokens_free(&p);
}

static void refuse(mw_layout_mode mode, const char *prompt, const char *phrase, const char *word,
                   const char *sentence)
{
    mw_phrase_options o = {.mode = mode, .need_words = true, .limit = 77};
    mw_prompt_tokens p;
    assert_int_equal(mw_prompt_tokens_find(c, t, prompt, &phrase, &word, 1, &o, &p), MW_E_ARG);
    if (!strstr(mw_errmsg(c), sentence))
        fail_msg("'%s' has no '%s'", mw_errmsg(c), sentence);
    mw_err_clear(c);
    mw_prompt_tokens_free(&p);
}

static void refusals(void **state)
{
    (void)state;
    char many[800] = "";
    for (int i = 0; i < 76; i++)
        strcat(many, "the ");
    for (int mode = MW_STRICT; mode <= MW_FAITHFUL; mode++) {
        refuse(mode, "a boat", "a boat", "ship", "the word \"ship\" is not in the phrase \"a boat\"");
        refuse(mode, "a boat", "", "", "has no tokens");
        refuse(mode, "a boat", "  ", "", "has no tokens");
        refuse(mode, many, "a cat", "cat", "the text encoder takes 77");
    }
    refuse(MW_FAITHFUL, "word", "wo", "wo", "is not in the prompt");
}

// The token texts joined are the text, in the alphabet of its letters.
static void texts(void **state)
{
    (void)state;
    mw_clip_token_texts *x = mw_clip_token_texts_new(c, t);
    const char *text = "photosynthesis, na\xc3\xafve \xf0\x9f\x90\xb1 zebra-striped 12 \xe5\xaf\xbf";
    mw_clip_tokens all;
    char got[400] = "", buf[MW_CLIP_TOKEN_MAX];
    assert_int_equal(mw_clip_tokenize(c, t, text, strlen(text), &all), MW_OK);
    for (size_t i = 0; i < all.n; i++)
        strcat(got, mw_clip_token_text(x, all.token[i].id, buf));
    assert_string_equal(got,
                        "photosynthesis</w>,</w>na\xc3\xafve</w>\xf0\x9f\x90\xb1</w>zebra</w>-</w>striped</"
                        "w>1</w>2</w>\xe5\xaf\xbf</w>");
    assert_string_equal(mw_clip_token_text(x, mw_clip_tokenizer_end(t), buf), "<|endoftext|>");
    assert_string_equal(mw_clip_token_text(x, -1, buf), "");
    mw_clip_tokens_free(&all);
    mw_clip_token_texts_free(x);
}

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    t = mw_clip_tokenizer_bundled(c, NULL);
    return t ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mw_clip_tokenizer_free(t);
    mw_ctx_free(c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_modes), cmocka_unit_test(faithful), cmocka_unit_test(strict),
        cmocka_unit_test(refusals),   cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
