// english_numbers.c: numbers as English words, and back.
#include "nodes/nets/layout/english/english.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const small[] = {"zero",    "one",     "two",       "three",    "four",
                                    "five",    "six",     "seven",     "eight",    "nine",
                                    "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"",      "",      "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};

enum { ROOM = 160 };

static void append(char *to, const char *text) { strncat(to, text, ROOM - strlen(to) - 1); }

static void below_hundred(char *to, int n)
{
    append(to, n < 20 ? small[n] : tens[n / 10]);
    if (n >= 20 && n % 10) {
        append(to, "-");
        append(to, small[n % 10]);
    }
}

static void below_thousand(char *to, int n)
{
    if (n >= 100) {
        append(to, small[n / 100]);
        append(to, " hundred");
        append(to, n % 100 ? " and " : "");
    }
    if (n % 100)
        below_hundred(to, n % 100);
}

char *mw_number_words(mw_ctx *c, int n)
{
    static const struct {
        int size;
        const char *name;
    } group[] = {{1000000, " million"}, {1000, " thousand"}, {1, ""}};
    char text[ROOM] = "";
    if (n < 0 || n > 999999999) {
        mw_fail(c, MW_E_ARG, "only numbers from 0 to 999999999 have words here, got %d", n);
        return NULL;
    }
    for (int i = 0; i < 3; i++) {
        int part = n / group[i].size % 1000;
        if (!part)
            continue;
        if (*text) // "one thousand and one", but "one thousand, one hundred"
            append(text, i == 2 && part < 100 ? " and " : ", ");
        below_thousand(text, part);
        append(text, group[i].name);
    }
    return mw_strdup(c, *text ? text : small[0]);
}

static int of_name(const char *const *names, int n, const char *word, size_t length)
{
    for (int i = 0; i < n; i++)
        if (length && strlen(names[i]) == length && strncasecmp(names[i], word, length) == 0)
            return i;
    return -1;
}

int mw_number_of_word(const char *word, size_t length)
{
    size_t digits = 0;
    while (digits < length && isdigit((unsigned char)word[digits]))
        digits++;
    if (digits && digits == length && length <= 6) {
        int v = 0;
        for (size_t i = 0; i < length; i++)
            v = v * 10 + (word[i] - '0');
        return v;
    }
    int v = of_name(small, 20, word, length);
    if (v >= 0)
        return v;
    const char *dash = memchr(word, '-', length);
    size_t first = dash ? (size_t)(dash - word) : length;
    int ten = of_name(tens, 10, word, first), one = 0;
    if (dash)
        one = of_name(small, 10, dash + 1, length - first - 1);
    return ten < 2 || one < 0 || (dash && one == 0) ? -1 : ten * 10 + one;
}
