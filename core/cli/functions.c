// functions.c: what `moonweave nodes` prints of what scripts call besides nodes: functions, tensors, handles.
#include "core/cli/functions.h"

#include "core/cli/wrap.h"
#include "core/lua/reference.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void print_entry(const mw_lua_subject *s, const mw_lua_entry *e);

static void each_entry(const mw_lua_subject *s, print_entry *print)
{
    for (const mw_lua_entry *const *part = s->parts; *part; part++)
        for (const mw_lua_entry *e = *part; e->name; e++)
            print(s, e);
}

// ---- one for a terminal

static void print_page(const mw_lua_subject *s, const mw_lua_entry *e)
{
    (void)s;
    printf("\n  ");
    mw_print_wrapped(2, 6, e->usage);
    printf("      ");
    mw_print_wrapped(6, 6, e->doc);
}

static void print_subject(const mw_lua_subject *s)
{
    puts(s->name);
    mw_print_wrapped(0, 0, s->doc);
    each_entry(s, print_page);
}

static void print_function(const mw_lua_entry *e)
{
    mw_print_wrapped(0, 4, e->usage);
    mw_print_wrapped(0, 0, e->doc);
}

// ---- all

static void print_line(const mw_lua_subject *s, const mw_lua_entry *e)
{
    (void)s;
    mw_print_listed(e->name, e->doc);
}

static void print_json(const mw_lua_subject *s, const mw_lua_entry *e)
{
    json_t *j = json_pack("{ss ss ss ss ss}", "name", e->name, "of", s->name, "usage", e->usage, "type",
                          e->type, "doc", e->doc);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(j);
}

static void print_row(const mw_lua_subject *s, const mw_lua_entry *e)
{
    (void)s;
    printf("| `%s` | %s |\n", e->usage, e->doc);
}

static void print_field(const mw_lua_subject *s, const mw_lua_entry *e)
{
    (void)s;
    if (!strcmp(e->name, "__index"))
        printf("---@field %s %s\n", e->type, e->doc);
    else if (!strncmp(e->name, "__", 2))
        printf("---@operator %s%s\n", e->name + 2, e->type);
    else
        printf("---@field %s %s %s\n", e->name, e->type, e->doc);
}

static void list_subject(const mw_cli *k, const mw_lua_subject *s)
{
    bool mw = !strcmp(s->name, "mw");
    if (k->json) {
        each_entry(s, print_json);
    } else if (k->markdown) {
        printf("\n## %s\n\n%s\n\n| as it is written | what it does |\n| --- | --- |\n", s->name, s->doc);
        each_entry(s, print_row);
    } else if (k->annotations) {
        printf("\n---%s\n---@class %s%s\n", s->doc, mw ? "" : "mw.", s->name);
        each_entry(s, print_field);
        printf("%s%s = {}\n", mw ? "" : "local ", s->name);
    } else if (mw) {
        each_entry(s, print_line);
    } else if (!mw_lua_entry_find(mw_lua_subjects, s->name)) {
        mw_print_listed(s->name, s->doc);
    }
}

void mw_functions_list(const mw_cli *k)
{
    for (const mw_lua_subject *s = mw_lua_subjects; s->name; s++)
        list_subject(k, s);
}

// ---- one

static void describe(const mw_cli *k, const mw_lua_subject *s, const mw_lua_entry *e)
{
    if (k->json && e)
        print_json(s, e);
    else if (k->json || k->markdown || k->annotations)
        list_subject(k, s);
    else if (e)
        print_function(e);
    else
        print_subject(s);
}

bool mw_functions_describe(const mw_cli *k, const char *name, mw_nearest *near)
{
    bool found = false;
    if (!strncmp(name, "mw.", 3))
        name += 3;
    for (const mw_lua_subject *s = mw_lua_subjects; s->name; s++) {
        const mw_lua_entry *e = mw_lua_entry_find(s, name);
        for (int whole = 0; whole < 2; whole++)
            if (whole ? !strcmp(s->name, name) : e != NULL) {
                if (found)
                    puts("");
                describe(k, s, whole ? NULL : e);
                found = true;
            }
        mw_nearest_offer(near, s->name);
        for (const mw_lua_entry *const *part = s->parts; *part; part++)
            for (e = *part; e->name; e++)
                mw_nearest_offer(near, e->name);
    }
    return found;
}
