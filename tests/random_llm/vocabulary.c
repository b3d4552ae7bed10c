// vocabulary.c: a sentencepiece BPE vocabulary of bytes and short words, for GGUF and as a tokenizer.model.
#include "tests/random_llm/vocabulary.h"

#include "core/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXED = 3 + 256 }; // control tokens and bytes

// "a", "b", ..., "z", "aa", ...: word i.
static void make_word(size_t i, char *out)
{
    char back[VOCABULARY_TEXT];
    int n = 0;
    for (i++; i && n < 8; i = (i - 1) / 26)
        back[n++] = (char)('a' + (i - 1) % 26);
    while (n)
        *out++ = back[--n];
    *out = 0;
}

static void make_token(vocabulary *v, size_t i)
{
    static const char *const names[] = {"<unk>", "<s>", "</s>"};
    char *text = v->text[i];
    v->texts[i] = text;
    v->types[i] = i == 0 ? 2 : i < 3 ? 3 : i < FIXED ? 6 : 1;
    v->scores[i] = i < FIXED ? 0 : -(float)(i - FIXED);
    if (i < 3)
        snprintf(text, VOCABULARY_TEXT, "%s", names[i]);
    else if (i < FIXED)
        snprintf(text, VOCABULARY_TEXT, "<0x%02X>", (unsigned)(i - 3));
    else if (i == FIXED)
        snprintf(text, VOCABULARY_TEXT, "\xe2\x96\x81");
    else { // each word once with a space in front, once without
        size_t word = (i - FIXED - 1) / 2;
        bool spaced = (i - FIXED) % 2;
        snprintf(text, VOCABULARY_TEXT, "%s", spaced ? "\xe2\x96\x81" : "");
        make_word(word, text + strlen(text));
    }
}

void vocabulary_make(mw_ctx *c, vocabulary *v, size_t n)
{
    *v = (vocabulary){.n = n};
    v->text = mw_alloc(c, n * sizeof *v->text);
    v->texts = mw_alloc(c, n * sizeof *v->texts);
    v->scores = mw_alloc(c, n * sizeof *v->scores);
    v->types = mw_alloc(c, n * sizeof *v->types);
    for (size_t i = 0; mw_err(c) == MW_OK && i < n; i++)
        make_token(v, i);
}

void vocabulary_free(vocabulary *v)
{
    free(v->text);
    free(v->texts);
    free(v->scores);
    free(v->types);
}

// ---- sentencepiece's ModelProto (https://github.com/google/sentencepiece, sentencepiece_model.proto)

static void put_varint(FILE *out, uint64_t x)
{
    for (; x > 127; x >>= 7)
        fputc((int)(x & 127) | 128, out);
    fputc((int)x, out);
}

static void put_number(FILE *out, unsigned field, uint64_t x)
{
    put_varint(out, field << 3);
    put_varint(out, x);
}

static void put_bytes(FILE *out, unsigned field, const void *bytes, size_t n)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, n);
    fwrite(bytes, 1, n, out);
}

static void put_piece(const vocabulary *v, size_t i, FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *piece = open_memstream(&text, &size);
    put_bytes(piece, 1, v->text[i], strlen(v->text[i]));
    put_varint(piece, 2 << 3 | 5);
    fwrite(&v->scores[i], sizeof v->scores[i], 1, piece);
    put_number(piece, 3, (uint64_t)v->types[i]);
    fclose(piece);
    put_bytes(out, 1, text, size);
    free(text);
}

mw_status vocabulary_write_model(mw_ctx *c, const vocabulary *v, const char *path)
{
    static const uint8_t normalizer[] = {1 << 3 | 2, 8,   'i',    'd', 'e',    'n', 't',    'i',
                                         't',        'y', 3 << 3, 1,   4 << 3, 0,   5 << 3, 1};
    char *text = NULL, *trainer = NULL;
    size_t size = 0, trainer_size = 0;
    FILE *out = open_memstream(&text, &size), *spec = open_memstream(&trainer, &trainer_size);
    for (size_t i = 0; i < v->n; i++)
        put_piece(v, i, out);
    put_number(spec, 3, 2);
    put_number(spec, 4, v->n);
    put_number(spec, 35, 1);
    fclose(spec);
    put_bytes(out, 2, trainer, trainer_size);
    put_bytes(out, 3, normalizer, sizeof normalizer);
    fclose(out);
    mw_file_write(c, path, text, size);
    free(trainer);
    free(text);
    return mw_err(c);
}
