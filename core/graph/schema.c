// schema.c: node declarations made ready, and what feeds what.
#include "core/graph/schema.h"
#include "core/base/greek.h"
#include "core/graph/value_json.h"

#include <stdlib.h>
#include <string.h>

const mw_node_type *mw_node_find(const char *name)
{
    for (const mw_node_type *const *t = mw_node_types; *t; t++)
        if (!strcmp((*t)->name, name))
            return *t;
    return NULL;
}

const char *mw_names_next(const char **list, char separator, size_t *length)
{
    const char *start = *list;
    if (!start || !*start)
        return NULL;
    const char *end = strchr(start, separator);
    *length = end ? (size_t)(end - start) : strlen(start);
    *list = end ? end + 1 : NULL;
    return start;
}

bool mw_port_answers(const mw_port *p, const char *name)
{
    if (!strcmp(p->name, name))
        return true;
    const char *rest = p->alias;
    size_t n;
    for (const char *a; (a = mw_names_next(&rest, '|', &n));)
        if (strlen(name) == n && !memcmp(a, name, n))
            return true;
    return false;
}

int mw_schema_port(const mw_schema *s, const char *name)
{
    for (const char *spelling = name; spelling; spelling = spelling == name ? mw_greek_other(name) : NULL)
        for (int i = 0; i < s->nin; i++)
            if (mw_port_answers(&s->type->in[i], spelling))
                return i;
    return -1;
}

int mw_schema_output(const mw_schema *s, const char *name)
{
    for (int i = 0; i < s->nout; i++)
        if (!strcmp(s->type->out[i].name, name))
            return i;
    return -1;
}

static void parse_default(mw_ctx *c, mw_schema *s, int i)
{
    const mw_port *p = &s->type->in[i];
    if (mw_schema_port(s, p->name) != i)
        mw_fail(c, MW_E_RUN, "two ports answer to '%s'", p->name);
    mw_value *v = p->def ? mw_value_from_json(c, p->name, p->def, strlen(p->def)) : NULL;
    if (v && mw_value_kind(v) != MW_NIL)
        s->defaults[i] = mw_port_check(c, p, v, "the declared default");
    else if (v)
        s->defaults[i] = mw_value_retain(v);
    mw_value_release(v);
}

mw_schema *mw_schema_new(mw_ctx *c, const mw_node_type *type)
{
    mw_schema *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    s->type = type;
    while (type->in && type->in[s->nin].name)
        s->nin++;
    while (type->out && type->out[s->nout].name)
        s->nout++;
    s->defaults = mw_alloc(c, (size_t)s->nin * sizeof *s->defaults);
    for (int i = 0; i < s->nin && !mw_err(c); i++)
        parse_default(c, s, i);
    if (!mw_err(c))
        return s;
    mw_fail_context(c, "the declaration of node %s is wrong", type->name);
    mw_schema_free(s);
    return NULL;
}

void mw_schema_free(mw_schema *s)
{
    if (!s)
        return;
    for (int i = 0; s->defaults && i < s->nin; i++)
        mw_value_release(s->defaults[i]);
    free(s->defaults);
    free(s);
}

// ---- types

bool mw_type_has_part(const char *from, const char *to)
{
    const mw_node_type *t = mw_node_find(from);
    for (const mw_out *o = t ? t->out : NULL; o && o->name; o++)
        if (!strcmp(o->type, to))
            return true;
    return false;
}
