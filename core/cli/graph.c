// graph.c: moonweave graph: what a script wires, as text or for graphviz.
#include "core/cli/session.h"
#include "core/graph/value_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_link(const mw_graph *g, const mw_link *l)
{
    printf("#%d.%s", l->node, mw_graph_node(g, l->node)->schema->type->out[l->out < 0 ? 0 : l->out].name);
}

static void print_input(mw_ctx *c, const mw_graph *g, const mw_value *v)
{
    if (mw_link_of(v)) {
        print_link(g, mw_link_of(v));
        return;
    }
    size_t n = mw_value_count(v);
    bool list = mw_value_kind(v) == MW_LIST;
    if (!list && mw_value_kind(v) != MW_MAP) {
        char *words = mw_value_words(c, v);
        fputs(words ? words : "?", stdout);
        free(words);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ", " : "{ ", stdout);
        if (!list)
            printf("%s = ", mw_value_key_at(v, i));
        print_input(c, g, mw_value_at(v, i));
    }
    fputs(n ? " }" : "{}", stdout);
}

// Everything that is not its port's default.
static void print_node(mw_ctx *c, const mw_graph *g, const mw_gnode *n)
{
    printf("#%d %s", n->id, n->schema->type->name);
    const char *gap = " { ";
    for (int i = 0; i < n->schema->nin; i++) {
        if (n->in[i] == n->schema->defaults[i])
            continue;
        printf("%s%s = ", gap, n->schema->type->in[i].name);
        print_input(c, g, n->in[i]);
        gap = ", ";
    }
    printf("%s  -- %s\n", *gap == ',' ? " }" : "", n->where);
}

static void print_text(mw_session *s)
{
    for (const mw_gnode *node = mw_graph_first(s->g); node; node = node->newer)
        print_node(s->k->c, s->g, node);
    int n;
    const mw_output *o = mw_script_outputs(s->script, &n);
    for (int i = 0; i < n; i++) {
        printf("%s = ", o[i].name);
        print_input(s->k->c, s->g, o[i].value);
        putchar('\n');
    }
}

static void dot_links(const mw_graph *g, const mw_value *v, const char *to, const char *port)
{
    const mw_link *l = mw_link_of(v);
    if (l)
        printf("  n%d -> %s [label=\"%s\"];\n", l->node, to, port);
    for (size_t i = 0; i < mw_value_count(v); i++)
        dot_links(g, mw_value_at(v, i), to, port);
}

static void print_dot(mw_session *s)
{
    puts("digraph graph_of_nodes {\n  rankdir=LR;\n  node [shape=box];");
    for (const mw_gnode *n = mw_graph_first(s->g); n; n = n->newer) {
        char to[24];
        snprintf(to, sizeof to, "n%d", n->id);
        printf("  %s [label=\"%s\"];\n", to, n->schema->type->name);
        for (int i = 0; i < n->schema->nin; i++)
            if (n->linked[i])
                dot_links(s->g, n->in[i], to, n->schema->type->in[i].name);
    }
    int count;
    const mw_output *o = mw_script_outputs(s->script, &count);
    for (int i = 0; i < count; i++) {
        char to[24];
        snprintf(to, sizeof to, "o%d", i);
        printf("  %s [label=\"%s\", shape=ellipse];\n", to, o[i].name);
        dot_links(s->g, o[i].value, to, "");
    }
    puts("}");
}

static mw_status graph(mw_cli *k)
{
    mw_session s;
    mw_session_options o = {.check = true, .params = k->params};
    if (!mw_session_open(&s, k, &o) && !mw_script_run(k->c, s.script, k->args[0], NULL, 0)) {
        if (k->dot)
            print_dot(&s);
        else
            print_text(&s);
        if (mw_script_assumed(s.script))
            mw_warn(k->c, "%s: a run may wire other nodes: values that only a run computes are assumed",
                    k->args[0]);
        int errors = mw_script_errors(s.script);
        if (errors)
            mw_fail(k->c, MW_E_SCRIPT, "%s: %d error%s", k->args[0], errors, errors > 1 ? "s" : "");
    }
    mw_session_close(&s);
    return mw_err(k->c);
}

const mw_verb mw_verb_graph = {
    "graph", "graph.lua", 1, 1, MW_OPT_PARAM | MW_OPT_TRUST | MW_OPT_DOT, "show the nodes a script wires",
    graph,
};
