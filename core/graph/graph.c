// graph.c: node instances, links, and the checks at wiring time.
#include "core/graph/graph_internal.h"

#include "core/base/nearest.h"
#include "core/graph/function.h"
#include "core/graph/recipe.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 30 };

const mw_schema *mw_graph_schema(mw_ctx *c, mw_graph *g, const mw_node_type *type)
{
    for (int i = 0; i < g->nschemas; i++)
        if (g->schemas[i]->type == type)
            return g->schemas[i];
    mw_schema **more = mw_realloc(c, g->schemas, ((size_t)g->nschemas + 1) * sizeof *more);
    if (!more)
        return NULL;
    g->schemas = more;
    mw_schema *s = mw_schema_new(c, type);
    if (!s)
        return NULL;
    s->index = g->nschemas;
    g->schemas[g->nschemas++] = s;
    return s;
}

const mw_node_type *mw_graph_type(const mw_graph *g, int index)
{
    return index >= 0 && index < g->nschemas ? g->schemas[index]->type : NULL;
}

mw_status mw_graph_set_recipe(mw_ctx *c, mw_graph *g)
{
    char *text = mw_recipe_text(c, true);
    if (text) {
        free(g->recipe);
        g->recipe = text;
    }
    return mw_err(c);
}

const char *mw_graph_recipe(const mw_graph *g) { return g->recipe ? g->recipe : g->program; }

// ---- links

static void free_link(mw_object *o) { free(o); }

static const mw_object_type link_type = {.name = "handle", .free = free_link};

mw_value *mw_link_value(mw_ctx *c, int node, int out)
{
    mw_link *l = mw_alloc(c, sizeof *l);
    if (!l)
        return NULL;
    l->base.type = &link_type;
    atomic_init(&l->base.refs, 1);
    l->node = node;
    l->out = out;
    return mw_value_object(c, &l->base);
}

const mw_link *mw_link_of(const mw_value *v)
{
    mw_object *o = mw_value_as_object(v);
    return o && o->type == &link_type ? (const mw_link *)o : NULL;
}

bool mw_link_inside(const mw_value *v)
{
    if (mw_link_of(v))
        return true;
    for (size_t i = 0; i < mw_value_count(v); i++)
        if (mw_link_inside(mw_value_at(v, i)))
            return true;
    return false;
}

// The output that a handle passed whole to a port of this type stands for.
static int whole_output(const mw_schema *s, const char *port_type)
{
    for (int i = 0; i < s->nout; i++)
        if (!strcmp(s->type->out[i].type, port_type))
            return i;
    return 0;
}

// ---- wiring one node

typedef struct wiring {
    mw_ctx *c;
    mw_graph *g;
    const mw_wiring *w;
    mw_gnode *node;
    bool bad, broken, placed; // placed: the pending error has its place in front
} wiring;

// The pending error of one port becomes a report, so that the next port can be looked at.
static void settle(wiring *a)
{
    if (!mw_err(a->c) || a->placed)
        return;
    a->bad = a->placed = true;
    mw_fail_context(a->c, "%s: %s", a->w->where, a->node->schema->type->name);
    if (a->w->report && mw_err(a->c) == MW_E_SCRIPT) {
        a->w->report(a->w->user, mw_errmsg(a->c));
        mw_err_clear(a->c);
        a->placed = false;
    }
}

static mw_value *refuse_link(wiring *a, const mw_port *p, const mw_schema *from, int out)
{
    const mw_out *o = &from->type->out[out];
    char *got = mw_format(a->c, "output '%s' of %s, which is %s %s", o->name, from->type->name,
                          strchr("aeio", o->type[0]) ? "an" : "a", o->type);
    if (got)
        mw_port_refuse(a->c, p, got, NULL);
    free(got);
    return NULL;
}

// A link as input of a port of type `type`: the output is chosen and its type checked.
static mw_value *wire_link(wiring *a, const mw_port *p, const char *type, const mw_value *v)
{
    const mw_link *l = mw_link_of(v);
    mw_gnode *from = mw_graph_node(a->g, l->node);
    if (!from) {
        a->broken = true;
        return mw_value_nil(a->c);
    }
    const mw_schema *s = from->schema;
    int out = l->out == MW_WHOLE ? whole_output(s, type) : l->out;
    const char *has = s->type->out[out].type;
    bool objects = mw_port_type_of(has)->object && mw_port_type_of(type)->object;
    bool part = objects && mw_type_has_part(has, type);
    if (!part && !mw_types_fit(has, type))
        return refuse_link(a, p, s, out);
    return mw_link_value(a->c, l->node, out);
}

