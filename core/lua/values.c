// values.c: Lua values as values of the graph and back.
#include "core/base/text.h"
#include "core/lua/lua_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Depth 0 is a constructor's table and 1 a parameter, where a function may stand; any other value begins at
// 2.
enum { CDATA = 10 }; // the type of LuaJIT's 64-bit numbers, which lua.h does not name
enum { PARAMETERS = 0, ELSEWHERE = 2, DEEPEST = 34, LONGEST_LIST = 1 << 24 };

// What a value takes of memory besides its text, roughly.
enum { ITEM_BYTES = 96 };

static int free_box(lua_State *L)
{
    mw_value **box = lua_touserdata(L, 1);
    mw_value_release(*box);
    *box = NULL;
    return 0;
}

mw_value **mw_lua_box(lua_State *L)
{
    mw_value **box = lua_newuserdata(L, sizeof *box);
    *box = NULL;
    if (luaL_newmetatable(L, "moonweave.box")) {
        lua_pushcfunction(L, free_box);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return box;
}

// ---- to a value: what the script hands over counts against its memory before it is copied

static bool charge(mw_script *s, size_t bytes)
{
    size_t used = s->lua_bytes + s->kept_bytes + s->converted;
    if (used < s->lua_limit && bytes <= s->lua_limit - used) {
        s->converted += bytes;
        return true;
    }
    mw_fail(s->c, MW_E_MEMORY,
            "with this the script needs more than %zu MiB of memory (--trust lifts the limit)",
            s->lua_limit >> 20);
    return false;
}

// How the table at idx is keyed: 1..n (returns n, an empty table too), or by names (-1), or neither (-2).
static long table_size(lua_State *L, int idx)
{
    long n = 0, names = 0, most = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        double k = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        if (lua_type(L, -2) == LUA_TSTRING)
            names++;
        else if (k >= 1 && k <= LONGEST_LIST && k == floor(k)) {
            n++;
            most = (long)k > most ? (long)k : most;
        } else {
            lua_pop(L, 2);
            return -2;
        }
    }
    if (names)
        return n ? -2 : -1;
    return n == most ? n : -2;
}

mw_status mw_lua_check_text(mw_ctx *c, const char *text, size_t n)
{
    size_t good = mw_utf8_length(text, n);
    if (good < n)
        mw_fail(c, MW_E_SCRIPT, "a text that is not UTF-8 (byte %zu of it is 0x%02X)", good + 1,
                (unsigned char)text[good]);
    return mw_err(c);
}

static bool convert(lua_State *L, mw_script *s, int idx, mw_value **out, int depth);

static bool convert_list(lua_State *L, mw_script *s, int idx, long n, mw_value *list, int depth)
{
    for (long i = 1; i <= n && !mw_err(s->c); i++) {
        mw_value *item = NULL;
        lua_rawgeti(L, idx, (int)i);
        if (convert(L, s, lua_gettop(L), &item, depth + 1))
            mw_value_push(s->c, list, item);
        lua_pop(L, 1);
    }
    return !mw_err(s->c);
}

static bool convert_map(lua_State *L, mw_script *s, int idx, mw_value *map, int depth)
{
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        mw_value *item = NULL;
        if (charge(s, lua_objlen(L, -2)) && convert(L, s, lua_gettop(L), &item, depth + 1))
            mw_value_set(s->c, map, lua_tostring(L, -2), item);
        else
            mw_fail_context(s->c, "'%s'", lua_tostring(L, -2));
        if (mw_err(s->c)) {
            lua_pop(L, 2);
            return false;
        }
    }
    return true;
}

static bool convert_table(lua_State *L, mw_script *s, int idx, mw_value **out, int depth)
{
    if (mw_lua_late(s)) {
        mw_fail(s->c, MW_E_SCRIPT, "stopped while its values were read");
        return false;
    }
    if (depth > DEEPEST || !lua_checkstack(L, 8)) {
        mw_fail(s->c, MW_E_SCRIPT, "a table is nested more than %d deep (or contains itself)",
                DEEPEST - ELSEWHERE);
        return false;
    }
    long n = table_size(L, idx);
    if (n == -2) {
        mw_fail(s->c, MW_E_SCRIPT,
                "a table must have either the keys 1, 2, ... without gaps or names as keys");
        return false;
    }
    *out = n >= 0 ? mw_value_list(s->c) : mw_value_map(s->c);
    return *out && (n >= 0 ? convert_list(L, s, idx, n, *out, depth) : convert_map(L, s, idx, *out, depth));
}

// What a value holds comes from nowhere: it may outlive the script's tape, and other threads may use it. Not
// so within an energy, whose result the engine's tape follows.
static mw_value *tensor_value(mw_script *s, mw_tensor *t)
{
    if (!s->tape || s->c->tape)
        return mw_value_tensor(s->c, t);
    mw_scope_begin(s->c);
    mw_value *v = mw_value_tensor(s->c, mw_alias(s->c, t));
    mw_scope_end(s->c, NULL);
    return v;
}

static bool convert_userdata(lua_State *L, mw_script *s, int idx, mw_value **out)
{
    mw_link link;
    if (mw_lua_handle(L, idx, &link)) {
        *out = mw_link_value(s->c, link.node, link.out);
    } else if (mw_lua_tensor(L, idx)) {
        *out = tensor_value(s, mw_lua_tensor(L, idx));
    } else if (mw_lua_callable(L, idx)) {
        *out = mw_value_retain(mw_lua_callable(L, idx));
    } else {
        mw_fail(s->c, MW_E_SCRIPT, "%s cannot be used here", mw_lua_a_type(L, idx));
    }
    return *out != NULL;
}

