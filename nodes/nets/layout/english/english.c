// english.c: nouns of several words: which word changes, and the capitals of what comes out.
#include "nodes/nets/layout/english/english_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

// A piece of a text.
typedef struct {
    const char *at;
    size_t n;
} piece;

static bool blank(char x) { return isspace((unsigned char)x); }

static piece strip(const char *text)
{
    piece p = {text, strlen(text)};
    for (; p.n && blank(*p.at); p.n--)
        p.at++;
    while (p.n && blank(p.at[p.n - 1]))
        p.n--;
    return p;
}

static char *joined(mw_ctx *c, piece a, const char *b, piece rest)
{
    return mw_format(c, "%.*s%s%.*s", (int)a.n, a.at, b, (int)rest.n, rest.at);
}

static char *copy(mw_ctx *c, piece p) { return mw_format(c, "%.*s", (int)p.n, p.at); }

// The text with the end that the rule of a section names replaced; NULL (and no failure) when none fits.
static char *by_rule(mw_ctx *c, const mw_english *e, mw_section s, piece p)
{
    size_t at;
    const mw_word_rule *r = mw_english_rule(e, s, p.at, p.n, &at);
    return r ? joined(c, (piece){p.at, at}, r->by, (piece){"", 0}) : NULL;
}

// ---- which word

// A preposition that is neither the first nor the last of the parts between separators: the part in front of
// it. False when there is none, or fewer than three parts. A separator of ' ' stands for any blanks.
static bool before_preposition(const mw_english *e, piece p, char separator, piece *word)
{
    piece part[64];
    size_t n = 0;
    for (size_t i = 0; i < p.n && n < 64;) {
        size_t begin = i;
        while (i < p.n && !(separator == ' ' ? blank(p.at[i]) : p.at[i] == separator))
            i++;
        if (i > begin || separator != ' ')
            part[n++] = (piece){p.at + begin, i - begin};
        i++;
    }
    for (size_t i = 1; i + 1 < n; i++) {
        size_t at;
        if (mw_english_rule(e, MW_PREPOSITION, part[i].at, part[i].n, &at)) {
            *word = part[i - 1];
            return true;
        }
    }
    return false;
}

// A word, or several of which the last one changes; NULL (and no failure) when it stays as it is.
static char *changed(mw_ctx *c, const mw_english *e, mw_section s, piece p)
{
    size_t at;
    if (!p.n || mw_english_rule(e, MW_SAME, p.at, p.n, &at))
        return NULL;
    char *name = s == MW_PLURAL && isupper((unsigned char)*p.at) ? by_rule(c, e, MW_NAME, p) : NULL;
    return name || mw_err(c) ? name : by_rule(c, e, s, p);
}

// The word of several that changes; all of them where it is the last one.
static piece changing(const mw_english *e, piece p)
{
    piece word = p;
    if (!before_preposition(e, p, ' ', &word))
        before_preposition(e, p, '-', &word);
    return word;
}

static char *inflected(mw_ctx *c, const mw_english *e, mw_section s, piece p)
{
    size_t at;
    if (mw_english_rule(e, MW_SAME, p.at, p.n, &at))
        return copy(c, p);
    piece word = changing(e, p);
    char *other = changed(c, e, s, word);
    if (!other)
        return mw_err(c) ? NULL : copy(c, p);
    piece front = {p.at, (size_t)(word.at - p.at)}, back = {word.at + word.n, 0};
    back.n = p.n - front.n - word.n;
    char *all = joined(c, front, other, back);
    free(other);
    return all;
}

// ---- capitals

enum { CAPITALS = 1, TITLE = 2 };

// What kind of capitals a word has; both of one letter alone and of a word without any letters.
static int case_of(piece p)
{
    int found = CAPITALS | TITLE;
    for (size_t at = 0; at < p.n && found;) {
        utf8proc_int32_t x;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)p.at + at, (utf8proc_ssize_t)(p.n - at), &x);
        if (n < 1)
            return 0;
        if (x != utf8proc_toupper(x))
            found &= at ? ~CAPITALS : 0;
        if (at && x != utf8proc_tolower(x))
            found &= ~TITLE;
        at += (size_t)n;
    }
    return found;
}

