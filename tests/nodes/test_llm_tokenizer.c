// test_llm_tokenizer.c: tokenizers of language models in folders and files, good and bad; what is somebody
// else's text; text while tokens arrive.
#include "core/base/file.h"
#include "core/base/text.h"
#include "nodes/nets/llm/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/tokenizers/"
static mw_ctx *c;
static char folder[] = "/tmp/moonweave-tokenizer-XXXXXX";

static void write_text(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mw_file_write(c, path, text, strlen(text)), MW_OK);
}

static void copy(const char *from, const char *name)
{
    char path[128];
    size_t size;
    char *data = mw_file_read(c, from, (size_t)1 << 20, &size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mw_file_write(c, path, data, size), MW_OK);
    free(data);
}

static void empty_folder(void)
{
    static const char *const names[] = {
        "tokenizer.json",    "tokenizer.model",         "tokenizer_config.json",
        "added_tokens.json", "special_tokens_map.json", "generation_config.json",
        "config.json",       "chat_template.jinja",     "vocab.gguf"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
}

// The ids of a text, as "1 2 3".
static void check_ids(const mw_llm_tokenizer *t, const char *text, bool special, bool add, const char *want)
{
    mw_llm_ids ids = {0};
    char got[400] = "";
    assert_int_equal(mw_llm_encode(c, t, text, strlen(text), special, add, &ids), MW_OK);
    for (size_t i = 0; i < ids.n && strlen(got) < 380; i++)
        sprintf(got + strlen(got), i ? " %d" : "%d", ids.id[i]);
    if (strcmp(got, want) != 0)
        fail_msg("'%s' gives %s, not %s", text, got, want);
    mw_llm_ids_free(&ids);
}

static mw_llm_tokenizer *open_folder(void)
{
    mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, folder);
    if (!t)
        fail_msg("%s", mw_errmsg(c));
    return t;
}

static void check_refused(const char *path, const char *why)
{
    mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, path);
    assert_null(t);
    if (mw_err(c) != MW_E_FILE || !strstr(mw_errmsg(c), why))
        fail_msg("'%s' does not say '%s'", mw_errmsg(c), why);
    mw_err_clear(c);
}

// ---- folders

static void other_files_have_their_say(void **state)
{
    (void)state;
    empty_folder();
    copy(GOLDEN "spm_llama/model/tokenizer.model", "tokenizer.model");
    mw_llm_tokenizer *t = open_folder();
    size_t n;
    assert_int_equal(mw_llm_tokenizer_size(t), 1000);
    assert_int_equal(mw_llm_tokenizer_begin(t), 1);
    assert_int_equal(*mw_llm_tokenizer_ends(t, &n), 2);
    assert_int_equal(n, 1);
    assert_null(mw_llm_tokenizer_chat_template(t));
    check_ids(t, "a", false, true, "1 259");
    check_ids(t, "<s>a", false, false, "669 753 904 745"); // spelled, not the token
    check_ids(t, "<s>a</s>", true, false, "1 259 2");
    mw_llm_tokenizer_free(t);

    write_text("added_tokens.json", "{\"<|im_start|>\": 1000, \"<|im_end|>\": 1001}");
    write_text("tokenizer_config.json",
               "{\"add_bos_token\": false, \"add_eos_token\": true, \"eos_token\": {\"content\": "
               "\"<|im_end|>\"}, \"legacy\": false,"
               " \"chat_template\": [{\"name\": \"tool_use\", \"template\": \"x\"}, {\"name\": \"default\", "
               "\"template\": \"y\"}],"
               " \"added_tokens_decoder\": {\"1000\": {\"content\": \"<|im_start|>\", \"special\": true},"
               " \"1001\": {\"content\": \"<|im_end|>\", \"special\": true, \"rstrip\": true}}}");
    write_text("generation_config.json", "{\"eos_token_id\": [2, 1001, 5]}");
    t = open_folder();
    assert_string_equal(mw_llm_tokenizer_chat_template(t), "y");
    assert_int_equal(mw_llm_tokenizer_end(t), 1001);
    assert_true(mw_llm_tokenizer_is_end(t, 2) && mw_llm_tokenizer_is_end(t, 5) &&
                mw_llm_tokenizer_is_end(t, 1001));
    assert_false(mw_llm_tokenizer_is_end(t, 1000));
    check_ids(t, "a", false, true, "259 1001");
    check_ids(t, "<|im_start|>a<|im_end|>  a", true, false,
              "1000 745 1001 745"); // not legacy: one space in front of all
    assert_int_equal(mw_llm_token_named(t, "<|im_end|>", 10), 1001);
    mw_llm_tokenizer_free(t);

    write_text("chat_template.jinja", "z");
    t = open_folder();
    assert_string_equal(mw_llm_tokenizer_chat_template(t), "z");
    mw_llm_tokenizer_free(t);
    empty_folder();
    check_refused(folder, "tokenizer.model or tokenizer.json is expected");
}

