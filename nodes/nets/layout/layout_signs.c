// layout_signs.c: quotes of all languages, wide brackets, dashes and words of JSON, as Python has them.
#include "nodes/nets/layout/layout_signs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

// Quotes that open and close each other. A text opened by the first of a row is closed by that alone.
static const int32_t quotes[][7] = {
    {'"', 0},
    {'\'', 0},
    {0x201C, 0x201D, 0x201E, 0x201F, 0xFF02, '"', 0},
    {0x2018, 0x2019, 0x201A, 0x201B, 0xFF07, '\'', 0},
    {0xAB, 0xBB, 0},
    {0x2039, 0x203A, 0},
    {0x300C, 0x300D, 0},
    {0x300E, 0x300F, 0},
    {'`', 0xB4, 0},
};
enum { FAMILIES = sizeof quotes / sizeof *quotes, ASCII_FAMILIES = 2, DEEPEST = 64 };

typedef struct {
    mw_piece all;
    size_t at;
    char *out;
    size_t n;
    char open[DEEPEST]; // the brackets that are to be closed, by what closes them
    int depth;
} scanner;

static int32_t peek(const scanner *s, size_t *n)
{
    int32_t x;
    *n = mw_piece_character(mw_piece_from(s->all, s->at), &x);
    return x;
}

static void put(scanner *s, const char *bytes, size_t n)
{
    memcpy(s->out + s->n, bytes, n);
    s->n += n;
}

static bool in_family(int family, int32_t x)
{
    for (const int32_t *q = quotes[family]; *q; q++)
        if (*q == x)
            return true;
    return false;
}

static int family_of(int32_t x)
{
    for (int f = 0; f < FAMILIES; f++)
        if (in_family(f, x) && !(f >= ASCII_FAMILIES && x < 128 && x != '`'))
            return f;
    return -1;
}

// The character as ASCII has it outside of texts; itself when it has nothing else.
static int32_t plain_sign(int32_t x)
{
    static const struct {
        int32_t from, to;
    } signs[] = {{0x3010, '['}, {0x3011, ']'}, {0x3014, '['}, {0x3015, ']'}, {0x3001, ','},
                 {0x060C, ','}, {0x2212, '-'}, {0x2010, '-'}, {0x2011, '-'}, {0x2012, '-'},
                 {0x2013, '-'}, {0x2014, '-'}, {0x3002, '.'}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].from == x)
            return signs[i].to;
    if (x >= 0xFF01 && x <= 0xFF5E) // full width
        return x - 0xFEE0;
    return x > 127 && utf8proc_category(x) == UTF8PROC_CATEGORY_ZS ? ' ' : x;
}

// What follows is such as follows a closed text.
static bool closes_here(const scanner *s, size_t n)
{
    mw_piece rest = mw_piece_from(s->all, s->at + n);
    int32_t x = ' ';
    for (size_t k = 0; x == ' ' || x == '\t'; rest = mw_piece_from(rest, k)) {
        k = mw_piece_character(rest, &x);
        x = plain_sign(x);
    }
    return x < 0 || family_of(x) >= 0 || (x > 0 && x < 128 && strchr(",:)]}#\r\n", x));
}

// A text; s->at is at its quote. False when it is never closed.
static bool take_text(scanner *s, int family)
{
    size_t n;
    peek(s, &n);
    put(s, "\"", 1);
    for (s->at += n; s->at < s->all.n; s->at += n) {
        int32_t x = peek(s, &n);
        if (in_family(family, x) && closes_here(s, n)) {
            s->at += n;
            put(s, "\"", 1);
            return true;
        }
        if (x == '\\' && s->at + 1 < s->all.n && s->all.at[s->at + 1] != '\n') {
            put(s, "\\", 1);
            s->at++;
            peek(s, &n);
            put(s, s->all.at + s->at, n);
        } else if (x == '"') {
            put(s, "\\\"", 2);
        } else if (x == '\n' || x == '\r') {
            put(s, " ", 1);
        } else {
            put(s, s->all.at + s->at, n);
        }
    }
    return false;
}

// A word of JSON becomes Python's; others and numbers stay.
static void take_word(scanner *s)
{
    static const char *const json[][2] = {{"null", "None"}, {"true", "True"}, {"false", "False"}};
    mw_piece word = {s->all.at + s->at, 0};
    while (s->at + word.n < s->all.n && (isalnum((unsigned char)word.at[word.n]) || word.at[word.n] == '_'))
        word.n++;
    s->at += word.n;
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        if (mw_piece_is(word, json[i][0])) {
            put(s, json[i][1], strlen(json[i][1]));
            return;
        }
    if (mw_piece_is(word, "none"))
        put(s, "None", 4);
    else
        put(s, word.at, word.n);
}

// A bracket opened or closed; false when it closes another than the last one, or there are too many.
static bool bracket(scanner *s, int32_t x)
{
    if (x == '(' || x == '[' || x == '{') {
        if (s->depth == DEEPEST)
            return false;
        s->open[s->depth++] = (char)(x == '(' ? ')' : x + 2);
        return true;
    }
    return s->depth > 0 && s->open[--s->depth] == x;
}

// Takes what is outside of texts; false when the brackets are wrong.
static bool take_sign(scanner *s)
{
    size_t n;
    int32_t x = plain_sign(peek(s, &n));
    if (x == '#') {
        s->at += mw_piece_line(mw_piece_from(s->all, s->at));
        return true;
    }
    if (x > 0 && x < 128 && strchr("()[]{}", x) && !bracket(s, x))
        return false;
    if (x > 0 && x < 128)
        put(s, &(char){(char)x}, 1);
    else
        put(s, s->all.at + s->at, n);
    s->at += n;
    return true;
}

size_t mw_signs_read(mw_ctx *c, mw_piece p, char **plain)
{
    scanner s = {.all = p, .out = mw_alloc(c, 2 * p.n + 1)};
    bool good = s.out != NULL;
    while (good && s.at < p.n) {
        size_t n;
        int family = family_of(peek(&s, &n));
        if (family >= 0)
            good = take_text(&s, family);
        else if (isalnum((unsigned char)p.at[s.at]))
            take_word(&s);
        else
            good = take_sign(&s);
        if (good && s.depth == 0)
            break;
    }
    good = good && s.n > 0 && s.depth == 0;
    if (!good) {
        free(s.out);
        s.out = NULL;
    }
    *plain = s.out;
    return good ? s.at : 0;
}
