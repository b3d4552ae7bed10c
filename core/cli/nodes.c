// nodes.c: moonweave nodes: the nodes there are, from their declarations: as a list, a page, a reference,
// annotations.
#include "core/base/nearest.h"
#include "core/cli/functions.h"
#include "core/cli/session.h"
#include "core/cli/wrap.h"
#include "core/graph/graph.h"
#include "core/graph/schema.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the node declares, then the device that it may be sent to; NULL behind the last.
static const mw_port *port_at(const mw_node_type *t, int i)
{
    int n = 0;
    while (t->in && t->in[n].name)
        n++;
    if (i < n)
        return &t->in[i];
    return i == n && !(t->flags & MW_NODE_HOST) ? &mw_device_port : NULL;
}

static bool optional(const mw_port *p) { return p->def != NULL; }

// "= 20", "optional" or "required"
static void print_default(const mw_port *p)
{
    if (!p->def)
        fputs("required", stdout);
    else if (!strcmp(p->def, "null"))
        fputs("optional", stdout);
    else
        printf("= %s", p->def);
}

// ---- one node for a terminal

static void print_port(mw_ctx *c, const mw_port *p)
{
    char *takes = mw_port_takes(c, p);
    bool unit = p->unit && strcmp(p->type, "number") && strcmp(p->type, "integer");
    char *what = mw_format(c, "%s%s%s", takes ? takes : p->type, unit ? " in " : "", unit ? p->unit : "");
    printf("  %-18s ", p->name);
    print_default(p);
    printf("\n      ");
    mw_print_wrapped(6, 6, what ? what : p->type);
    printf("      ");
    mw_print_wrapped(6, 6, p->doc);
    if (p->alias)
        printf("      also: %s\n", p->alias);
    free(what);
    free(takes);
}

static void print_node(mw_ctx *c, const mw_node_type *t)
{
    if (t->version)
        printf("%s (version %d)\n", t->name, t->version);
    else
        printf("%s (a composite: scripts/moonweave/%s.lua)\n", t->name, t->name);
    mw_print_wrapped(0, 0, t->doc);
    puts(t->version ? "\ninputs and parameters:" : "\nparameters:");
    const mw_port *p;
    for (int i = 0; (p = port_at(t, i)); i++)
        print_port(c, p);
    if (t->out->name)
        printf("\noutputs:\n");
    for (const mw_out *o = t->out; o->name; o++)
        mw_print_wrapped(printf("  %-18s %s: ", o->name, o->type), 21, o->doc);
    if (t->emits)
        printf("\nhanded out while it runs:\n");
    for (const mw_out *o = t->emits; o && o->name; o++)
        mw_print_wrapped(printf("  %-18s %s: ", o->name, o->type), 21, o->doc);
}

// ---- JSON

