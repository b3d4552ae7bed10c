// test_clip_tokenizer.c: CLIP token ids of the golden strings, spans, truncation, files good and bad.
// Long: small tokenizers of each kind are written here, with the ids they give.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/io/safetensors.h"
#include "nodes/nets/clip/clip_tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LENGTH = 77 };
static mw_ctx *c;
static mw_clip_tokenizer *plain, *second; // padded with the end token, and with "!"

static int32_t at(const mw_st *s, const char *name, int64_t i)
{
    const mw_st_entry *e = mw_st_find(s, name);
    int32_t x;
    assert_true(e && i < e->count);
    memcpy(&x, e->data + 4 * i, 4);
    return x;
}

static void check_spans(const mw_clip_tokens *all, size_t size)
{
    for (size_t i = 0; i < all->n; i++)
        assert_true(all->token[i].begin <= all->token[i].end && all->token[i].end <= size);
}

static void check_string(const mw_st *want, int64_t i, const char *text, size_t size)
{
    mw_clip_tokens all;
    assert_int_equal(mw_clip_tokenize(c, plain, text, size, &all), MW_OK);
    int32_t from = at(want, "plain_offsets", i);
    assert_int_equal(all.n, at(want, "plain_offsets", i + 1) - from);
    for (size_t j = 0; j < all.n; j++)
        assert_int_equal(all.token[j].id, at(want, "plain_ids", from + (int64_t)j));
    check_spans(&all, size);
    int32_t ids[LENGTH], other[LENGTH];
    mw_clip_fit fit;
    assert_int_equal(mw_clip_encode(c, plain, text, size, ids, &fit), MW_OK);
    assert_int_equal(mw_clip_encode(c, second, text, size, other, NULL), MW_OK);
    for (int j = 0; j < LENGTH; j++) {
        assert_int_equal(ids[j], at(want, "ids_sd1", i * LENGTH + j));
        assert_int_equal(other[j], at(want, "ids_sd2", i * LENGTH + j));
        assert_int_equal(j < fit.count, at(want, "attention_mask", i * LENGTH + j));
    }
    assert_true(all.n > LENGTH - 2 ? fit.lost == all.token[LENGTH - 2].begin : fit.lost == size);
    mw_clip_tokens_free(&all);
}

static void check_case(const char *folder, int64_t strings)
{
    char path[256];
    snprintf(path, sizeof path, "%s/inputs.safetensors", folder);
    mw_st *in = mw_st_open(c, path);
    snprintf(path, sizeof path, "%s/expected.safetensors", folder);
    mw_st *want = mw_st_open(c, path);
    assert_true(in && want);
    const mw_st_entry *bytes = mw_st_find(in, "text_bytes"), *offsets = mw_st_find(in, "text_offsets");
    assert_int_equal(offsets->count, strings + 1);
    for (int64_t i = 0; i < strings; i++) {
        int32_t from = at(in, "text_offsets", i), to = at(in, "text_offsets", i + 1);
        check_string(want, i, (const char *)bytes->data + from, (size_t)(to - from));
    }
    mw_st_close(in);
    mw_st_close(want);
}

static void golden_strings(void **state)
{
    (void)state;
    check_case("tests/golden/clip_tokenizer/written", 200);
    check_case("tests/golden/clip_tokenizer/fuzz", 60);
    assert_int_equal(mw_clip_tokenizer_length(plain), LENGTH);
    assert_int_equal(mw_clip_tokenizer_size(plain), 49408);
    assert_int_equal(mw_clip_tokenizer_begin(plain), 49406);
    assert_int_equal(mw_clip_tokenizer_end(plain), 49407);
    assert_int_equal(mw_clip_tokenizer_pad(plain), 49407);
    assert_int_equal(mw_clip_tokenizer_pad(second), 0);
}

// Token ids of a text, as "1 2 3", into buf.
static const char *ids_of(const mw_clip_tokenizer *t, const char *text, size_t size, char *buf, size_t room)
{
    mw_clip_tokens all;
    assert_int_equal(mw_clip_tokenize(c, t, text, size, &all), MW_OK);
    check_spans(&all, size);
    buf[0] = 0;
    for (size_t i = 0, used = 0; i < all.n && used < room; i++)
        used += (size_t)snprintf(buf + used, room - used, "%s%d", i ? " " : "", all.token[i].id);
    mw_clip_tokens_free(&all);
    return buf;
}

