// pattern.c: Lua 5.1's patterns, matched in counted steps so that a match can be stopped.
#include "core/lua/pattern.h"

#include <string.h>

enum { DEEPEST = 200, TICK_AFTER = 1 << 16 };

typedef enum { CLASS, OPEN, POSITION, CLOSE, END, BALANCED, FRONTIER, REPEATED } item_kind;

// One item of a pattern. CLASS: from `at` to `after_class` what one byte must be, then how often.
typedef struct item {
    item_kind kind;
    const char *at, *after_class, *after;
    char often; // '*', '+', '-', '?' or 0: once
} item;

static const char *here(mw_pattern *m, const char *s, const char *p);

static bool fail(mw_pattern *m, const char *wrong)
{
    if (!m->wrong)
        m->wrong = wrong;
    return false;
}

static bool step(mw_pattern *m, size_t n)
{
    m->steps += n;
    if (m->most_steps && m->steps > m->most_steps)
        return fail(m, "the pattern takes too many steps on this text");
    if (m->steps >= m->next_tick) {
        m->next_tick = m->steps + TICK_AFTER;
        if (m->tick)
            m->tick(m->user);
    }
    return !m->wrong;
}

// ---- what one byte may be

static bool between(unsigned char c, unsigned char low, unsigned char high) { return c >= low && c <= high; }

static bool letter(unsigned char c) { return between(c | 32, 'a', 'z'); }

static bool digit(unsigned char c) { return between(c, '0', '9'); }

static bool visible(unsigned char c) { return between(c, '!', '~'); }

// "%a" and the like; any other byte after the percent sign stands for itself.
static bool in_named(unsigned char c, unsigned char name)
{
    bool in;
    switch (letter(name) ? name | 32 : 0) {
    case 'a': in = letter(c); break;
    case 'c': in = c < 32 || c == 127; break;
    case 'd': in = digit(c); break;
    case 'g': in = visible(c); break;
    case 'l': in = between(c, 'a', 'z'); break;
    case 'p': in = visible(c) && !letter(c) && !digit(c); break;
    case 's': in = c == ' ' || between(c, '\t', '\r'); break;
    case 'u': in = between(c, 'A', 'Z'); break;
    case 'w': in = letter(c) || digit(c); break;
    case 'x': in = digit(c) || between(c | 32, 'a', 'f'); break;
    case 'z': in = c == 0; break;
    default: return c == name;
    }
    return in == (name >= 'a');
}

// The set whose '[' is at p and which ends before `after`.
static bool in_set(mw_pattern *m, unsigned char c, const char *p, const char *after)
{
    const char *last = after - 1; // the ']'
    bool wanted = p[1] != '^';
    step(m, (size_t)(after - p) / 8);
    for (p += wanted ? 1 : 2; p < last; p++) {
        if (*p == '%') {
            if (in_named(c, (unsigned char)*++p))
                return wanted;
        } else if (last - p > 2 && p[1] == '-') {
            if (between(c, (unsigned char)p[0], (unsigned char)p[2]))
                return wanted;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return wanted;
        }
    }
    return !wanted;
}

static bool fits_byte(mw_pattern *m, const item *i, unsigned char c)
{
    switch (*i->at) {
    case '.': return true;
    case '%': return in_named(c, (unsigned char)i->at[1]);
    case '[': return in_set(m, c, i->at, i->after_class);
    default: return (unsigned char)*i->at == c;
    }
}

static bool fits(mw_pattern *m, const item *i, const char *s)
{
    return s < m->subject_end && fits_byte(m, i, (unsigned char)*s);
}

// ---- reading a pattern

// Behind the set whose '[' is at p; NULL when it has no end. Its first byte is never the closing bracket.
static const char *set_end(mw_pattern *m, const char *p)
{
    const char *first = p + 1 + (p + 1 < m->end && p[1] == '^');
    for (const char *q = first; q < m->end; q++) {
        if (*q == ']' && q > first)
            return step(m, (size_t)(q - p) / 8) ? q + 1 : NULL;
        if (*q == '%')
            q++;
    }
    fail(m, "malformed pattern (missing ']')");
    return NULL;
}

static bool read_class(mw_pattern *m, const char *p, item *i)
{
    if (*p == '[')
        i->after_class = set_end(m, p);
    else if (*p == '%' && p + 1 == m->end)
        return fail(m, "malformed pattern (ends with '%')");
    else
        i->after_class = p + 1 + (*p == '%');
    if (!i->after_class)
        return false;
    i->kind = CLASS;
    i->often = i->after_class < m->end && memchr("*+-?", *i->after_class, 4) ? *i->after_class : 0;
    i->after = i->after_class + (i->often != 0);
    return true;
}

// "%b()", "%f[set]", "%1", or a class.
static bool read_escape(mw_pattern *m, const char *p, item *i)
{
    unsigned char name = p + 1 < m->end ? (unsigned char)p[1] : 0;
    if (name == 'b') {
        i->kind = BALANCED;
        i->after = p + 4;
        return m->end - p >= 4 || fail(m, "malformed pattern (missing the two characters of '%b')");
    }
    if (name == 'f') {
        i->kind = FRONTIER;
        i->at = p + 2;
        if (m->end - p < 3 || p[2] != '[')
            return fail(m, "missing '[' after '%f' in pattern");
        return (i->after = i->after_class = set_end(m, p + 2)) != NULL;
    }
    if (digit(name)) {
        i->kind = REPEATED;
        i->after = p + 2;
        return true;
    }
    return read_class(m, p, i);
}

