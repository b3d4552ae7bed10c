// jinja_expression.c: reads the expressions of a template, in Jinja's order of precedence.
#include "nodes/nets/jinja/jinja_internal.h"

typedef mw_jinja_reader reader;
typedef mw_jinja_node node;

node *mw_jinja_node_of(reader *r, mw_jinja_node_kind kind, const char *name, node *a, node *b)
{
    node *n = mw_jinja_node_new(r, kind);
    if (n) {
        n->name = name;
        n->a = a;
        n->b = b;
    }
    return n;
}

const char *mw_jinja_want_name(reader *r)
{
    const char *name = r->token.text;
    if (r->token.kind != MW_JINJA_T_NAME || !name) {
        mw_jinja_bad(r, "a name is expected");
        return "";
    }
    mw_jinja_next(r);
    return name;
}

// ---- operators, the tightest first

static node *read_unary(reader *r, bool filters)
{
    node *n;
    if (mw_err(r->c) || ++r->depth > MW_JINJA_DEPTH) {
        mw_jinja_bad(r, "nested deeper than %d", MW_JINJA_DEPTH);
        return NULL;
    }
    if (mw_jinja_take_sign(r, "-"))
        n = mw_jinja_node_of(r, MW_JINJA_NEGATIVE, NULL, read_unary(r, false), NULL);
    else if (mw_jinja_take_sign(r, "+"))
        n = mw_jinja_node_of(r, MW_JINJA_POSITIVE, NULL, read_unary(r, false), NULL);
    else
        n = mw_jinja_read_primary(r);
    n = mw_jinja_read_postfix(r, n);
    n = filters ? mw_jinja_read_filters(r, n, true) : n;
    r->depth--;
    return n;
}

// The sign at hand when it is one of those, which is then taken; NULL.
static const char *take_operator(reader *r, const char *const *signs)
{
    for (; *signs; signs++)
        if (mw_jinja_take_sign(r, *signs))
            return *signs;
    return NULL;
}

static node *read_power(reader *r)
{
    node *n = read_unary(r, true);
    while (!mw_err(r->c) && mw_jinja_take_sign(r, "**"))
        n = mw_jinja_node_of(r, MW_JINJA_BINARY, "**", n, read_unary(r, true));
    return n;
}

static node *read_product(reader *r)
{
    static const char *const signs[] = {"*", "//", "/", "%", NULL};
    const char *sign;
    node *n = read_power(r);
    while (!mw_err(r->c) && (sign = take_operator(r, signs)))
        n = mw_jinja_node_of(r, MW_JINJA_BINARY, sign, n, read_power(r));
    return n;
}

static node *read_concat(reader *r)
{
    node *first = read_product(r);
    if (mw_err(r->c) || !mw_jinja_is_sign(r, "~"))
        return first;
    node *n = mw_jinja_node_new(r, MW_JINJA_CONCAT);
    if (n)
        mw_jinja_put(r, &n->list, &n->n, first);
    while (n && !mw_err(r->c) && mw_jinja_take_sign(r, "~"))
        mw_jinja_put(r, &n->list, &n->n, read_product(r));
    return n;
}

static node *read_sum(reader *r)
{
    static const char *const signs[] = {"+", "-", NULL};
    const char *sign;
    node *n = read_concat(r);
    while (!mw_err(r->c) && (sign = take_operator(r, signs)))
        n = mw_jinja_node_of(r, MW_JINJA_BINARY, sign, n, read_concat(r));
    return n;
}

static node *read_compare(reader *r)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">", NULL};
    node *n = NULL, *first = read_sum(r);
    while (!mw_err(r->c)) {
        const char *sign = take_operator(r, signs);
        if (!sign && mw_jinja_take_name(r, "in"))
            sign = "in";
        if (!sign && mw_jinja_take_name(r, "not")) {
            sign = "not in";
            if (!mw_jinja_take_name(r, "in"))
                mw_jinja_bad(r, "'in' is expected behind 'not'");
        }
        if (!sign)
            break;
        n = n ? n : mw_jinja_node_of(r, MW_JINJA_COMPARE, NULL, first, NULL);
        if (n)
            mw_jinja_put(r, &n->list, &n->n, mw_jinja_node_of(r, MW_JINJA_KEYWORD, sign, read_sum(r), NULL));
    }
    return n ? n : first;
}

