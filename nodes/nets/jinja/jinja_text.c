// jinja_text.c: what filters and methods do with texts: each part of a result keeps where it came from.
#include "nodes/nets/jinja/jinja_text.h"

#include <string.h>
#include <utf8proc.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_string string;

bool mw_jinja_is_space(uint32_t code) { return mw_char_is_space(code) || (code >= 0x1C && code <= 0x1F); }

static uint32_t code_at(const string *s, size_t i, size_t *size)
{
    return mw_text_decode((const unsigned char *)s->text + i, s->size - i, size);
}

// Whether the character at i is one of those to be stripped: `set`, or white space.
static bool strips(const string *s, size_t i, const string *set)
{
    size_t size;
    uint32_t code = code_at(s, i, &size);
    if (!set)
        return mw_jinja_is_space(code);
    for (size_t k = 0, step; k < set->size; k += step)
        if (code_at(set, k, &step) == code)
            return true;
    return false;
}

value mw_jinja_strip(run *r, const string *s, const string *set, bool left, bool right)
{
    size_t begin = 0, end = s->size, size;
    while (left && begin < end && strips(s, begin, set)) {
        code_at(s, begin, &size);
        begin += size;
    }
    while (right && end > begin) {
        size_t last = end - 1;
        while (last > begin && (s->text[last] & 0xC0) == 0x80)
            last--;
        if (!strips(s, last, set))
            break;
        end = last;
    }
    return mw_jinja_part(r, s, begin, end);
}

value mw_jinja_case(run *r, const string *s, mw_jinja_casing casing)
{
    mw_jinja_writer w = {0};
    bool inside = false; // of a word
    for (size_t i = 0, size; i < s->size && !mw_err(r->c); i += size) {
        uint32_t code = code_at(s, i, &size);
        bool letter = mw_char_class_of(code) == MW_CHAR_LETTER, up = casing == MW_JINJA_UPPER;
        if (casing == MW_JINJA_CAPITALIZE)
            up = i == 0;
        if (casing == MW_JINJA_TITLE || casing == MW_JINJA_TITLE_WORDS)
            up = !inside;
        unsigned char utf8[4], marks[4];
        utf8proc_int32_t other =
            up ? utf8proc_toupper((utf8proc_int32_t)code) : utf8proc_tolower((utf8proc_int32_t)code);
        int n = mw_text_utf8((uint32_t)other, utf8);
        if (up && code == 0xDF) // ß, whose upper case is two letters
            memcpy(utf8, "SS", (size_t)(n = 2));
        memset(marks, s->foreign ? s->foreign[i] : 0, sizeof marks);
        mw_jinja_put_text(r, &w, (const char *)utf8, (size_t)n, marks);
        inside = casing == MW_JINJA_TITLE
            ? letter
            : !(mw_jinja_is_space(code) || (code < 0x80 && code && strchr("-({[<", (int)code)));
    }
    return mw_jinja_written(r, &w);
}

static size_t find_from(const string *s, const string *what, size_t from)
{
    const char *found =
        from <= s->size ? memmem(s->text + from, s->size - from, what->text, what->size) : NULL;
    return found ? (size_t)(found - s->text) : SIZE_MAX;
}

static void put_part(run *r, mw_jinja_writer *w, const string *s, size_t begin, size_t end)
{
    mw_jinja_put_text(r, w, s->text + begin, end - begin, s->foreign ? s->foreign + begin : NULL);
}

value mw_jinja_replace(run *r, const string *s, const string *old, const string *new, int64_t times)
{
    mw_jinja_writer w = {0};
    size_t from = 0, at;
    if (old->size == 0)
        return mw_jinja_wrong(r, "an empty text cannot be replaced");
    while (times-- != 0 && (at = find_from(s, old, from)) != SIZE_MAX && !mw_jinja_stopped(r)) {
        put_part(r, &w, s, from, at);
        put_part(r, &w, new, 0, new->size);
        from = at + old->size;
    }
    put_part(r, &w, s, from, s->size);
    return mw_jinja_written(r, &w);
}

static value split_spaces(run *r, const string *s, int64_t times)
{
    value out = mw_jinja_list_new(&r->m);
    size_t i = 0, size;
    while (!mw_jinja_stopped(r)) {
        while (i < s->size && mw_jinja_is_space(code_at(s, i, &size)))
            i += size;
        size_t end = i;
        if (i >= s->size)
            break;
        while (end < s->size && !mw_jinja_is_space(code_at(s, end, &size)))
            end += size;
        if (times-- == 0) { // what is left, without the spaces at its end
            value rest = mw_jinja_part(r, s, i, s->size);
            mw_jinja_push(&r->m, out,
                          rest.kind == MW_JINJA_STRING ? mw_jinja_strip(r, rest.s, NULL, false, true) : rest);
            break;
        }
        mw_jinja_push(&r->m, out, mw_jinja_part(r, s, i, end));
        i = end;
    }
    return out;
}