// ---- bad files

#define JSON(MODEL, MORE) "{\"model\": {" MODEL "}, " MORE "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}}"
#define BPE "\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [\"a b\"]"

static void what_is_not_understood_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {JSON("\"type\": \"Unigram\"", ""), "its model is 'Unigram'"},
        {JSON(BPE, "\"normalizer\": {\"type\": \"Lowercase\"}, "), "Lowercase"},
        {JSON("\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 0}, \"merges\": []", ""),
         "the id of another (0)"},
        {JSON("\"type\": \"BPE\", \"vocab\": {\"a\": 7000000}, \"merges\": []", ""), "from 0 to"},
        {JSON("\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []", ""), "from 0 to"},
        {JSON("\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]", ""), "its merge 0, \"a b\""},
        {JSON("\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [3]", ""), "its merge 0, 3"},
        {JSON("\"type\": \"BPE\", \"vocab\": {}, \"merges\": []", ""), "vocabulary is empty"},
        {JSON(BPE ", \"end_of_word_suffix\": \"</w>\"", ""), "marks parts of words"},
        {JSON(BPE, "\"added_tokens\": [{\"id\": 9000000, \"content\": \"x\"}], "), "its added token"},
        {"{\"model\": {" BPE "}, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
         "\"Split\", \"pattern\": "
         "{\"Regex\": \"(a\"}, \"behavior\": \"Isolated\"}, {\"type\": \"ByteLevel\"}]}}",
         "'(a' that cuts texts is not understood"},
        {"{\"model\": {" BPE
         "}, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Whitespace\"}, "
         "{\"type\": \"ByteLevel\"}]}}",
         "Whitespace"},
        {"{\"model\": {" BPE "}}", "neither byte-level nor sentencepiece's"},
        {"{\"model\": 3}", "model"},
        {"{\"model\": ", "no valid JSON"},
    };
    empty_folder();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text("tokenizer.json", bad[i].text);
        check_refused(folder, bad[i].why);
    }
    write_text("tokenizer.json", JSON(BPE, ""));
    mw_llm_tokenizer *t = open_folder();
    check_ids(t, "abz", false, false, "2"); // a byte that the vocabulary lacks is dropped
    mw_llm_tokenizer_free(t);
    empty_folder();
}

// Files cut at every length, and with each of their first bytes changed, are refused or read, and nothing
// else.
static void damaged_files_are_refused(void **state)
{
    (void)state;
    size_t size, refused = 0;
    char path[128], *data = mw_file_read(c, GOLDEN "bpe_added/model/tokenizer.model", (size_t)1 << 20, &size);
    snprintf(path, sizeof path, "%s/tokenizer.model", folder);
    for (size_t i = 0; i < 900; i++) {
        char was = data[i];
        size_t n = i < 400 ? i * size / 400 : size;
        data[i] = (char)(i < 400 ? was : was + 1 + (char)i);
        mw_file_write(c, path, data, n);
        mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, path);
        refused += t == NULL;
        if (!t)
            assert_non_null(strstr(mw_errmsg(c), "tokenizer.model"));
        mw_err_clear(c);
        mw_llm_tokenizer_free(t);
        data[i] = was;
    }
    assert_true(refused > 500);
    free(data);
    empty_folder();
}

// A GGUF file in which one text is replaced by another of the same length.
static void check_gguf(const char *old, const char *new, const char *why)
{
    char path[128];
    size_t size;
    char *data = mw_file_read(c, GOLDEN "bbpe_qwen2/vocab.gguf", (size_t)1 << 20, &size),
         *at = memmem(data, size, old, strlen(old));
    assert_non_null(at);
    memcpy(at, new, strlen(new));
    snprintf(path, sizeof path, "%s/vocab.gguf", folder);
    assert_int_equal(mw_file_write(c, path, data, size), MW_OK);
    free(data);
    check_refused(path, why);
}