static node *read_not(reader *r)
{
    int nots = 0;
    while (!mw_err(r->c) && mw_jinja_take_name(r, "not"))
        nots++;
    node *n = read_compare(r);
    for (; nots > 0; nots--)
        n = mw_jinja_node_of(r, MW_JINJA_NOT, NULL, n, NULL);
    return n;
}

static node *read_and(reader *r)
{
    node *n = read_not(r);
    while (!mw_err(r->c) && mw_jinja_take_name(r, "and"))
        n = mw_jinja_node_of(r, MW_JINJA_AND, NULL, n, read_not(r));
    return n;
}

static node *read_or(reader *r)
{
    node *n = read_and(r);
    while (!mw_err(r->c) && mw_jinja_take_name(r, "or"))
        n = mw_jinja_node_of(r, MW_JINJA_OR, NULL, n, read_and(r));
    return n;
}

node *mw_jinja_read_expression(reader *r, bool conditions)
{
    if (++r->depth > MW_JINJA_DEPTH) {
        mw_jinja_bad(r, "nested deeper than %d", MW_JINJA_DEPTH);
        return NULL;
    }
    node *n = read_or(r);
    while (conditions && !mw_err(r->c) && mw_jinja_take_name(r, "if")) {
        n = mw_jinja_node_of(r, MW_JINJA_CHOICE, NULL, n, read_or(r));
        if (n && mw_jinja_take_name(r, "else"))
            n->c = mw_jinja_read_expression(r, true);
    }
    r->depth--;
    return n;
}

node *mw_jinja_read_tuple(reader *r, bool conditions)
{
    node *first = mw_jinja_read_expression(r, conditions);
    if (mw_err(r->c) || !mw_jinja_is_sign(r, ","))
        return first;
    node *n = mw_jinja_node_new(r, MW_JINJA_ITEMS);
    if (!n)
        return NULL;
    n->tuple = true;
    mw_jinja_put(r, &n->list, &n->n, first);
    while (!mw_err(r->c) && mw_jinja_take_sign(r, ",")) {
        if (r->token.kind == MW_JINJA_T_END || mw_jinja_is_sign(r, ")"))
            break;
        mw_jinja_put(r, &n->list, &n->n, mw_jinja_read_expression(r, conditions));
    }
    return n;
}

static node *read_one_target(reader *r)
{
    bool open = mw_jinja_take_sign(r, "(");
    node *n = open ? mw_jinja_read_target(r)
                   : mw_jinja_node_of(r, MW_JINJA_NAME, mw_jinja_want_name(r), NULL, NULL);
    if (open)
        mw_jinja_want_sign(r, ")");
    else if (mw_jinja_take_sign(r, "."))
        n = mw_jinja_node_of(r, MW_JINJA_ATTRIBUTE, mw_jinja_want_name(r), n, NULL);
    return n;
}

node *mw_jinja_read_target(reader *r)
{
    if (++r->depth > MW_JINJA_DEPTH) {
        mw_jinja_bad(r, "nested deeper than %d", MW_JINJA_DEPTH);
        return NULL;
    }
    node *n = NULL, *first = read_one_target(r);
    if (mw_jinja_is_sign(r, ",") && (n = mw_jinja_node_new(r, MW_JINJA_ITEMS)))
        mw_jinja_put(r, &n->list, &n->n, first);
    while (n && !mw_err(r->c) && mw_jinja_take_sign(r, ","))
        if (r->token.kind == MW_JINJA_T_NAME || mw_jinja_is_sign(r, "("))
            mw_jinja_put(r, &n->list, &n->n, read_one_target(r));
    r->depth--;
    return n ? n : first;
}