static value split_right(run *r, const string *s, const string *by, int64_t times)
{
    value back = mw_jinja_list_new(&r->m), out = mw_jinja_list_new(&r->m);
    size_t end = s->size;
    for (size_t at = end; times != 0 && at-- > 0 && !mw_jinja_stopped(r);)
        if (end - at >= by->size && memcmp(s->text + at, by->text, by->size) == 0) {
            mw_jinja_push(&r->m, back, mw_jinja_part(r, s, at + by->size, end));
            end = at;
            times--;
        }
    mw_jinja_push(&r->m, out, mw_jinja_part(r, s, 0, end));
    for (size_t i = back.kind == MW_JINJA_LIST ? back.list->n : 0; i > 0; i--)
        mw_jinja_push(&r->m, out, back.list->item[i - 1]);
    return out;
}

value mw_jinja_split(run *r, const string *s, const string *by, int64_t times, bool right)
{
    if (!by && right && times >= 0)
        return mw_jinja_wrong(r, "rsplit at white space with a limit is not known");
    if (!by)
        return split_spaces(r, s, times);
    if (by->size == 0)
        return mw_jinja_wrong(r, "a text cannot be split at an empty one");
    if (right)
        return split_right(r, s, by, times);
    value out = mw_jinja_list_new(&r->m);
    size_t from = 0, at;
    while (times-- != 0 && (at = find_from(s, by, from)) != SIZE_MAX && !mw_jinja_stopped(r)) {
        mw_jinja_push(&r->m, out, mw_jinja_part(r, s, from, at));
        from = at + by->size;
    }
    mw_jinja_push(&r->m, out, mw_jinja_part(r, s, from, s->size));
    return out;
}

value mw_jinja_lines(run *r, const string *s, bool keep)
{
    value out = mw_jinja_list_new(&r->m);
    for (size_t i = 0; i < s->size && !mw_jinja_stopped(r);) {
        size_t end = i;
        while (end < s->size && s->text[end] != '\n' && s->text[end] != '\r')
            end++;
        size_t next = end + (end < s->size) + (end + 1 < s->size && memcmp(s->text + end, "\r\n", 2) == 0);
        mw_jinja_push(&r->m, out, mw_jinja_part(r, s, i, keep ? next : end));
        i = next;
    }
    return out;
}

value mw_jinja_join(run *r, const mw_jinja_list *list, const string *between)
{
    mw_jinja_writer w = {0};
    for (size_t i = 0; i < list->n && !mw_jinja_stopped(r); i++) {
        if (i && between)
            put_part(r, &w, between, 0, between->size);
        mw_jinja_put_value(r, &w, list->item[i]);
    }
    return mw_jinja_written(r, &w);
}

value mw_jinja_indent(run *r, const string *s, const string *by, bool first, bool blank)
{
    mw_jinja_writer w = {0};
    value lines = mw_jinja_split(r, s, (&(string){"\n", NULL, 1}), -1, false);
    for (size_t i = 0; lines.kind == MW_JINJA_LIST && i < lines.list->n && !mw_err(r->c); i++) {
        const string *line = lines.list->item[i].s;
        mw_jinja_put_words(r, &w, i ? "\n" : "");
        if (i ? line->size || blank : first)
            put_part(r, &w, by, 0, by->size);
        put_part(r, &w, line, 0, line->size);
    }
    return mw_jinja_written(r, &w);
}

int64_t mw_jinja_find(const string *s, const string *what, bool last)
{
    size_t found = SIZE_MAX, at = 0;
    while ((at = find_from(s, what, at)) != SIZE_MAX) {
        found = at++;
        if (!last)
            break;
    }
    if (found == SIZE_MAX)
        return -1;
    return (int64_t)mw_jinja_characters(&(string){s->text, NULL, found});
}

int64_t mw_jinja_count(const string *s, const string *what)
{
    int64_t n = 0;
    for (size_t at = 0; what->size && (at = find_from(s, what, at)) != SIZE_MAX; at += what->size)
        n++;
    return what->size ? n : (int64_t)mw_jinja_characters(s) + 1;
}