static void gguf_says_what_it_lacks(void **state)
{
    (void)state;
    check_gguf("ggml.model", "ggml.mxdel", "tokenizer.ggml.model");
    check_gguf("gpt2", "gpt3", "is 'gpt3'; known are");
    check_gguf("qwen2", "qwenX", "'qwenX', which is not known");
    check_gguf("ggml.pre", "ggml.prx", "does not say how texts are cut");
    check_gguf("ggml.tokens", "ggml.tokenz", "holds no vocabulary");
    check_gguf("ggml.merges", "ggml.merjes", "without merges");
    empty_folder();
}

// ---- somebody else's text

static void only_ones_own_text_names_control_tokens(void **state)
{
    (void)state;
    mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, GOLDEN "bbpe_llama3/vocab.gguf");
    const char text[] = "<|eot_id|><|eot_id|><|eot_id|>";
    const mw_text_span spans[][2] = {{{10, 20}}, {{0, 30}},          {{9, 10}},
                                     {{19, 21}}, {{5, 6}, {25, 26}}, {{10, 10}, {20, 20}}};
    const size_t n[] = {1, 1, 1, 1, 2, 2}, ends[] = {2, 0, 2, 1, 1, 3};
    for (size_t i = 0; i < 6; i++) {
        mw_llm_ids ids = {0};
        size_t found = 0;
        assert_int_equal(mw_llm_encode_parts(c, t, text, 30, spans[i], n[i], false, &ids), MW_OK);
        for (size_t k = 0; k < ids.n; k++)
            found += ids.id[k] == 804;
        assert_int_equal(found, ends[i]);
        mw_llm_ids_free(&ids);
    }
    mw_llm_tokenizer_free(t);
}

static size_t count_ids(const mw_llm_tokenizer *t, const char *text, bool special)
{
    mw_llm_ids ids = {0};
    assert_int_equal(mw_llm_encode(c, t, text, strlen(text), special, false, &ids), MW_OK);
    size_t n = ids.n;
    mw_llm_ids_free(&ids);
    return n;
}

// A file may call the marks of its conversations ordinary words: they are none for what a user writes.
static void marks_of_conversations_are_control_tokens(void **state)
{
    (void)state;
    mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, GOLDEN "hf_digits/model");
    assert_int_equal(count_ids(t, "<|tool|>", true), 1);
    assert_int_equal(count_ids(t, "<|tool|>", false), 3); // its letters
    assert_int_equal(count_ids(t, "<alone>", false), 1);
    mw_llm_tokenizer_free(t);
}

// ---- text while tokens arrive

static void chunks_are_whole_characters(void **state)
{
    (void)state;
    static const char *const files[] = {GOLDEN "bbpe_gpt2/vocab.gguf", GOLDEN "spm_llama/vocab.gguf"};
    uint32_t seed = 1;
    for (int f = 0; f < 2; f++) {
        mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, files[f]);
        mw_llm_stream *s = mw_llm_stream_new(c, t, true);
        for (int round = 0; round < 300; round++) {
            int32_t ids[12];
            char joined[1000] = "";
            size_t size;
            for (int i = 0; i < 12; i++) {
                seed = seed * 1664525 + 1013904223;
                ids[i] = (int32_t)((seed >> 8) % (f ? 500u : 300u));
                const char *chunk = mw_llm_stream_put(c, s, ids[i], &size);
                assert_int_equal(mw_utf8_length(chunk, size), size);
                strncat(joined, chunk, size);
            }
            strcat(joined, mw_llm_stream_end(c, s, &size));
            char *whole = mw_llm_decode(c, t, ids, 12, false, &size);
            if (f == 0 && strlen(joined) == size) // byte-level: the same text at once
                assert_string_equal(joined, whole);
            free(whole);
        }
        assert_null(mw_llm_stream_put(c, s, 1 << 20, NULL));
        mw_err_clear(c);
        mw_llm_stream_free(s);
        mw_llm_tokenizer_free(t);
    }
}

static int open_all(void **state)
{
    (void)state;
    c = mw_ctx_new();
    return c && mkdtemp(folder) ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    empty_folder();
    rmdir(folder);
    mw_ctx_free(c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_have_their_say),
        cmocka_unit_test(what_is_not_understood_is_named),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(gguf_says_what_it_lacks),
        cmocka_unit_test(only_ones_own_text_names_control_tokens),
        cmocka_unit_test(marks_of_conversations_are_control_tokens),
        cmocka_unit_test(chunks_are_whole_characters),
    };
    return cmocka_run_group_tests_name("llm_tokenizer", tests, open_all, close_all);
}