static void check_same(const char *a, size_t na, const char *b, size_t nb)
{
    char x[1024], y[1024];
    assert_string_equal(ids_of(plain, a, na, x, sizeof x), ids_of(plain, b, nb, y, sizeof y));
}

#define SAME(a, b) check_same(a, sizeof(a) - 1, b, sizeof(b) - 1)
#define R "\xEF\xBF\xBD" // U+FFFD

// Each wrong part of UTF-8 is one U+FFFD, as Python's errors="replace" has it.
static void wrong_utf8(void **state)
{
    (void)state;
    SAME("a\xFF!", "a" R "!");
    SAME("\xE4\xB8", R);
    SAME("\xE4\xB8 x", R " x");
    SAME("\xF0\x9F\x98", R);
    SAME("\xC0\xAF", R R);
    SAME("\xE0\x80\xAF", R R R);
    SAME("\xED\xA0\x80", R R R);
    SAME("\xF4\x90\x80\x80", R R R R);
    char x[64], y[64];
    ids_of(plain, "\xF0\x9F\x98\x80", 4, x, sizeof x);
    assert_string_not_equal(x, ids_of(plain, R, 3, y, sizeof y));
}

static void normal_forms(void **state)
{
    (void)state;
    SAME("e\xCC\x81", "\xC3\xA9");                                // e + acute
    SAME("q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87");               // marks in canonical order
    SAME("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"); // Hangul letters to a syllable
    SAME("\xE2\x84\xAB", "\xC3\xA5");                             // Angstrom sign, lower-cased
    SAME("\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC");             // excluded from composition
    SAME("\xC4\xB0", "i\xCC\x87");                                // I with a dot becomes two characters
    SAME("A\xC2\xA0\xE3\x80\x80\t\nB", "a b");
}

static void spans(void **state)
{
    (void)state;
    const char *text = "A caf\xC3\xA9, <|endoftext|> e\xCC\x81!";
    static const char *const parts[] = {"A", "caf\xC3\xA9", ",", "<|endoftext|>", "e\xCC\x81", "!"};
    mw_clip_tokens all;
    assert_int_equal(mw_clip_tokenize(c, plain, text, strlen(text), &all), MW_OK);
    assert_int_equal(all.n, 6);
    for (size_t i = 0; i < all.n; i++) {
        assert_int_equal(all.token[i].end - all.token[i].begin, strlen(parts[i]));
        assert_memory_equal(text + all.token[i].begin, parts[i], strlen(parts[i]));
    }
    assert_int_equal(all.token[3].id, 49407);
    mw_clip_tokens_free(&all);
    // Tokens inside a character have all of its bytes.
    assert_int_equal(mw_clip_tokenize(c, plain, "\xE1\x88\xBD", 3, &all), MW_OK);
    assert_true(all.n > 1);
    for (size_t i = 0; i < all.n; i++)
        assert_true(all.token[i].begin == 0 && all.token[i].end == 3);
    mw_clip_tokens_free(&all);
}

static void truncation(void **state)
{
    (void)state;
    char text[1024] = "";
    for (int i = 0; i < 80; i++)
        strcat(text, i == 75 ? " horse" : " cat");
    int32_t ids[LENGTH];
    mw_clip_fit fit;
    mw_clip_encode(c, plain, text, strlen(text), ids, &fit);
    assert_int_equal(fit.count, LENGTH);
    assert_int_equal(ids[LENGTH - 1], 49407);
    assert_string_equal(text + fit.lost, "horse cat cat cat cat");
    text[fit.lost - 1] = 0;
    mw_clip_encode(c, plain, text, strlen(text), ids, &fit);
    assert_int_equal(fit.lost, strlen(text));
    mw_clip_encode(c, plain, "", 0, ids, &fit);
    assert_int_equal(fit.count, 2);
    assert_int_equal(fit.lost, 0);
}

