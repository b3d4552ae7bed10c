// jinja_parse.c: reads a template: text, prints and statements.
#include "nodes/nets/jinja/jinja_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

typedef mw_jinja_reader reader;
typedef mw_jinja_node node;

// A list of statements, up to a tag that begins with one of those words (NULL-terminated), which is then at
// hand behind its word; *found: which. NULL words: up to the end of the template.
static void read_body(reader *r, const char *const *until, node ***list, size_t *n, const char **found);

static void want_end(reader *r)
{
    char shown[40];
    if (r->token.kind != MW_JINJA_T_END)
        mw_jinja_bad(r, "the tag should end where %s stands",
                     mw_printable(r->token.text ? r->token.text : "a number", shown, sizeof shown));
}

static node *read_if(reader *r)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    const char *found = "";
    node *n = mw_jinja_node_new(r, MW_JINJA_IF);
    if (!n)
        return NULL;
    n->a = mw_jinja_read_tuple(r, false);
    // What stands in a condition may be a choice as well, but for "if" nothing else could follow.
    want_end(r);
    read_body(r, ends, &n->list, &n->n, &found);
    if (strcmp(found, "elif") == 0) {
        if (++r->depth > MW_JINJA_DEPTH)
            mw_jinja_bad(r, "nested deeper than %d", MW_JINJA_DEPTH);
        else
            mw_jinja_put(r, &n->more, &n->nmore, read_if(r));
        r->depth--;
    } else if (strcmp(found, "else") == 0) {
        want_end(r);
        read_body(r, last, &n->more, &n->nmore, &found);
        want_end(r);
    } else {
        want_end(r);
    }
    return n;
}

static node *read_for(reader *r)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    const char *found = "";
    node *n = mw_jinja_node_new(r, MW_JINJA_FOR);
    if (!n)
        return NULL;
    n->b = mw_jinja_read_target(r);
    if (!mw_jinja_take_name(r, "in"))
        mw_jinja_bad(r, "'in' is expected");
    n->a = mw_jinja_read_tuple(r, false);
    if (mw_jinja_take_name(r, "if"))
        n->c = mw_jinja_read_expression(r, true);
    if (mw_jinja_is_name(r, "recursive"))
        mw_jinja_bad(r, "a recursive loop is not known");
    want_end(r);
    read_body(r, ends, &n->list, &n->n, &found);
    want_end(r);
    if (strcmp(found, "else") == 0) {
        read_body(r, last, &n->more, &n->nmore, &found);
        want_end(r);
    }
    return n;
}

static node *read_set(reader *r)
{
    static const char *const ends[] = {"endset", NULL};
    const char *found;
    node *target = mw_jinja_read_target(r), *n;
    if (mw_jinja_take_sign(r, "=")) {
        n = mw_jinja_node_new(r, MW_JINJA_SET);
        if (n)
            n->a = mw_jinja_read_tuple(r, true);
    } else {
        n = mw_jinja_node_new(r, MW_JINJA_CAPTURE);
        node *written = mw_jinja_node_new(r, MW_JINJA_NAME);
        if (n && written) {
            written->name = MW_JINJA_WRITTEN;
            n->a = mw_jinja_read_filters(r, written, false);
            want_end(r);
            read_body(r, ends, &n->list, &n->n, &found);
        }
    }
    if (n)
        n->b = target;
    want_end(r);
    return n;
}

static node *read_macro(reader *r)
{
    static const char *const ends[] = {"endmacro", NULL};
    const char *found;
    node *n = mw_jinja_node_new(r, MW_JINJA_DEFINE);
    if (!n)
        return NULL;
    node *name = mw_jinja_read_target(r);
    n->name = name && name->kind == MW_JINJA_NAME ? name->name : NULL;
    if (!n->name)
        mw_jinja_bad(r, "a macro needs a name");
    mw_jinja_want_sign(r, "(");
    while (!mw_err(r->c) && !mw_jinja_take_sign(r, ")")) {
        node *one = mw_jinja_node_new(r, MW_JINJA_KEYWORD);
        if (!one || r->token.kind != MW_JINJA_T_NAME)
            mw_jinja_bad(r, "a macro's parameter needs a name");
        if (mw_err(r->c))
            return NULL;
        one->name = r->token.text;
        mw_jinja_next(r);
        if (mw_jinja_take_sign(r, "="))
            one->a = mw_jinja_read_expression(r, true);
        mw_jinja_put(r, &n->more, &n->nmore, one);
        if (!mw_jinja_is_sign(r, ")"))
            mw_jinja_want_sign(r, ",");
    }
    want_end(r);
    read_body(r, ends, &n->list, &n->n, &found);
    want_end(r);
    return n;
}