// A list or map with links inside: the same with each link wired; the rest as it is.
static mw_value *wire_nested(wiring *a, const mw_port *p, const char *type, const mw_value *v)
{
    if (mw_link_of(v))
        return wire_link(a, p, type, v);
    bool list = mw_value_kind(v) == MW_LIST;
    if (!list && mw_value_kind(v) != MW_MAP)
        return mw_value_retain((mw_value *)v);
    mw_value *copy = list ? mw_value_list(a->c) : mw_value_map(a->c);
    for (size_t i = 0; copy && i < mw_value_count(v) && !mw_err(a->c); i++) {
        mw_value *item = wire_nested(a, p, type, mw_value_at(v, i));
        if (!item)
            break;
        if (list)
            mw_value_push(a->c, copy, item);
        else
            mw_value_set(a->c, copy, mw_value_key_at(v, i), item);
    }
    return copy;
}

static mw_value *wire_value(wiring *a, const mw_port *p, mw_value *v)
{
    if (!mw_link_inside(v))
        return mw_port_check(a->c, p, v, NULL);
    const mw_link *l = mw_link_of(v);
    if (!l) {
        bool texts = !strcmp(p->type, "texts") && mw_value_kind(v) == MW_LIST;
        if (texts || (mw_port_type_of(p->type)->nested && strcmp(p->type, "texts")))
            return wire_nested(a, p, texts ? "text" : "any", v);
        return mw_port_check(a->c, p, v, NULL);
    }
    mw_value *one = wire_link(a, p, p->type, v);
    const mw_link *wired = mw_link_of(one);
    if (!wired || strcmp(p->type, "list"))
        return one;
    // One handle where a list is expected is a list of one, unless what it makes may be a list itself.
    const char *type = mw_graph_node(a->g, wired->node)->schema->type->out[wired->out].type;
    if (mw_port_type_of(type)->kinds >> MW_LIST & 1)
        return one;
    mw_value *list = mw_value_list(a->c);
    mw_value_push(a->c, list, one);
    return list;
}

mw_status mw_graph_check(mw_ctx *c, mw_graph *g, const mw_port *p, mw_value *v)
{
    wiring a = {.c = c, .g = g};
    mw_value_release(wire_value(&a, p, v));
    return mw_err(c);
}

static void unknown_port(wiring *a, const char *key)
{
    const mw_schema *s = a->node->schema;
    mw_nearest near = {.wrong = key};
    char hint[160];
    for (int i = 0; i < s->nin; i++) {
        mw_nearest_offer(&near, s->type->in[i].name);
        mw_nearest_offer(&near, s->type->in[i].alias);
    }
    mw_fail(a->c, MW_E_SCRIPT, "has no parameter '%s'%s", key, mw_nearest_hint(&near, hint, sizeof hint));
}

// The device that the script wants the node to run on.
static void pin(wiring *a, mw_value *v)
{
    mw_value *number = mw_port_check(a->c, &mw_device_port, v, NULL);
    if (mw_value_kind(number) == MW_NUMBER && a->node->schema->type->flags & MW_NODE_HOST)
        mw_fail(a->c, MW_E_SCRIPT, "it uses no device, so that 'device' means nothing for it");
    a->node->pin = mw_value_kind(number) == MW_NUMBER ? 1 + (int)mw_value_as_number(number) : 0;
    mw_value_release(number);
}

static void wire_arguments(wiring *a, const mw_value *args)
{
    const mw_schema *s = a->node->schema;
    a->node->pin = s->type->flags & MW_NODE_HOST ? 0 : a->w->pin;
    for (size_t i = 0; i < mw_value_count(args) && !mw_err(a->c); i++, settle(a)) {
        const char *key = mw_value_key_at(args, i);
        mw_value *v = mw_value_at(args, i);
        int port = mw_schema_port(s, key);
        if (port < 0 && !strcmp(key, mw_device_port.name))
            pin(a, v);
        else if (port < 0)
            unknown_port(a, key);
        else if (a->node->in[port])
            mw_fail(a->c, MW_E_SCRIPT, "'%s' is given twice (as '%s' too)", s->type->in[port].name, key);
        else if (mw_value_kind(v) != MW_NIL) {
            a->node->in[port] = wire_value(a, &s->type->in[port], v);
            if (!a->node->in[port])
                a->bad = true;
        }
    }
}