// A word of a megabyte, and a megabyte of combining marks, take n log n steps.
static void long_words(void **state)
{
    (void)state;
    size_t n = (size_t)1 << 20;
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + (i * i + i / 7) % 26);
    clock_t begin = clock();
    mw_clip_tokens all;
    assert_int_equal(mw_clip_tokenize(c, plain, text, n, &all), MW_OK);
    assert_true(all.n > n / 8 && all.token[all.n - 1].end == n);
    mw_clip_tokens_free(&all);
    memset(text, 0xCC, n);
    for (size_t i = 1; i < n; i += 2)
        text[i] = i / 2 % 2 ? (char)0x87 : (char)0xA3;
    assert_int_equal(mw_clip_tokenize(c, plain, text, n, &all), MW_OK);
    mw_clip_tokens_free(&all);
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 30);
    free(text);
}

// ---- folders

static char folder[] = "/tmp/mw_clip_XXXXXX";
static const char *const files[] = {
    "vocab.json",       "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json"};

static void empty_folder(void)
{
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
}

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mw_file_write(c, path, text, strlen(text)), MW_OK);
}

#define VOCAB                                                                                                \
    "{\"a\":0,\"b\":1,\"a</w>\":2,\"b</w>\":3,\"ab</w>\":4,\"aab</w>\":5,\"!</w>\":6,\"<s>\":7,\"<e>\":8,"   \
    "\"#</w>\":9,\"##</w>\":10,\"#\":11}"
#define MERGES "#version: 0.2\na b</w>\n\na ab</w>\r\n# #</w>\n"
#define END "{\"content\": \"<e>\", \"normalized\": true}"
#define CONFIG "\"bos_token\": \"<s>\", \"eos_token\": " END ", \"unk_token\": " END

static mw_clip_tokenizer *load(const char *vocab, const char *merges, const char *config)
{
    empty_folder();
    if (vocab)
        put("vocab.json", vocab);
    if (merges)
        put("merges.txt", merges);
    if (config)
        put("tokenizer_config.json", config);
    return mw_clip_tokenizer_load(c, folder, NULL);
}

static void small_folder(void **state)
{
    (void)state;
    char x[64];
    mw_clip_tokenizer *t =
        load(VOCAB, MERGES, "{" CONFIG ", \"pad_token\": " END ", \"model_max_length\": 5}");
    assert_non_null(t);
    assert_int_equal(mw_clip_tokenizer_length(t), 5);
    assert_int_equal(mw_clip_tokenizer_size(t), 12);
    assert_int_equal(mw_clip_tokenizer_pad(t), 8);
    // Merged by rank; a byte outside the vocabulary is unknown, here the end token; "# #" is a merge, no
    // comment.
    assert_string_equal(ids_of(t, "aab ab a", 8, x, sizeof x), "5 4 2");
    assert_string_equal(ids_of(t, "b! zb ##", 8, x, sizeof x), "3 6 8 3 10");
    // <e> is looked for in the normalised text, <s> in the raw one.
    assert_string_equal(ids_of(t, "<E>a<s>", 7, x, sizeof x), "8 2 7");
    assert_string_equal(ids_of(t, "<S>", 3, x, sizeof x), "8 8 8");
    int32_t ids[5], want[5] = {7, 2, 3, 2, 8};
    mw_clip_fit fit;
    mw_clip_encode(c, t, "a b a b a", 9, ids, &fit);
    assert_memory_equal(ids, want, sizeof ids);
    assert_int_equal(fit.lost, 6);
    mw_clip_tokenizer_free(t);
}

static void other_forms(void **state)
{
    (void)state;
    char x[64];
    assert_null(load(NULL, NULL, "{" CONFIG ", \"pad_token\": \"!\"}"));
    mw_err_clear(c);
    put("tokenizer.json",
        "{\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"vocab\": " VOCAB
        ", \"merges\": [\"a b</w>\", [\"a\", \"ab</w>\"]]},"
        "\"added_tokens\": [{\"id\": 12, \"content\": \"!\"}]}");
    mw_clip_tokenizer *t = mw_clip_tokenizer_load(c, folder, NULL);
    assert_non_null(t);
    assert_int_equal(mw_clip_tokenizer_pad(t), 12);
    assert_int_equal(mw_clip_tokenizer_size(t), 13);
    assert_int_equal(mw_clip_tokenizer_length(t), 77);
    assert_string_equal(ids_of(t, "aab!b", 5, x, sizeof x), "5 12 3");
    mw_clip_tokenizer_free(t);
    // special_tokens_map.json counts before a config without a list of added tokens.
    put("special_tokens_map.json", "{\"pad_token\": \"b\"}");
    t = mw_clip_tokenizer_load(c, folder, NULL);
    assert_non_null(t);
    assert_int_equal(mw_clip_tokenizer_pad(t), 1);
    mw_clip_tokenizer_free(t);
}

