// sandbox.c: the closed environment: what is opened, the memory limit, guarded files.
#include "core/base/text.h"
#include "core/lua/lua_internal.h"

#include <luajit.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 256 << 20 };

// lua_newstate crashes when its allocator fails (LuaJIT 2.1, beta 3): what it asks for, 12 KiB, lies there
// already. Blocks of it that grow or are freed leave it, and it goes with the script.
struct mw_lua_first {
    size_t used;
    _Alignas(max_align_t) char bytes[32 << 10];
};

static bool is_first(const mw_script *s, const void *p)
{
    const char *at = p;
    return s->first && at >= s->first->bytes && at < s->first->bytes + sizeof s->first->bytes;
}

static void *resize(mw_script *s, void *p, size_t old, size_t size)
{
    struct mw_lua_first *f = s->first;
    size_t room = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    bool first = p && is_first(s, p), opening = !s->main && room <= sizeof f->bytes - f->used;
    if (!first && !opening)
        return realloc(p, size);
    void *q = opening ? f->bytes + f->used : malloc(size);
    f->used += opening ? room : 0;
    if (q && p)
        memcpy(q, p, old < size ? old : size);
    if (q && !first)
        free(p);
    return q;
}

static void *allocate(void *user, void *p, size_t old, size_t size)
{
    mw_script *s = user;
    if (!size) {
        s->lua_bytes -= old;
        if (!is_first(s, p))
            free(p);
        return NULL;
    }
    if (size > old && s->lua_bytes + s->kept_bytes + (size - old) > s->lua_limit) {
        s->memory_out = true;
        return NULL;
    }
    void *q = resize(s, p, old, size);
    if (!q && size > old) {
        s->memory_out = s->host_out = true;
        return NULL;
    }
    s->lua_bytes += size - old;
    return q ? q : p; // Lua takes it that a block can always shrink
}

int mw_lua_no_memory(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    s->memory_out = s->host_out = true;
    return luaL_error(L, "not enough memory");
}

// ---- files

// io.open for reading, io.lines: upvalue 1 is the library's own function.
static int guarded_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1), *mode = luaL_optstring(L, 2, "r");
    if (strcmp(mode, "r") && strcmp(mode, "rb"))
        return mw_lua_wrong(
            L, "io.open: a script may open files for reading only (mode '%s'); --trust lifts this", mode);
    mw_lua_guard(L, path);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int guarded_lines(lua_State *L)
{
    mw_lua_guard(L, luaL_checkstring(L, 1));
    int n = lua_gettop(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

static int write_out(lua_State *L, const char *gap, const char *end)
{
    mw_script *s = mw_lua_script(L);
    FILE *f = s->o.print ? s->o.print : stdout;
    int n = lua_gettop(L);
    for (int i = 1; i <= n; i++) {
        lua_getglobal(L, "tostring");
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        size_t length;
        const char *text = lua_tolstring(L, -1, &length);
        if (text) {
            fputs(i > 1 ? gap : "", f);
            fwrite(text, 1, length, f);
        }
        lua_pop(L, 1);
    }
    fputs(end, f);
    return 0;
}

static int print(lua_State *L) { return write_out(L, "\t", "\n"); }

static int io_write(lua_State *L) { return write_out(L, "", ""); }

// ---- load: text only

bool mw_lua_load_text(lua_State *L, const char *text, size_t n, const char *chunk)
{
    size_t skip = mw_byte_order_mark(text, n);
    if (skip < n && text[skip] == '#') // "#!/usr/bin/env -S moonweave run"
        while (skip < n && text[skip] != '\n')
            skip++;
    text += skip;
    n -= skip;
    return luaL_loadbufferx(L, text, n, chunk, mw_lua_script(L)->o.trust ? NULL : "t") == 0;
}

// Joins the pieces that the function at 1 gives.
static void join_pieces(lua_State *L)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (;;) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);
        size_t n;
        const char *piece = lua_tolstring(L, -1, &n);
        if (!piece || !n) {
            lua_pop(L, 1);
            break;
        }
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    lua_replace(L, 1);
}