// Capitals in ASCII: all letters, or the first alone. The words that rules make are ASCII where they differ.
static void set_case(char *word, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++)
        if (kind & CAPITALS || (kind & TITLE && i == 0))
            word[i] = (char)toupper((unsigned char)word[i]);
        else if (kind & TITLE)
            word[i] = (char)tolower((unsigned char)word[i]);
}

// Words in capitals of `from` have them in `to` as well, by their place. A lone "I" counts as nothing.
static void keep_case(piece from, char *to)
{
    const char *p = from.at, *end = from.at + from.n;
    while (p < end && *to) {
        const char *stop = memchr(p, ' ', (size_t)(end - p));
        piece word = {p, (size_t)((stop ? stop : end) - p)};
        size_t n = strcspn(to, " ");
        if (!(word.n == 1 && *word.at == 'I'))
            set_case(to, n, case_of(word));
        p += word.n + 1;
        to += n + (to[n] == ' ');
    }
}

// ---- the public functions

// The changed middle back between the blanks around it; takes `middle` over.
static char *finished(mw_ctx *c, const char *text, piece p, char *middle)
{
    if (middle)
        keep_case(p, middle);
    piece front = {text, (size_t)(p.at - text)}, back = {p.at + p.n, strlen(p.at + p.n)};
    char *all = middle ? joined(c, front, middle, back) : NULL;
    free(middle);
    return all;
}

// "the dog's" -> "the dogs'"; NULL when it is no possessive.
static char *possessive(mw_ctx *c, const mw_english *e, piece p)
{
    size_t cut = p.n > 1 && p.at[p.n - 1] == '\'' ? 1 : p.n > 2 && !memcmp(p.at + p.n - 2, "'s", 2) ? 2 : 0;
    if (!cut)
        return NULL;
    char *owner = inflected(c, e, MW_PLURAL, (piece){p.at, p.n - cut});
    size_t n = owner ? strlen(owner) : 0;
    char *all = owner ? mw_format(c, "%s'%s", owner, n && owner[n - 1] == 's' ? "" : "s") : NULL;
    free(owner);
    return all;
}

char *mw_plural(mw_ctx *c, const mw_english *e, const char *noun)
{
    piece p = strip(noun);
    return mw_err(c) || !p.n ? mw_strdup(c, noun) : finished(c, noun, p, inflected(c, e, MW_PLURAL, p));
}

// The rules of the singular have another word for it, and it is none that only looks like a plural.
static bool is_plural(mw_ctx *c, const mw_english *e, piece p)
{
    size_t at;
    piece word = changing(e, p);
    if (mw_english_rule(e, MW_ONE, word.at, word.n, &at))
        return false;
    char *other = changed(c, e, MW_SINGULAR, word);
    bool differs = other && (strlen(other) != word.n || memcmp(other, word.at, word.n) != 0);
    free(other);
    return differs;
}

char *mw_several(mw_ctx *c, const mw_english *e, const char *noun)
{
    piece p = strip(noun);
    if (mw_err(c) || !p.n)
        return mw_strdup(c, noun);
    char *owners = possessive(c, e, p);
    if (owners || mw_err(c))
        return finished(c, noun, p, owners);
    return is_plural(c, e, p) ? mw_strdup(c, noun) : mw_plural(c, e, noun);
}

char *mw_singular(mw_ctx *c, const mw_english *e, const char *noun)
{
    piece p = strip(noun);
    return mw_err(c) || !p.n ? mw_strdup(c, noun) : finished(c, noun, p, inflected(c, e, MW_SINGULAR, p));
}

char *mw_with_article(mw_ctx *c, const mw_english *e, const char *noun)
{
    piece p = strip(noun);
    size_t at, article = p.n > 1 && tolower((unsigned char)*p.at) == 'a';
    article += article && tolower((unsigned char)p.at[1]) == 'n';
    if (article && article < p.n && blank(p.at[article])) {
        piece rest = strip(p.at + article);
        p.n -= (size_t)(rest.at - p.at);
        p.at = rest.at;
    }
    char *marked = joined(c, p, "$", (piece){"", 0}); // the rules can tell the end by it
    const mw_word_rule *r = marked ? mw_english_rule(e, MW_ARTICLE, marked, p.n + 1, &at) : NULL;
    free(marked);
    return mw_err(c) ? NULL : mw_format(c, "%s %.*s", r ? r->by : "a", (int)p.n, p.at);
}
