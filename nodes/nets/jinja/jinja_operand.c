// jinja_operand.c: reads the operands of a template's expressions: constants, names, lists, and what stands
// behind them: parts, calls, filters, tests.
#include "nodes/nets/jinja/jinja_internal.h"

#include "core/base/text.h"

#include <string.h>

typedef mw_jinja_reader reader;
typedef mw_jinja_node node;

static node *constant(reader *r, mw_jinja_value v)
{
    node *n = mw_jinja_node_new(r, MW_JINJA_CONST);
    if (n)
        n->value = v;
    return n;
}

// Items up to the closing sign, which is taken.
static void read_items(reader *r, node *n, const char *close)
{
    while (!mw_err(r->c) && !mw_jinja_take_sign(r, close)) {
        mw_jinja_put(r, &n->list, &n->n, mw_jinja_read_expression(r, true));
        if (!mw_jinja_is_sign(r, close))
            mw_jinja_want_sign(r, ",");
    }
}

static node *read_pairs(reader *r)
{
    node *n = mw_jinja_node_new(r, MW_JINJA_PAIRS);
    while (n && !mw_err(r->c) && !mw_jinja_take_sign(r, "}")) {
        mw_jinja_put(r, &n->list, &n->n, mw_jinja_read_expression(r, true));
        mw_jinja_want_sign(r, ":");
        mw_jinja_put(r, &n->list, &n->n, mw_jinja_read_expression(r, true));
        if (!mw_jinja_is_sign(r, "}"))
            mw_jinja_want_sign(r, ",");
    }
    return n;
}

static node *read_parentheses(reader *r)
{
    if (mw_jinja_take_sign(r, ")")) {
        node *empty = mw_jinja_node_new(r, MW_JINJA_ITEMS);
        if (empty)
            empty->tuple = true;
        return empty;
    }
    node *n = mw_jinja_read_tuple(r, true);
    mw_jinja_want_sign(r, ")");
    return n;
}

// Texts that stand side by side are one.
static node *read_texts(reader *r)
{
    char *text = r->token.text;
    size_t size = r->token.size;
    mw_jinja_next(r);
    while (r->token.kind == MW_JINJA_T_TEXT && !mw_err(r->c)) {
        char *both = mw_jinja_alloc(r->m, size + r->token.size + 1);
        if (!both)
            return NULL;
        memcpy(both, text, size);
        memcpy(both + size, r->token.text, r->token.size);
        text = both;
        size += r->token.size;
        mw_jinja_next(r);
    }
    return constant(r, mw_jinja_string_new(r->m, text, size, NULL));
}

static node *read_name(reader *r)
{
    const char *name = mw_jinja_want_name(r);
    bool yes = strcmp(name, "true") == 0 || strcmp(name, "True") == 0;
    if (yes || strcmp(name, "false") == 0 || strcmp(name, "False") == 0)
        return constant(r, mw_jinja_bool(yes));
    if (strcmp(name, "none") == 0 || strcmp(name, "None") == 0)
        return constant(r, (mw_jinja_value){.kind = MW_JINJA_NONE});
    return mw_jinja_node_of(r, MW_JINJA_NAME, name, NULL, NULL);
}

node *mw_jinja_read_primary(reader *r)
{
    mw_jinja_token t = r->token;
    char shown[40];
    switch (t.kind) {
    case MW_JINJA_T_NAME: return read_name(r);
    case MW_JINJA_T_TEXT: return read_texts(r);
    case MW_JINJA_T_INT:
    case MW_JINJA_T_FLOAT:
        mw_jinja_next(r);
        return constant(r, t.kind == MW_JINJA_T_INT ? mw_jinja_int(t.i) : mw_jinja_float(t.f));
    default: break;
    }
    if (mw_jinja_take_sign(r, "("))
        return read_parentheses(r);
    if (mw_jinja_take_sign(r, "{"))
        return read_pairs(r);
    if (mw_jinja_take_sign(r, "[")) {
        node *n = mw_jinja_node_new(r, MW_JINJA_ITEMS);
        if (n)
            read_items(r, n, "]");
        return n;
    }
    mw_jinja_bad(r, "an expression is expected, not %s",
                 t.text ? mw_printable(t.text, shown, sizeof shown) : "the end of the tag");
    return NULL;
}

// ---- what stands behind a value

// Arguments up to ")", which is taken.
static void read_arguments(reader *r, node *call)
{
    while (!mw_err(r->c) && !mw_jinja_take_sign(r, ")")) {
        node *one;
        if (mw_jinja_is_sign(r, "*") || mw_jinja_is_sign(r, "**")) {
            mw_jinja_bad(r, "arguments by * and ** are not known");
            return;
        }
        one = mw_jinja_read_expression(r, true);
        if (one && one->kind == MW_JINJA_NAME && mw_jinja_take_sign(r, "="))
            one = mw_jinja_node_of(r, MW_JINJA_KEYWORD, one->name, mw_jinja_read_expression(r, true), NULL);
        else if (one && call->n && call->list[call->n - 1]->kind == MW_JINJA_KEYWORD)
            mw_jinja_bad(r, "an argument by place stands behind one by name");
        mw_jinja_put(r, &call->list, &call->n, one);
        if (!mw_jinja_is_sign(r, ")"))
            mw_jinja_want_sign(r, ",");
    }
}