// load(text or function [, name [, mode [, env]]])
static int load_chunk(lua_State *L)
{
    lua_settop(L, 4);
    if (lua_isfunction(L, 1))
        join_pieces(L);
    size_t n;
    const char *text = luaL_checklstring(L, 1, &n);
    const char *name = luaL_optstring(L, 2, "=(load)");
    if (!mw_lua_load_text(L, text, n, name)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (lua_istable(L, 4)) {
        lua_pushvalue(L, 4);
        lua_setfenv(L, -2);
    }
    return 1;
}

// ---- what gives another result each time

// The library's own function (upvalue 1), and the node that calls it is never cached.
static int call_unrepeatable(lua_State *L)
{
    mw_exec_unrepeatable();
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

// Names ends with a NULL; what there is not stays so.
static void mark_unrepeatable(lua_State *L, const char *lib, const char *const *names)
{
    lua_getglobal(L, lib);
    for (; lua_istable(L, -1) && *names; names++) {
        lua_getfield(L, -1, *names);
        if (!lua_isfunction(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushcclosure(L, call_unrepeatable, 1);
        lua_setfield(L, -2, *names);
    }
    lua_pop(L, 1);
}

static void mark_all_unrepeatable(lua_State *L)
{
    static const char *const of_math[] = {"random", "randomseed", 0};
    static const char *const of_os[] = {"time",   "clock",  "date",    "getenv", "execute",
                                        "remove", "rename", "tmpname", 0};
    static const char *const of_io[] = {"open", "lines", "read", "popen", "input", "tmpfile", 0};
    static const char *const of_base[] = {"load",           "loadstring", "loadfile", "dofile",
                                          "collectgarbage", "gcinfo",     0};
    mark_unrepeatable(L, LUA_MATHLIBNAME, of_math);
    mark_unrepeatable(L, LUA_OSLIBNAME, of_os);
    mark_unrepeatable(L, LUA_IOLIBNAME, of_io);
    mark_unrepeatable(L, "_G", of_base);
}

// ---- what is there

static void open_lib(lua_State *L, const char *name, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

static int forbidden(lua_State *L)
{
    return mw_lua_wrong(L, "%s: the sandbox forbids it; --trust allows it",
                        lua_tostring(L, lua_upvalueindex(1)));
}

// Of the global table `lib` the named fields stay; its other functions say that they are forbidden.
static void keep_only(lua_State *L, const char *lib, const char *const *names)
{
    lua_newtable(L);
    int kept = lua_gettop(L);
    lua_getglobal(L, lib);
    for (lua_pushnil(L); lua_next(L, kept + 1); lua_settop(L, kept + 2)) {
        if (!lua_isfunction(L, -1))
            continue;
        lua_pushfstring(L, "%s.%s", lib, lua_tostring(L, kept + 2));
        lua_pushcclosure(L, forbidden, 1);
        lua_setfield(L, kept, lua_tostring(L, kept + 2));
    }
    for (; *names; names++) {
        lua_getfield(L, kept + 1, *names);
        lua_setfield(L, kept, *names);
    }
    lua_settop(L, kept);
    lua_setglobal(L, lib);
}

static void drop(lua_State *L, const char *global)
{
    lua_pushnil(L);
    lua_setglobal(L, global);
}

static void close_doors(lua_State *L)
{
    static const char *const os_names[] = {"time", "clock", "date", "difftime", 0};
    static const char *const io_names[] = {"type", 0};
    lua_getglobal(L, "io");
    lua_getfield(L, -1, "open");
    lua_getfield(L, -2, "lines");
    keep_only(L, "io", io_names);
    keep_only(L, "os", os_names);
    lua_getglobal(L, "io");
    lua_insert(L, -3);
    lua_pushcclosure(L, guarded_lines, 1);
    lua_setfield(L, -3, "lines");
    lua_pushcclosure(L, guarded_open, 1);
    lua_setfield(L, -2, "open");
    lua_pushcfunction(L, io_write);
    lua_setfield(L, -2, "write");
    lua_settop(L, 0);
    lua_getglobal(L, "string");
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_pop(L, 1);
    drop(L, "dofile");
    drop(L, "loadfile");
    drop(L, "newproxy");
    drop(L, "gcinfo");
}

static int open_all(lua_State *L)
{
    mw_script *s = lua_touserdata(L, 1);
    lua_settop(L, 0);
    if (s->o.trust) {
        luaL_openlibs(L);
    } else {
        open_lib(L, "", luaopen_base);
        open_lib(L, LUA_TABLIBNAME, luaopen_table);
        open_lib(L, LUA_STRLIBNAME, luaopen_string);
        open_lib(L, LUA_MATHLIBNAME, luaopen_math);
        open_lib(L, LUA_BITLIBNAME, luaopen_bit);
        open_lib(L, LUA_IOLIBNAME, luaopen_io);
        open_lib(L, LUA_OSLIBNAME, luaopen_os);
        close_doors(L);
        lua_pushcfunction(L, load_chunk);
        lua_setglobal(L, "load");
        lua_pushcfunction(L, load_chunk);
        lua_setglobal(L, "loadstring");
    }
    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
    lua_getglobal(L, "string");
    mw_lua_add_strings(L);
    mw_lua_guard_handlers(L);
    mw_lua_bound_tables(L);
    mark_all_unrepeatable(L);
    return 0;
}

lua_State *mw_lua_open(mw_ctx *c, mw_script *s)
{
    s->lua_limit = s->o.trust ? SIZE_MAX / 2 : MEMORY;
    s->first = mw_alloc(c, sizeof *s->first);
    lua_State *L = s->first ? lua_newstate(allocate, s) : NULL;
    s->main = L;
    if (!L || lua_cpcall(L, open_all, s)) {
        mw_fail(c, MW_E_MEMORY, "Lua cannot start: out of host memory");
        if (L)
            lua_close(L);
        s->main = NULL;
        return NULL;
    }
    // Hooks do not fire inside compiled loops: without the compiler every script can be stopped.
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    mw_lua_watch(L, s);
    return L;
}
