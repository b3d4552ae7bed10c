// outputs.c: mw.output: what a run must produce.
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

// A handle, a list of handles (several pictures), or a value without any.
static bool is_deliverable(const mw_value *v)
{
    if (mw_link_of(v) || !mw_link_inside(v))
        return true;
    for (size_t i = 0; i < mw_value_count(v); i++)
        if (mw_value_kind(v) != MW_LIST || !mw_link_of(mw_value_at(v, i)))
            return false;
    return true;
}

enum { LONGEST_NAME = 200 }; // files end in a run's number, a picture's and their kind

static bool can_name_file(const char *name, size_t n)
{
    bool good = n > 0 && n <= LONGEST_NAME && *name != '.';
    for (size_t i = 0; i < n && good; i++)
        good = (unsigned char)name[i] >= ' ' && name[i] != '/' && name[i] != '\177';
    return good;
}

// Names are looked up in a table of Lua's: there may be many.
static void check_name(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.outputs");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, "moonweave.outputs");
    }
    lua_getfield(L, -1, name);
    if (!lua_isnil(L, -1))
        mw_lua_wrong(L, "output: '%s' is given twice", name);
    if (!can_name_file(name, lua_objlen(L, 1)))
        mw_lua_wrong(L, "output: '%s' cannot be the name of a file", name);
    lua_pushboolean(L, 1);
    lua_setfield(L, -3, name);
    lua_pop(L, 2);
}

static void make_room(lua_State *L, mw_script *s)
{
    if (s->noutputs < s->outputs_room)
        return;
    int room = s->outputs_room ? 2 * s->outputs_room : 16;
    mw_output *more = realloc(s->outputs, (size_t)room * sizeof *more);
    if (!more)
        mw_lua_no_memory(L);
    s->outputs = more;
    s->outputs_room = room;
}

// What no file can hold: an opened model or a part of one.
static void check_writable(lua_State *L, mw_script *s, const char *name, const mw_value *v)
{
    const mw_link *l = mw_link_of(v);
    const mw_gnode *n = l ? mw_graph_node(s->g, l->node) : NULL;
    const char *type = n ? n->schema->type->out[l->out == MW_WHOLE ? 0 : l->out].type : NULL;
    if (type && mw_port_type_of(type)->object)
        mw_lua_wrong(
            L,
            "output: '%s' is a %s, which cannot be written; give what is made with it: a picture, latents, "
            "a text",
            name, type);
    for (size_t i = 0; mw_value_kind(v) == MW_LIST && i < mw_value_count(v); i++)
        check_writable(L, s, name, mw_value_at(v, i));
}

// add_output(name, value)
static int add_output(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (lua_type(L, 1) != LUA_TSTRING)
        return mw_lua_wrong(L, "output: every output needs a name: mw.output { name = handle }");
    const char *name = lua_tostring(L, 1);
    check_name(L, name);
    mw_lua_count_kept(L, s, sizeof(mw_output) + strlen(name));
    make_room(L, s);
    mw_value **v = mw_lua_box(L);
    if (!mw_lua_to_value(L, s, 2, v)) {
        mw_fail_context(s->c, "%s: output: '%s'", mw_lua_where(L), name);
        return mw_lua_raise(L, s);
    }
    if (!is_deliverable(*v))
        return mw_lua_wrong(L, "output: '%s' must be a handle, a list of handles, or a value without handles",
                            name);
    check_writable(L, s, name, *v);
    char *copy = strdup(name);
    if (!copy)
        return mw_lua_no_memory(L);
    mw_lua_keep_converted(s);
    mw_graph_name_links(s->g, *v, true);
    s->outputs[s->noutputs++] = (mw_output){copy, mw_value_retain(*v)};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_output *)a)->name, ((const mw_output *)b)->name);
}

static int output(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (!lua_istable(L, 1))
        return mw_lua_wrong(L, "output: expected mw.output { name = handle, ... }, got %s",
                            mw_lua_a_type(L, 1));
    int count = s->noutputs, given = 0;
    s->has_outputs = true;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1), given++) {
        lua_pushcfunction(L, add_output);
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        mw_lua_try(L, s, 2, 0);
    }
    count = s->noutputs - count;
    mw_lua_check_missed(L, s);
    if (!given)
        return mw_lua_wrong(L, "output: the table is empty (is the handle nil?)");
    // A Lua table has no order of its own: the names' is the same in every run.
    qsort(s->outputs + s->noutputs - count, (size_t)count, sizeof *s->outputs, by_name);
    return 0;
}

const mw_lua_entry mw_lua_outputs[] = {
    {.name = "output",
     .run = output,
     .usage = "mw.output { name = handle, ... }",
     .type = "fun(outputs: table<string, any>)",
     .doc =
         "What the run must produce: pictures, tensors and tables go into files of these names, numbers and "
         "short texts to standard output. A list of handles makes several pictures."},
    {.name = NULL},
};
