// english_rules.c: the file of rules: reading it, and finding the rule that fits a word.
#include "nodes/nets/layout/english/english_internal.h"

#include "core/base/file.h"
#include "core/base/paths.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 1 << 20 };
static const char *const section_names[MW_SECTIONS] = {"same",     "one",     "plural",     "name",
                                                       "singular", "article", "preposition"};

// ---- reading

// Where reading stands.
typedef struct {
    mw_ctx *c;
    const char *path;
    int line;
    mw_english *e;
    int section; // -1 before the first
} reader;

static mw_status bad(const reader *r, const char *what)
{
    return mw_fail(r->c, MW_E_FILE, "%s: line %d: %s", r->path, r->line, what);
}

static mw_status section_line(reader *r, const char *line)
{
    size_t n = strcspn(line, "]");
    for (r->section = 0; r->section < MW_SECTIONS; r->section++)
        if (strlen(section_names[r->section]) == n - 1 &&
            memcmp(section_names[r->section], line + 1, n - 1) == 0)
            return MW_OK;
    return bad(r, "no section of this name");
}

// Takes the bar out of the pattern; false when a set is not closed.
static bool take_bar(char *pattern, size_t *kept)
{
    size_t characters = 0;
    char *to = pattern;
    *kept = 0;
    for (char *p = pattern; *p;) {
        size_t n = *p == '[' ? strcspn(p, "]") + 1 : 1;
        if (*p == '[' && !strchr(p, ']'))
            return false;
        if (*p == '|') {
            *kept = characters;
            p++;
            continue;
        }
        memmove(to, p, n);
        to += n;
        p += n;
        characters++;
    }
    *to = 0;
    return true;
}

static mw_status rule_line(reader *r, char *line)
{
    char *by = line + strcspn(line, " ");
    if (*by)
        *by++ = 0;
    by += strspn(by, " ");
    size_t kept;
    if (r->section < 0)
        return bad(r, "a rule in front of the first section");
    if (!strchr("=-^", line[0]) || !take_bar(line + 1, &kept))
        return bad(r, "a rule must begin with =, - or ^, and close its sets");
    size_t *n = &r->e->section[r->section].n;
    mw_word_rule *more = r->e->section[r->section].rule;
    if ((*n & (*n - 1)) == 0)
        more = mw_realloc(r->c, more, (*n ? 2 * *n : 1) * sizeof *more);
    if (!more)
        return mw_err(r->c);
    r->e->section[r->section].rule = more;
    more[(*n)++] = (mw_word_rule){line[0], line + 1, kept, strcmp(by, ".") == 0 ? "" : by};
    return MW_OK;
}

static void read_lines(reader *r)
{
    char *next;
    for (char *line = r->e->text; line && !mw_err(r->c); line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        r->line++;
        line[strcspn(line, "#\r")] = 0;
        for (size_t n = strlen(line); n && line[n - 1] == ' ';)
            line[--n] = 0;
        if (line[0] == '[')
            section_line(r, line);
        else if (line[0])
            rule_line(r, line);
    }
}

mw_english *mw_english_load(mw_ctx *c)
{
    char *path = mw_share_path(c, "models/english/nouns.txt");
    mw_english *e = path ? mw_alloc(c, sizeof *e) : NULL;
    if (e)
        e->text = mw_file_read(c, path, LARGEST_FILE, NULL);
    if (e && e->text)
        read_lines(&(reader){c, path, 0, e, -1});
    free(path);
    if (!mw_err(c))
        return e;
    mw_english_free(e);
    return NULL;
}

void mw_english_free(mw_english *e)
{
    for (int s = 0; e && s < MW_SECTIONS; s++)
        free(e->section[s].rule);
    if (e)
        free(e->text);
    free(e);
}

// ---- matching

static char lower(char x) { return x >= 'A' && x <= 'Z' ? (char)(x + 32) : x; }

// One letter against the letter or set at *p, which moves behind it. Small letters fit large ones too.
static bool letter_fits(const char **p, char x)
{
    const char *at = *p;
    if (*at != '[') {
        (*p)++;
        return *at == x || *at == lower(x);
    }
    const char *end = strchr(at, ']');
    bool other = at[1] == '^';
    *p = end + 1;
    size_t n = (size_t)(end - at - 1);
    return (memchr(at + 1, x, n) || memchr(at + 1, lower(x), n)) != other;
}

static size_t characters(const char *pattern)
{
    size_t n = 0;
    for (; *pattern; n++)
        pattern += *pattern == '[' ? strcspn(pattern, "]") + 1 : 1;
    return n;
}

static bool fits_at(const char *pattern, const char *text)
{
    for (; *pattern; text++)
        if (!letter_fits(&pattern, *text))
            return false;
    return true;
}

const mw_word_rule *mw_english_rule(const mw_english *e, mw_section s, const char *text, size_t n, size_t *at)
{
    size_t last = n;
    while (last > 0 && !isspace((unsigned char)text[last - 1]))
        last--;
    for (size_t i = 0; i < e->section[s].n; i++) {
        const mw_word_rule *r = &e->section[s].rule[i];
        size_t m = characters(r->pattern), begin = r->anchor == '^' ? 0 : n - m;
        if (m > n || (r->anchor == '=' && begin != last) || !fits_at(r->pattern, text + begin))
            continue;
        *at = begin + r->kept;
        return r;
    }
    return NULL;
}