static void fill_absent(wiring *a, const mw_value *args)
{
    const mw_schema *s = a->node->schema;
    for (int i = 0; i < s->nin && !mw_err(a->c); i++, settle(a)) {
        const mw_port *p = &s->type->in[i];
        if (a->node->in[i])
            continue;
        if (s->defaults[i]) {
            a->node->in[i] = mw_value_retain(s->defaults[i]);
            continue;
        }
        mw_value *given = mw_value_get(args, p->name);
        if (given && mw_value_kind(given) != MW_NIL)
            continue; // it was refused already
        char *hint = a->w->hint ? a->w->hint(a->w->user, p->name) : NULL;
        mw_port_refuse(a->c, p, "nil", hint);
        free(hint);
    }
}

// ---- what feeds it

static size_t count_links(const mw_value *v)
{
    size_t n = mw_link_of(v) ? 1 : 0;
    for (size_t i = 0; i < mw_value_count(v); i++)
        n += count_links(mw_value_at(v, i));
    return n;
}

static int *collect_links(const mw_value *v, int *next)
{
    if (mw_link_of(v))
        *next++ = mw_link_of(v)->node;
    for (size_t i = 0; i < mw_value_count(v); i++)
        next = collect_links(mw_value_at(v, i), next);
    return next;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void collect_deps(mw_ctx *c, mw_gnode *n, const mw_graph *g)
{
    size_t links = 0;
    n->device = !(n->schema->type->flags & MW_NODE_HOST);
    for (int i = 0; i < n->schema->nin; i++) {
        size_t here = count_links(n->in[i]);
        n->linked[i] = here > 0;
        n->called = n->called || mw_value_as_function(n->in[i]);
        links += here;
    }
    if (!links || !(n->deps = mw_alloc(c, links * sizeof *n->deps)))
        return;
    int *next = n->deps;
    for (int i = 0; i < n->schema->nin; i++)
        next = collect_links(n->in[i], next);
    qsort(n->deps, links, sizeof *n->deps, ascending);
    for (size_t i = 0; i < links; i++)
        if (!i || n->deps[i] != n->deps[i - 1])
            n->deps[n->ndeps++] = n->deps[i];
    for (int d = 0; d < n->ndeps; d++)
        n->device = n->device || mw_graph_node(g, n->deps[d])->device;
}

// Of literals there is room for so many; of nodes, mw_graph_room says it.
static bool make_room(mw_ctx *c, mw_graph *g, mw_gnode *n, size_t bytes)
{
    n->bytes = bytes;
    if (g->bytes + bytes > MOST_BYTES) {
        mw_fail(c, MW_E_MEMORY, "the literals of the graph need more than %d MiB", MOST_BYTES >> 20);
        return false;
    }
    return mw_graph_room(c, g);
}

static mw_gnode *new_node(mw_ctx *c, const mw_schema *s, const char *where)
{
    mw_gnode *n = mw_alloc(c, sizeof *n);
    if (!n)
        return NULL;
    n->schema = s;
    n->in = mw_alloc(c, (size_t)s->nin * sizeof *n->in);
    n->linked = mw_alloc(c, (size_t)s->nin * sizeof *n->linked);
    n->where = mw_strdup(c, where);
    if (n->in && n->linked && n->where)
        return n;
    mw_node_free(n);
    return NULL;
}

mw_status mw_graph_arguments(mw_ctx *c, mw_graph *g, const mw_node_type *type, const mw_value *args,
                             const mw_wiring *w, mw_value **in)
{
    const mw_schema *s = mw_err(c) ? NULL : mw_graph_schema(c, g, type);
    mw_gnode *n = s ? new_node(c, s, w->where) : NULL;
    wiring a = {.c = c, .g = g, .w = w, .node = n};
    if (n) {
        wire_arguments(&a, args);
        if (!mw_err(c))
            fill_absent(&a, args);
        settle(&a);
        for (int i = 0; i < s->nin && !mw_err(c); i++) {
            in[i] = n->in[i];
            n->in[i] = NULL;
        }
    }
    mw_node_free(n);
    return mw_err(c);
}

int mw_graph_add(mw_ctx *c, mw_graph *g, const mw_node_type *type, const mw_value *args, const mw_wiring *w)
{
    const mw_schema *s = mw_err(c) ? NULL : mw_graph_schema(c, g, type);
    mw_gnode *n = s ? new_node(c, s, w->where) : NULL;
    wiring a = {.c = c, .g = g, .w = w, .node = n};
    if (n) {
        wire_arguments(&a, args);
        if (!mw_err(c))
            fill_absent(&a, args);
        if (!mw_err(c) && make_room(c, g, n, mw_value_bytes(args)))
            collect_deps(c, n, g);
        settle(&a);
    }
    if (!n || a.bad || a.broken || mw_err(c)) {
        mw_node_free(n);
        return MW_BROKEN;
    }
    return mw_graph_publish(g, n);
}