// transformers' mark of what an assistant said: its content.
static node *read_generation(reader *r)
{
    static const char *const ends[] = {"endgeneration", NULL};
    const char *found;
    node *n = mw_jinja_node_new(r, MW_JINJA_GROUP);
    want_end(r);
    if (n)
        read_body(r, ends, &n->list, &n->n, &found);
    want_end(r);
    return n;
}

static node *read_word(reader *r, mw_jinja_node_kind kind)
{
    node *n = mw_jinja_node_new(r, kind);
    want_end(r);
    return n;
}

static node *read_statement(reader *r)
{
    char shown[40];
    const char *word = r->token.kind == MW_JINJA_T_NAME ? r->token.text : "";
    if (mw_jinja_take_name(r, "if"))
        return read_if(r);
    if (mw_jinja_take_name(r, "for"))
        return read_for(r);
    if (mw_jinja_take_name(r, "set"))
        return read_set(r);
    if (mw_jinja_take_name(r, "macro"))
        return read_macro(r);
    if (mw_jinja_take_name(r, "generation"))
        return read_generation(r);
    if (mw_jinja_take_name(r, "break"))
        return read_word(r, MW_JINJA_BREAK);
    if (mw_jinja_take_name(r, "continue"))
        return read_word(r, MW_JINJA_CONTINUE);
    mw_jinja_bad(r, "the statement '%s' is not known here",
                 mw_printable(word ? word : "", shown, sizeof shown));
    return NULL;
}

static const char *ending(reader *r, const char *const *until)
{
    for (; until && *until; until++)
        if (mw_jinja_take_name(r, *until))
            return *until;
    return NULL;
}

static void read_body(reader *r, const char *const *until, node ***list, size_t *n, const char **found)
{
    char tag = '#';
    *found = "";
    if (++r->depth > MW_JINJA_DEPTH)
        mw_jinja_bad(r, "nested deeper than %d", MW_JINJA_DEPTH);
    while (tag && !mw_err(r->c)) {
        mw_jinja_put(r, list, n, mw_jinja_read_text(r, &tag));
        if (tag == '{') {
            node *print = mw_jinja_node_new(r, MW_JINJA_PRINT);
            if (print)
                print->a = mw_jinja_read_tuple(r, true);
            want_end(r);
            mw_jinja_put(r, list, n, print);
        } else if (tag == '%') {
            const char *end = ending(r, until);
            if (end) {
                *found = end;
                break;
            }
            mw_jinja_put(r, list, n, read_statement(r));
        }
    }
    if (!tag && until)
        mw_jinja_bad(r, "the template ends where {%% %s %%} is expected", *until);
    r->depth--;
}

// With line feeds only, and without one at the end.
static char *prepare(mw_jinja_memory *m, const char *text, size_t *size)
{
    char *out = mw_jinja_alloc(m, *size + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < *size; i++)
        if (text[i] != '\r')
            out[n++] = text[i];
        else if (i + 1 == *size || text[i + 1] != '\n')
            out[n++] = '\n';
    *size = n && out[n - 1] == '\n' ? n - 1 : n;
    return out;
}

mw_jinja *mw_jinja_parse(mw_ctx *c, const char *text, size_t size, const char *name)
{
    mw_jinja *t = mw_err(c) ? NULL : mw_alloc(c, sizeof *t);
    if (!t)
        return NULL;
    const char *found;
    t->memory = (mw_jinja_memory){.c = c, .limit = 32 * size + ((size_t)4 << 20)};
    t->name = mw_strdup(c, name);
    t->size = size;
    reader r = {.c = c, .m = &t->memory, .name = name, .line = 1, .at_line_start = true};
    r.text = prepare(&t->memory, text, &size);
    r.size = size;
    if (mw_utf8_length(text, t->size) < t->size)
        mw_jinja_bad(&r, "it is no UTF-8");
    if (!mw_err(c))
        read_body(&r, NULL, &t->list, &t->n, &found);
    if (!mw_err(c))
        return t;
    mw_jinja_free(t);
    return NULL;
}

void mw_jinja_free(mw_jinja *t)
{
    if (!t)
        return;
    mw_jinja_release(&t->memory);
    free(t->name);
    free(t);
}