static void refuses(const char *vocab, const char *merges, const char *config, const char *says)
{
    assert_null(load(vocab, merges, config));
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), says) || !strstr(mw_errmsg(c), folder))
        fail_msg("'%s' does not say '%s' of %s", mw_errmsg(c), says, folder);
    mw_err_clear(c);
}

static void bad_folders(void **state)
{
    (void)state;
    const char *ok = "{" CONFIG "}";
    refuses(NULL, NULL, NULL, "neither vocab.json nor tokenizer.json");
    refuses(VOCAB, NULL, ok, "merges.txt");
    refuses("{\"a\":0", MERGES, ok, "vocab.json");
    refuses("[]", MERGES, ok, "vocab.json");
    refuses("{}", MERGES, ok, "no vocabulary");
    refuses("{\"a\":-1}", MERGES, ok, "'a'");
    refuses("{\"a\":1.5}", MERGES, ok, "'a'");
    refuses("{\"a\":\"1\"}", MERGES, ok, "'a'");
    refuses("{\"a\":1,\"a\":2}", MERGES, ok, "vocab.json");
    refuses("{\"a\":99999999999}", MERGES, ok, "'a'");
    refuses(VOCAB, "#version: 0.2\nab\n", ok, "merges.txt:2");
    refuses(VOCAB, "a b c\n", ok, "merges.txt:1");
    refuses(VOCAB, "a \n", ok, "merges.txt:1");
    refuses(VOCAB, "a b</w>\n", ok, "no merge makes 1 of its tokens, such as 'aab</w>'");
    refuses(VOCAB, "", ok, "no merge makes 2 of its tokens, such as 'ab</w>'");
    refuses(VOCAB, "a x\n", ok, "'x' is not in");
    refuses(VOCAB, "a a\n", ok, "'aa' is not in");
    refuses(VOCAB, MERGES, "{}", "<|startoftext|>");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"pad_token\": \"none\"}", "'none'");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"pad_token\": 3}", "'pad_token'");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"model_max_length\": 1}", "'model_max_length'");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"model_max_length\": \"77\"}", "'model_max_length'");
    empty_folder();
    put("tokenizer.json", "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}");
    assert_null(mw_clip_tokenizer_load(c, folder, NULL));
    assert_non_null(strstr(mw_errmsg(c), "BPE"));
    mw_err_clear(c);
}

