// layout_labels.c: "Objects:", "**Background prompt:**", "- negative prompt =" found in a text.
#include "nodes/nets/layout/layout_labels.h"

#include <ctype.h>
#include <string.h>

// A blank stands for any blanks, underscores and hyphens.
static const struct {
    const char *words;
    mw_label_kind kind;
    bool within; // also within a line, in any case
} labels[] = {
    {"caption", MW_LABEL_CAPTION, false},
    {"objects", MW_LABEL_OBJECTS, false},
    {"object list", MW_LABEL_OBJECTS, false},
    {"list of objects", MW_LABEL_OBJECTS, false},
    {"bounding boxes", MW_LABEL_OBJECTS, false},
    {"boxes", MW_LABEL_OBJECTS, false},
    {"background prompt", MW_LABEL_BACKGROUND, true},
    {"background", MW_LABEL_BACKGROUND, false},
    {"negative prompts", MW_LABEL_NEGATIVE, true},
    {"negative prompt", MW_LABEL_NEGATIVE, true},
    {"negative", MW_LABEL_NEGATIVE, false},
};
enum { LABELS = sizeof labels / sizeof *labels };

static size_t skip_set(mw_piece p, const char *set)
{
    size_t n = 0;
    while (mw_piece_at(mw_piece_from(p, n), set))
        n++;
    return n;
}

static bool begins_bytes(mw_piece p, const char *bytes)
{
    return p.n >= strlen(bytes) && memcmp(p.at, bytes, strlen(bytes)) == 0;
}

size_t mw_label_marks(mw_piece p)
{
    static const char *const wide[] = {"\xe2\x80\xa2", "\xe2\x97\x8f", "\xe2\x80\x93", "\xe2\x80\x94",
                                       "\xc2\xa0"};
    size_t n = 0;
    for (bool more = true; more;) {
        size_t before = n;
        n += skip_set(mw_piece_from(p, n), " \t#*_->`+");
        for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
            if (begins_bytes(mw_piece_from(p, n), wide[i]))
                n += strlen(wide[i]);
        size_t digits = skip_set(mw_piece_from(p, n), "0123456789");
        if (digits && mw_piece_at(mw_piece_from(p, n + digits), ".)") &&
            mw_piece_at(mw_piece_from(p, n + digits + 1), " \t"))
            n += digits + 2;
        more = n > before;
    }
    return n;
}

bool mw_label_fence(mw_piece p)
{
    p = mw_piece_from(p, skip_set(p, " \t"));
    return mw_piece_begins(p, "```") || mw_piece_begins(p, "~~~");
}

// Bytes of the words of a label; 0: they do not stand here.
static size_t words_here(mw_piece p, const char *words)
{
    size_t n = 0;
    for (; *words; words++) {
        mw_piece rest = mw_piece_from(p, n);
        if (*words == ' ') {
            size_t gap = skip_set(rest, " \t_-");
            if (!gap)
                return 0;
            n += gap;
        } else if (rest.n && tolower((unsigned char)*rest.at) == *words) {
            n++;
        } else {
            return 0;
        }
    }
    return n;
}

bool mw_label_of_words(mw_piece words, mw_label_kind *out)
{
    for (int i = 0; i < LABELS; i++)
        if (words.n && words_here(words, labels[i].words) == words.n) {
            *out = labels[i].kind;
            return true;
        }
    return false;
}

// Bytes of a colon.
static size_t colon(mw_piece p) { return mw_piece_at(p, ":") ? 1 : begins_bytes(p, "\xef\xbc\x9a") ? 3 : 0; }

// Bytes of what closes a label at the begin of a line, marks and blanks included; 0: nothing does.
static size_t closing(mw_piece p)
{
    static const char *const dashes[] = {"-", "\xe2\x80\x93", "\xe2\x80\x94"};
    size_t n = skip_set(p, " \t*_`\"'"), close = colon(mw_piece_from(p, n));
    mw_piece rest = mw_piece_from(p, n);
    if (!close && mw_piece_at(rest, "="))
        close = 1;
    for (size_t i = 0; !close && i < 3; i++)
        if (begins_bytes(rest, dashes[i]) && mw_piece_at(mw_piece_from(rest, strlen(dashes[i])), " \t"))
            close = strlen(dashes[i]);
    bool line_end = rest.n == 0 || mw_piece_at(rest, "\r\n");
    if (!close && !line_end)
        return 0;
    n += close;
    n += skip_set(mw_piece_from(p, n), "*_`");
    n += skip_set(mw_piece_from(p, n), " \t");
    return n ? n : 1; // the line's end itself
}

// A label whose line begins at `line`.
static bool at_line(mw_piece text, size_t line, unsigned kinds, mw_label *out)
{
    mw_piece p = mw_piece_from(text, line);
    size_t marks = mw_label_marks(p);
    marks += skip_set(mw_piece_from(p, marks), "\"'");
    for (int i = 0; i < LABELS; i++) {
        size_t n = words_here(mw_piece_from(p, marks), labels[i].words);
        size_t close = n ? closing(mw_piece_from(p, marks + n)) : 0;
        if (!close || !(kinds >> labels[i].kind & 1))
            continue;
        size_t end = line + marks + n + close;
        *out = (mw_label){labels[i].kind, line, end < text.n ? end : text.n};
        return true;
    }
    return false;
}

// A label within a line, at byte `at`.
static bool within_line(mw_piece text, size_t at, unsigned kinds, mw_label *out)
{
    mw_piece p = mw_piece_from(text, at);
    if (at > 0 && isalpha((unsigned char)text.at[at - 1]))
        return false;
    for (int i = 0; i < LABELS; i++) {
        size_t n = labels[i].within ? words_here(p, labels[i].words)
            : begins_bytes(p, "Objects:") && labels[i].kind == MW_LABEL_OBJECTS ? strlen("Objects")
            : begins_bytes(p, "Caption:") && labels[i].kind == MW_LABEL_CAPTION ? strlen("Caption")
                                                                                : 0;
        size_t marks = n ? skip_set(mw_piece_from(p, n), "*_`") : 0,
               close = n ? colon(mw_piece_from(p, n + marks)) : 0;
        if (!close || !(kinds >> labels[i].kind & 1))
            continue;
        size_t begin = at, end = at + n + marks + close;
        while (begin > 0 && strchr("*_`", text.at[begin - 1]) && text.at[begin - 1])
            begin--;
        end += skip_set(mw_piece_from(text, end), "*_`");
        *out = (mw_label){labels[i].kind, begin, end};
        return true;
    }
    return false;
}

bool mw_label_find(mw_piece text, size_t from, unsigned kinds, mw_label *out)
{
    for (size_t at = from; at < text.n; at++) {
        bool line = at == 0 || text.at[at - 1] == '\n';
        if (line && at_line(text, at, kinds, out))
            return true;
        if (!(kinds & MW_LABEL_LINES) && text.at[at] && strchr("bBCnNO", text.at[at]) &&
            within_line(text, at, kinds, out))
            return true;
    }
    return false;
}