// null: open.
static json_t *bound_json(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *port_json(const mw_port *p)
{
    json_t *j =
        json_pack("{ss ss ss sb}", "name", p->name, "type", p->type, "doc", p->doc, "required", !optional(p));
    if (p->def)
        json_object_set_new(j, "default", json_loads(p->def, JSON_DECODE_ANY, NULL));
    if (p->min < p->max)
        json_object_set_new(j, "range", json_pack("[oo]", bound_json(p->min), bound_json(p->max)));
    if (p->multiple > 1)
        json_object_set_new(j, "multiple", json_real(p->multiple));
    if (p->choices)
        json_object_set_new(j, "choices", json_string(p->choices));
    if (p->alias)
        json_object_set_new(j, "alias", json_string(p->alias));
    if (p->unit)
        json_object_set_new(j, "unit", json_string(p->unit));
    return j;
}

static void print_json(const mw_node_type *t)
{
    json_t *in = json_array(), *out = json_array(), *emits = json_array();
    const mw_port *p;
    for (int i = 0; (p = port_at(t, i)); i++)
        json_array_append_new(in, port_json(p));
    for (const mw_out *o = t->out; o->name; o++)
        json_array_append_new(out, json_pack("{ss ss ss}", "name", o->name, "type", o->type, "doc", o->doc));
    for (const mw_out *o = t->emits; o && o->name; o++)
        json_array_append_new(emits,
                              json_pack("{ss ss ss}", "name", o->name, "type", o->type, "doc", o->doc));
    json_t *j = json_pack("{ss si ss so so so}", "name", t->name, "version", t->version, "doc", t->doc,
                          "inputs", in, "outputs", out, "emits", emits);
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(j);
}

// ---- docs/nodes.md

// A cell of a table: "|" would end it.
static void print_cell(const char *text)
{
    for (; *text; text++)
        if (*text == '|')
            fputs("\\|", stdout);
        else
            putchar(*text);
}

static void print_markdown(mw_ctx *c, const mw_node_type *t)
{
    printf("\n## %s\n\n", t->name);
    printf("%s\n\n| parameter | takes | default | meaning |\n| --- | --- | --- | --- |\n", t->doc);
    const mw_port *p;
    for (int i = 0; (p = port_at(t, i)); i++) {
        char *takes = mw_port_takes(c, p);
        printf("| `%s`", p->name);
        size_t n;
        const char *rest = p->alias;
        for (const char *a; (a = mw_names_next(&rest, '|', &n));)
            printf(", `%.*s`", (int)n, a);
        fputs(" | ", stdout);
        print_cell(takes ? takes : p->type);
        fputs(" | ", stdout);
        print_cell(!p->def ? "required" : strcmp(p->def, "null") ? p->def : "-");
        fputs(" | ", stdout);
        print_cell(p->doc);
        puts(" |");
        free(takes);
    }
    if (t->out->name)
        puts("\n| output | type | what it is |\n| --- | --- | --- |");
    for (const mw_out *o = t->out; o->name; o++) {
        printf("| `%s` | %s | ", o->name, o->type);
        print_cell(o->doc);
        puts(" |");
    }
    if (t->emits)
        puts("\n| handed out while it runs | type | what it is |\n| --- | --- | --- |");
    for (const mw_out *o = t->emits; o && o->name; o++) {
        printf("| `%s` | %s | ", o->name, o->type);
        print_cell(o->doc);
        puts(" |");
    }
}

// ---- annotations for the Lua language server

static void print_choices(const char *choices)
{
    size_t n;
    const char *gap = "";
    for (const char *rest = choices, *c; (c = mw_names_next(&rest, '|', &n)); gap = "|")
        printf("%s\"%.*s\"", gap, (int)strcspn(c, "|="), c);
}

static void print_annotations(const mw_node_type *t)
{
    printf("\n---@class mw.%s: mw.handle\n", t->name);
    for (const mw_out *o = t->out; o->name; o++)
        printf("---@field %s mw.handle %s: %s\n", o->name, o->type, o->doc);
    printf("\n---@class mw.%s.params\n", t->name);
    const mw_port *p;
    for (int i = 0; (p = port_at(t, i)); i++) {
        printf("---@field %s%s ", p->name, optional(p) ? "?" : "");
        if (p->choices)
            print_choices(p->choices);
        const char *lua = mw_port_type_of(p->type)->lua;
        if (p->choices && lua)
            printf("|%s", lua);
        else if (lua)
            fputs(lua, stdout);
        bool linked = p != &mw_device_port; // that is a number, known before the run
        printf("%s%s %s\n", linked && (p->choices || lua) ? "|" : "", linked ? "mw.handle" : "", p->doc);
    }
    printf("\n---%s\n---@param params mw.%s.params\n---@return mw.%s\nfunction mw.%s(params) end\n", t->doc,
           t->name, t->name, t->name);
}

// ---- the verb

static const mw_node_type *find_in(const mw_node_type *const *t, const char *name, mw_nearest *near)
{
    for (; *t; t++) {
        if (!strcmp((*t)->name, name))
            return *t;
        mw_nearest_offer(near, (*t)->name);
    }
    return NULL;
}

static void print_head(const mw_cli *k)
{
    if (k->markdown)
        puts("# The nodes\n\nMade by `make docs` from the declarations in nodes/, scripts/moonweave and "
             "core/lua. Any "
             "parameter takes a literal or\nanother node's output. Composites are Lua functions made of "
             "nodes: "
             "they come behind the nodes; last what a script\ncalls besides: the functions of [mw](#mw), and "
             "what "
             "[tensors](#tensor) and [handles](#handle) have.");
    if (k->annotations)
        puts("---@meta\n-- Made by `make docs` from the declarations in nodes/, scripts/moonweave and "
             "core/lua: "
             "types for editors.");
    if (k->annotations)
        mw_functions_list(k);
}

static void print_as_asked(const mw_cli *k, const mw_node_type *t, bool whole)
{
    if (k->json)
        print_json(t);
    else if (k->markdown)
        print_markdown(k->c, t);
    else if (k->annotations)
        print_annotations(t);
    else if (whole)
        print_node(k->c, t);
    else
        mw_print_listed(t->name, t->doc);
}

static mw_status list(mw_cli *k, const mw_node_type *const *composites)
{
    mw_nearest near = {.wrong = k->nargs ? k->args[0] : ""};
    char hint[128];
    const mw_node_type *only = k->nargs ? find_in(mw_node_types, k->args[0], &near) : NULL;
    if (k->nargs && !only)
        only = find_in(composites, k->args[0], &near);
    if (k->nargs && !only && mw_functions_describe(k, k->args[0], &near))
        return mw_err(k->c);
    if (k->nargs && !only)
        return mw_fail(k->c, MW_E_USAGE, "there is no node or function '%s'%s; moonweave nodes lists them",
                       k->args[0], mw_nearest_hint(&near, hint, sizeof hint));
    print_head(k);
    if (only) {
        print_as_asked(k, only, true);
        return mw_err(k->c);
    }
    for (const mw_node_type *const *t = mw_node_types; *t; t++)
        print_as_asked(k, *t, false);
    for (const mw_node_type *const *t = composites; *t; t++)
        print_as_asked(k, *t, false);
    if (!k->annotations)
        mw_functions_list(k);
    return mw_err(k->c);
}

static mw_status nodes(mw_cli *k)
{
    mw_session s;
    mw_session_options o = {.check = true};
    const mw_node_type *const *composites =
        mw_session_open(&s, k, &o) ? NULL : mw_script_composites(k->c, s.script);
    if (composites)
        list(k, composites);
    mw_session_close(&s);
    return mw_err(k->c);
}

const mw_verb mw_verb_nodes = {
    "nodes", "[NAME]", 0, 1, MW_OPT_JSON | MW_OPT_DOCS, "list the nodes and functions, or describe one",
    nodes,
};