// A literal of 64 bits (5ULL, -5LL): a number where Lua's numbers hold it, else its digits.
static bool convert_wide(lua_State *L, mw_script *s, int idx, mw_value **out)
{
    const char *text = luaL_callmeta(L, idx, "__tostring") ? lua_tostring(L, -1) : NULL;
    size_t n = text ? strspn(text, "-0123456789") : 0;
    if (!n || (strcmp(text + n, "ULL") != 0 && strcmp(text + n, "LL") != 0))
        mw_fail(s->c, MW_E_SCRIPT, "a cdata that is no whole number cannot be used here");
    else if (n <= 15)
        *out = mw_value_number(s->c, strtod(text, NULL));
    else
        *out = mw_value_text(s->c, text, n);
    lua_pop(L, text ? 1 : 0);
    return *out != NULL;
}

static bool convert(lua_State *L, mw_script *s, int idx, mw_value **out, int depth)
{
    size_t n;
    const char *text;
    if (!charge(s, ITEM_BYTES + (lua_type(L, idx) == LUA_TSTRING ? lua_objlen(L, idx) : 0)))
        return false;
    switch (lua_type(L, idx)) {
    case LUA_TNIL: *out = mw_value_nil(s->c); break;
    case LUA_TBOOLEAN: *out = mw_value_bool(s->c, lua_toboolean(L, idx)); break;
    case LUA_TNUMBER: *out = mw_value_number(s->c, lua_tonumber(L, idx)); break;
    case LUA_TSTRING:
        text = lua_tolstring(L, idx, &n);
        *out = mw_lua_check_text(s->c, text, n) ? NULL : mw_value_text(s->c, text, n);
        break;
    case LUA_TTABLE:
        if (!convert_table(L, s, idx, out, depth)) {
            mw_value_release(*out);
            *out = NULL;
        }
        break;
    case LUA_TUSERDATA: return convert_userdata(L, s, idx, out);
    case LUA_TFUNCTION:
        if (depth == PARAMETERS + 1 && !lua_iscfunction(L, idx)) {
            *out = mw_lua_function_value(L, s, idx);
            break;
        }
        mw_fail(s->c, MW_E_SCRIPT, "a function cannot be used here");
        break;
    case CDATA: return convert_wide(L, s, idx, out);
    default: mw_fail(s->c, MW_E_SCRIPT, "%s cannot be used here", mw_lua_a_type(L, idx));
    }
    return *out != NULL;
}

static bool convert_whole(lua_State *L, mw_script *s, int idx, mw_value **out, int depth)
{
    s->converted = 0;
    if (convert(L, s, idx, out, depth))
        return true;
    s->converted = 0; // nothing is left of it
    return false;
}

bool mw_lua_to_value(lua_State *L, mw_script *s, int idx, mw_value **out)
{
    if (idx < 0)
        idx = lua_gettop(L) + idx + 1;
    return convert_whole(L, s, idx, out, ELSEWHERE);
}

bool mw_lua_to_arguments(lua_State *L, mw_script *s, int idx, mw_value **out)
{
    return convert_whole(L, s, idx, out, PARAMETERS);
}

void mw_lua_count_kept(lua_State *L, mw_script *s, size_t bytes)
{
    s->converted = 0;
    bool room = charge(s, bytes);
    mw_lua_keep_converted(s);
    if (!room)
        mw_lua_raise_here(L, s);
}

void mw_lua_keep_converted(mw_script *s)
{
    s->kept_bytes += s->converted;
    s->converted = 0;
}

// ---- from a value

void mw_lua_push_value(lua_State *L, mw_script *s, const mw_value *v)
{
    luaL_checkstack(L, 8, "a value is nested too deep");
    size_t n = mw_value_count(v);
    switch (mw_value_kind(v)) {
    case MW_NIL: lua_pushnil(L); break;
    case MW_BOOL: lua_pushboolean(L, mw_value_as_bool(v)); break;
    case MW_NUMBER: lua_pushnumber(L, mw_value_as_number(v)); break;
    case MW_TEXT: lua_pushlstring(L, mw_value_as_text(v), mw_value_text_length(v)); break;
    case MW_TENSOR: mw_lua_push_tensor(L, mw_value_as_tensor(v)); break;
    case MW_OBJECT:
        if (mw_value_as_function(v))
            mw_lua_push_function(L, v);
        else
            mw_lua_wrong(L, "a %s has no form in Lua; pass its handle on", mw_value_as_object(v)->type->name);
        break;
    case MW_LIST:
        lua_createtable(L, (int)n, 0);
        for (size_t i = 0; i < n; i++) {
            mw_lua_push_value(L, s, mw_value_at(v, i));
            lua_rawseti(L, -2, (int)i + 1);
        }
        break;
    case MW_MAP:
        lua_createtable(L, 0, (int)n);
        for (size_t i = 0; i < n; i++) {
            mw_lua_push_value(L, s, mw_value_at(v, i));
            lua_setfield(L, -2, mw_value_key_at(v, i));
        }
        break;
    }
}
