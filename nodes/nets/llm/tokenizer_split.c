// tokenizer_split.c: cutting a text into words, whose bytes are merged each on its own, by the regular
// expressions of a file or of the name that GGUF has for them.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/text.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CUTS 16
#define MAX_PATTERN 16384
#define SPACES                                                                                               \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{" \
    "3000}"

// The expressions of the published families, as their files have them.
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define ENDINGS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LLAMA3 ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" TAIL
#define QWEN2 ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" TAIL
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED(ENDING)                                                                                        \
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" ENDING "|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" ENDING
#define CASED_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define DEEPSEEK3                                                                                            \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"      \
    "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

// What GGUF names (tokenizer.ggml.pre), with what else its makers' tokenizers do. Names of families whose
// words are not those of their own files are left out.
static const struct {
    const char *names; // one after another, each in spaces
    const char *cut[4];
    bool whole_words, nfc, add_begin;
} named[] = {
    {" llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 ", {LLAMA3}, true, false, true},
    {" qwen2 ", {QWEN2}, false, true, false}, // normalised, for which GGUF has no key
    {" deepseek-r1-qwen stablelm2 megrez hunyuan solar-open ", {QWEN2}, false, false, false},
    {" gpt-2 phi-2 gigachat a.x-4.0 mellum exaone4 jais trillion granite-docling ",
     {GPT2},
     false,
     false,
     false},
    {" mpt olmo ", {GPT2}, false, true, false},
    {" smollm starcoder refact command-r codeshell exaone minerva-7b ",
     {"\\p{N}", GPT2},
     false,
     false,
     false},
    {" dbrx smaug-bpe glm4 chatglm-bpe ", {LLAMA3}, false, false, false},
    {" gpt-4o llama4 kanana2 ", {CASED(ENDINGS "?") "|\\p{N}{1,3}" CASED_TAIL}, false, false, false},
    {" tekken ", {CASED("") "|\\p{N}" CASED_TAIL}, true, false, true},
    {" deepseek-v3 hunyuan-dense ",
     {"\\p{N}{1,3}", "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+", DEEPSEEK3},
     false,
     false,
     false},
};

// The expression as PCRE2 has to see it: white space is Unicode's property of that name, of which PCRE2 has
// another opinion. In a class \S stays PCRE2's.
static char *translate(mw_ctx *c, const char *pattern)
{
    size_t n = strlen(pattern), at = 0;
    char *out = mw_alloc(c, n * sizeof SPACES + 1);
    bool in_class = false;
    for (size_t i = 0; out && i < n; i++) {
        char x = pattern[i], y = x == '\\' ? pattern[i + 1] : 0;
        if (x == '[' && !in_class)
            in_class = true;
        else if (x == ']')
            in_class = false;
        if (y == 's' || (y == 'S' && !in_class)) {
            const char *open = in_class ? "" : y == 's' ? "[" : "[^";
            at += (size_t)(stpcpy(stpcpy(stpcpy(out + at, open), SPACES), in_class ? "" : "]") - (out + at));
            i++;
        } else {
            out[at++] = x;
            if (y)
                out[at++] = pattern[++i];
        }
    }
    if (out)
        out[at] = 0;
    return out;
}

mw_status mw_llm_add_cut(mw_ctx *c, mw_llm_tokenizer *t, const char *file, const char *pattern,
                         bool drop_match, bool drop_rest)
{
    char shown[80];
    if (t->ncut == MAX_CUTS || strlen(pattern) > MAX_PATTERN)
        return mw_fail(c, MW_E_FILE,
                       "%s: more than %d expressions to cut a text by, or one of more than %d bytes", file,
                       MAX_CUTS, MAX_PATTERN);
    char *translated = translate(c, pattern);
    mw_llm_cut *cut = translated ? mw_realloc(c, t->cut, (t->ncut + 1) * sizeof *cut) : NULL;
    if (cut) {
        int code;
        PCRE2_SIZE where;
        t->cut = cut;
        // Ruby's syntax, which Oniguruma's users write: $ and ^ stand at every line.
        pcre2_code *made = pcre2_compile((PCRE2_SPTR)translated, PCRE2_ZERO_TERMINATED,
                                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                         &code, &where, NULL);
        if (made) {
            t->cut[t->ncut++] = (mw_llm_cut){made, drop_match, drop_rest};
        } else {
            char why[160];
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
            mw_fail(c, MW_E_FILE, "%s: the expression '%s' that cuts texts is not understood: %s", file,
                    mw_printable(pattern, shown, sizeof shown), why);
        }
    }
    free(translated);
    return mw_err(c);
}