static node *read_call(reader *r, node *of)
{
    node *call = mw_jinja_node_of(r, MW_JINJA_CALL, NULL, of, NULL);
    if (call)
        read_arguments(r, call);
    return call;
}

// What stands in brackets, which are taken.
static node *read_subscript(reader *r, node *of)
{
    node *part[3] = {0};
    size_t colons = 0;
    while (!mw_err(r->c) && !mw_jinja_take_sign(r, "]")) {
        if (mw_jinja_take_sign(r, ":"))
            colons++;
        else if (colons < 3 && !part[colons])
            part[colons] = mw_jinja_read_expression(r, true);
        else
            mw_jinja_bad(r, "']' is expected");
    }
    if (!colons)
        return mw_jinja_node_of(r, MW_JINJA_ITEM, NULL, of, part[0]);
    node *slice = mw_jinja_node_of(r, MW_JINJA_SLICE, NULL, of, NULL);
    if (slice && (slice->list = mw_jinja_alloc(r->m, sizeof part)))
        memcpy(slice->list, part, sizeof part);
    if (colons > 2)
        mw_jinja_bad(r, "a slice has three parts at most");
    return slice;
}

node *mw_jinja_read_postfix(reader *r, node *n)
{
    while (n && !mw_err(r->c))
        if (mw_jinja_take_sign(r, ".")) {
            if (r->token.kind == MW_JINJA_T_INT) {
                n = mw_jinja_node_of(r, MW_JINJA_ITEM, NULL, n, constant(r, mw_jinja_int(r->token.i)));
                mw_jinja_next(r);
            } else {
                n = mw_jinja_node_of(r, MW_JINJA_ATTRIBUTE, mw_jinja_want_name(r), n, NULL);
            }
        } else if (mw_jinja_take_sign(r, "[")) {
            n = read_subscript(r, n);
        } else if (mw_jinja_take_sign(r, "(")) {
            n = read_call(r, n);
        } else {
            break;
        }
    return n;
}

static node *read_filter(reader *r, node *of)
{
    char shown[40];
    const char *name = mw_jinja_want_name(r);
    node *n = mw_jinja_node_of(r, MW_JINJA_FILTER, name, of, NULL);
    if (n && mw_jinja_take_sign(r, "("))
        read_arguments(r, n);
    if (!mw_err(r->c) && !mw_jinja_is_filter(name))
        mw_jinja_bad(r, "the filter '%s' is not known", mw_printable(name, shown, sizeof shown));
    return n;
}

// A test may have one argument without parentheses.
static bool argument_follows(const reader *r)
{
    static const char *const words[] = {"else", "or", "and", "is", "if", "not", "in", NULL};
    if (r->token.kind == MW_JINJA_T_NAME)
        for (int i = 0; words[i]; i++)
            if (mw_jinja_is_name(r, words[i]))
                return false;
    return r->token.kind != MW_JINJA_T_END &&
        (r->token.kind != MW_JINJA_T_SIGN || mw_jinja_is_sign(r, "[") || mw_jinja_is_sign(r, "{"));
}

static node *read_test(reader *r, node *of)
{
    char shown[40];
    bool not = mw_jinja_take_name(r, "not");
    const char *name = mw_jinja_want_name(r);
    node *n = mw_jinja_node_of(r, MW_JINJA_TEST, name, of, NULL);
    if (n && mw_jinja_take_sign(r, "("))
        read_arguments(r, n);
    else if (n && argument_follows(r))
        mw_jinja_put(r, &n->list, &n->n, mw_jinja_read_postfix(r, mw_jinja_read_primary(r)));
    if (!mw_err(r->c) && !mw_jinja_is_test(name))
        mw_jinja_bad(r, "the test '%s' is not known", mw_printable(name, shown, sizeof shown));
    return not ? mw_jinja_node_of(r, MW_JINJA_NOT, NULL, n, NULL) : n;
}

node *mw_jinja_read_filters(reader *r, node *of, bool tests)
{
    while (of && !mw_err(r->c))
        if (mw_jinja_take_sign(r, "|"))
            of = read_filter(r, of);
        else if (tests && mw_jinja_take_name(r, "is"))
            of = read_test(r, of);
        else if (tests && mw_jinja_take_sign(r, "("))
            of = read_call(r, of);
        else
            break;
    return of;
}