// The added tokens of a folder as transformers 5.24.0 reads them, against the ids that it gave.
static void added_tokens(void **state)
{
    (void)state;
    char x[64];
    const char *ok = "{" CONFIG "}";
    mw_clip_tokenizer *t = load(VOCAB, MERGES, ok);
    mw_clip_tokenizer_free(t);
    // added_tokens.json: looked for in the normalised text, inside of words too, the longest first.
    put("added_tokens.json", "{\"<Sks>_1\": 13, \"<Sks>\": 12, \"ba\": 14}");
    t = mw_clip_tokenizer_load(c, folder, NULL);
    assert_non_null(t);
    assert_int_equal(mw_clip_tokenizer_size(t), 15);
    assert_string_equal(ids_of(t, "a <sks>_1 a", 11, x, sizeof x), "2 13 2");
    assert_string_equal(ids_of(t, "a<SKS>b", 7, x, sizeof x), "2 12 13 3"); // one text of two vectors
    assert_string_equal(ids_of(t, "aBaa", 4, x, sizeof x), "2 14 2");
    mw_clip_tokenizer_free(t);
    // A list in the config stands for all files; flags are read, and a token of the vocabulary keeps its id.
    static const char list[] =
        "{" CONFIG ", \"added_tokens_decoder\": {\"13\": {\"content\": \"B\", \"single_word\": true},"
        "\"12\": {\"content\": \"X\", \"normalized\": false, \"lstrip\": true}, \"7\": {\"content\": \"<s>\","
        "\"special\": true}, \"3\": {\"content\": \"ab</w>\"}}, \"additional_special_tokens\": [\"Y\", "
        "\"X\"]}";
    put("tokenizer_config.json", list);
    t = mw_clip_tokenizer_load(c, folder, NULL);
    assert_non_null(t);
    assert_int_equal(mw_clip_tokenizer_size(t), 15);
    assert_string_equal(ids_of(t, "a X aXa xY <sks>", 8, x, sizeof x), "2 12 2 12 2");
    assert_string_equal(ids_of(t, "Ya", 2, x, sizeof x), "14 2"); // special: only as it is written
    assert_string_equal(ids_of(t, "b ab, b\xCC\x81 (b)", 13, x, sizeof x), "13 4 8 3 8 8 8 13 8");
    mw_clip_tokenizer_free(t);
    refuses(VOCAB, MERGES, "{" CONFIG ", \"added_tokens_decoder\": {\"14\": {\"content\": \"x\"}}}",
            "'x' has the id 14, but the next free one is 12");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"added_tokens_decoder\": {\"x\": {\"content\": \"x\"}}}",
            "'x' needs");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"added_tokens_decoder\": {\"12\": \"x\"}}", "needs a text");
}

static void settings(void **state)
{
    (void)state;
    int32_t ids[6], want[6] = {8, 8, 7, 2, 3, 8};
    mw_clip_fit fit;
    mw_clip_tokenizer *t = load(VOCAB, MERGES,
                                "{" CONFIG ", \"pad_token\": " END ", \"model_max_length\": 6, "
                                "\"padding_side\": \"left\"}");
    assert_non_null(t);
    assert_true(mw_clip_tokenizer_pads_left(t));
    mw_clip_encode(c, t, "a b", 3, ids, &fit);
    assert_memory_equal(ids, want, sizeof ids);
    assert_int_equal(fit.first, 2);
    assert_int_equal(fit.count, 4);
    mw_clip_encode(c, t, "a b a b a", 9, ids, &fit);
    assert_int_equal(fit.first, 0);
    assert_int_equal(fit.lost, 8);
    mw_clip_tokenizer_free(t);
    refuses(VOCAB, MERGES, "{" CONFIG ", \"padding_side\": \"both\"}", "'padding_side'");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"truncation_side\": \"left\"}", "'truncation_side'");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"split_special_tokens\": true}", "'split_special_tokens'");
    refuses(VOCAB, MERGES, "{" CONFIG ", \"tokenizer_class\": \"RobertaTokenizer\"}", "\"RobertaTokenizer\"");
    t = load(VOCAB, MERGES,
             "{" CONFIG
             ", \"tokenizer_class\": \"CLIPTokenizer\", \"do_lower_case\": true, \"errors\": \"x\"}");
    assert_non_null(t);
    mw_clip_tokenizer_free(t);
}

static int begin(void **state)
{
    (void)state;
    plain = mw_clip_tokenizer_bundled(c, NULL);
    char *path = mw_share_path(c, "models/clip_vocab");
    second = mw_clip_tokenizer_load(c, path, "!");
    free(path);
    return plain && second && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    mw_clip_tokenizer_free(plain);
    mw_clip_tokenizer_free(second);
    empty_folder();
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_strings), cmocka_unit_test(wrong_utf8),  cmocka_unit_test(normal_forms),
        cmocka_unit_test(spans),          cmocka_unit_test(truncation),  cmocka_unit_test(long_words),
        cmocka_unit_test(small_folder),   cmocka_unit_test(other_forms), cmocka_unit_test(bad_folders),
        cmocka_unit_test(added_tokens),   cmocka_unit_test(settings),
    };
    c = mw_ctx_new();
    int failed = cmocka_run_group_tests(tests, begin, end);
    mw_ctx_free(c);
    return failed;
}