static bool read_item(mw_pattern *m, const char *p, item *i)
{
    *i = (item){.at = p, .after = p + 1};
    switch (*p) {
    case '(':
        i->kind = p + 1 < m->end && p[1] == ')' ? POSITION : OPEN;
        i->after += i->kind == POSITION;
        return true;
    case ')': i->kind = CLOSE; return true;
    case '%': return read_escape(m, p, i);
    case '$':
        if (p + 1 == m->end) {
            i->kind = END;
            return true;
        }
    }
    return read_class(m, p, i);
}

// ---- matching

static const char *open_capture(mw_pattern *m, const char *s, const item *i)
{
    if (m->count == MW_MOST_CAPTURES) {
        fail(m, "too many captures");
        return NULL;
    }
    m->captures[m->count++] = (mw_capture){s, i->kind == POSITION ? MW_CAPTURE_POSITION : MW_CAPTURE_OPEN};
    const char *end = here(m, s, i->after);
    if (!end)
        m->count--;
    return end;
}

static const char *close_capture(mw_pattern *m, const char *s, const item *i)
{
    int open = m->count - 1;
    while (open >= 0 && m->captures[open].length != MW_CAPTURE_OPEN)
        open--;
    if (open < 0) {
        fail(m, "invalid pattern capture");
        return NULL;
    }
    m->captures[open].length = s - m->captures[open].at;
    const char *end = here(m, s, i->after);
    if (!end)
        m->captures[open].length = MW_CAPTURE_OPEN;
    return end;
}

// Behind what was captured as "%1".
static const char *repeated(mw_pattern *m, const char *s, const item *i)
{
    int which = i->at[1] - '1';
    if (which < 0 || which >= m->count || m->captures[which].length == MW_CAPTURE_OPEN) {
        fail(m, "invalid capture index");
        return NULL;
    }
    const mw_capture *k = &m->captures[which];
    if (k->length < 0 || k->length > m->subject_end - s || !step(m, (size_t)k->length / 8))
        return NULL;
    return memcmp(k->at, s, (size_t)k->length) ? NULL : s + k->length;
}

static const char *balanced(mw_pattern *m, const char *s, const item *i)
{
    char open = i->at[2], close = i->at[3];
    if (s == m->subject_end || *s != open)
        return NULL;
    for (int64_t depth = 1; ++s < m->subject_end && step(m, 1);) {
        if (*s == close) {
            if (!--depth)
                return s + 1;
        } else if (*s == open) {
            depth++;
        }
    }
    return NULL;
}

static bool frontier(mw_pattern *m, const char *s, const item *i)
{
    unsigned char before = s == m->subject ? 0 : (unsigned char)s[-1];
    unsigned char after = s == m->subject_end ? 0 : (unsigned char)*s;
    return !in_set(m, before, i->at, i->after_class) && in_set(m, after, i->at, i->after_class);
}

// '*' and '+': as many as there are, then one less at a time.
static const char *longest(mw_pattern *m, const char *s, const item *i)
{
    const char *end, *stop = s, *least = s + (i->often == '+');
    while (fits(m, i, stop) && step(m, 1))
        stop++;
    for (; stop >= least && step(m, 1); stop--)
        if ((end = here(m, stop, i->after)))
            return end;
    return NULL;
}

static const char *shortest(mw_pattern *m, const char *s, const item *i)
{
    for (; step(m, 1); s++) {
        const char *end = here(m, s, i->after);
        if (end)
            return end;
        if (!fits(m, i, s))
            break;
    }
    return NULL;
}

// One item that another must follow without a choice: behind it, or NULL.
static const char *single(mw_pattern *m, const char *s, const item *i)
{
    switch (i->kind) {
    case BALANCED: return balanced(m, s, i);
    case FRONTIER: return frontier(m, s, i) ? s : NULL;
    case REPEATED: return repeated(m, s, i);
    case END: return s == m->subject_end ? s : NULL;
    default: return fits(m, i, s) ? s + 1 : NULL;
    }
}

// What begins with a choice or opens and closes a capture matches the rest itself.
static bool branches(const item *i)
{
    return i->often == '*' || i->often == '+' || i->often == '-' || i->kind == OPEN || i->kind == POSITION ||
        i->kind == CLOSE;
}

static const char *branch(mw_pattern *m, const char *s, const item *i)
{
    if (i->kind == OPEN || i->kind == POSITION)
        return open_capture(m, s, i);
    if (i->kind == CLOSE)
        return close_capture(m, s, i);
    return i->often == '-' ? shortest(m, s, i) : longest(m, s, i);
}

static const char *rest(mw_pattern *m, const char *s, const char *p)
{
    while (s && p < m->end) {
        item i;
        if (!step(m, 1) || !read_item(m, p, &i))
            return NULL;
        if (branches(&i))
            return branch(m, s, &i);
        if (i.often == '?') {
            const char *end = fits(m, &i, s) ? here(m, s + 1, i.after) : NULL;
            if (end || m->wrong)
                return end;
        } else {
            s = single(m, s, &i);
        }
        p = i.after;
    }
    return m->wrong ? NULL : s;
}

static const char *here(mw_pattern *m, const char *s, const char *p)
{
    if (m->depth == DEEPEST) {
        fail(m, "pattern too complex");
        return NULL;
    }
    m->depth++;
    const char *end = rest(m, s, p);
    m->depth--;
    return end;
}

const char *mw_pattern_match(mw_pattern *m, const char *at)
{
    m->count = m->depth = 0;
    return m->wrong ? NULL : here(m, at, m->begin);
}