mw_status mw_llm_cut_as_gpt2(mw_ctx *c, mw_llm_tokenizer *t, const char *file)
{
    return mw_llm_add_cut(c, t, file, GPT2, false, false);
}

mw_status mw_llm_cut_by_name(mw_ctx *c, mw_llm_tokenizer *t, const char *file, const char *name)
{
    char shown[80], *spaced = mw_format(c, " %s ", name);
    for (size_t i = 0; spaced && i < sizeof named / sizeof *named; i++) {
        if (strchr(name, ' ') || !strstr(named[i].names, spaced))
            continue;
        free(spaced);
        t->whole_words = named[i].whole_words;
        t->nfc = named[i].nfc;
        t->add_begin = named[i].add_begin;
        for (int k = 0; k < 4 && named[i].cut[k] && !mw_err(c); k++)
            mw_llm_add_cut(c, t, file, named[i].cut[k], false, false);
        return mw_err(c);
    }
    free(spaced);
    return mw_fail(c, MW_E_FILE,
                   "%s: its way to cut texts into words (tokenizer.ggml.pre) is '%s', which is not known",
                   file, mw_printable(name, shown, sizeof shown));
}

typedef void (*word_fn)(mw_llm_job *j, const char *text, size_t size);

static void cut_from(mw_llm_job *j, size_t step, const char *text, size_t size, word_fn word);

static void hand_on(mw_llm_job *j, size_t step, const char *text, size_t size, word_fn word)
{
    if (size)
        cut_from(j, step, text, size, word);
}

static void cut_from(mw_llm_job *j, size_t step, const char *text, size_t size, word_fn word)
{
    if (step == j->t->ncut) {
        word(j, text, size);
        return;
    }
    const mw_llm_cut *cut = &j->t->cut[step];
    size_t from = 0, look = 0;
    while (look < size && !mw_err(j->c)) {
        int found = pcre2_match(cut->code, (PCRE2_SPTR)text, size, look, PCRE2_NO_UTF_CHECK, j->match, NULL);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0) {
            mw_fail(j->c, MW_E_ARG,
                    "the text of %zu bytes is too much for the expression that cuts it into words", size);
            return;
        }
        const PCRE2_SIZE *place = pcre2_get_ovector_pointer(j->match);
        size_t begin = place[0], end = place[1];
        if (end <= begin) { // nothing was matched: on by one character
            mw_text_decode((const unsigned char *)text + look, size - look, &end);
            look += end;
            continue;
        }
        if (!cut->drop_rest)
            hand_on(j, step + 1, text + from, begin - from, word);
        if (!cut->drop_match)
            hand_on(j, step + 1, text + begin, end - begin, word);
        from = look = end;
    }
    if (!cut->drop_rest)
        hand_on(j, step + 1, text + from, size - from, word);
}

void mw_llm_cut_text(mw_llm_job *j, word_fn word)
{
    if (!j->match) {
        j->match = pcre2_match_data_create(1, NULL);
        if (!j->match) {
            mw_fail(j->c, MW_E_MEMORY, "no memory to cut a text into words");
            return;
        }
    }
    hand_on(j, 0, j->text, j->size, word);
}

void mw_llm_free_match(mw_llm_job *j) { pcre2_match_data_free(j->match); }

void mw_llm_free_cuts(mw_llm_tokenizer *t)
{
    for (size_t i = 0; i < t->ncut; i++)
        pcre2_code_free(t->cut[i].code);
    free(t->cut);
}
