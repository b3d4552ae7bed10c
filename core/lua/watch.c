// watch.c: what stops a script that goes on too long or too deep, and keeps it stopped: Ctrl-C, the watchdog,
// memory.
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { HOOK_COUNT = 200, C_STACK = 4 << 20 };
static const double longest = 20; // seconds of Lua; wiring takes milliseconds

double mw_lua_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- stopping

static void hook(lua_State *L, lua_Debug *d);

// Once it has spoken it speaks at every instruction, so that no pcall can hide it.
static int stop(lua_State *L, mw_script *s)
{
    if (!s->stopped) {
        s->stopped = true;
        lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKCALL, 1);
    }
    if (s->memory_out)
        return luaL_error(L, "not enough memory");
    if (!s->stop_text) {
        const char *where = mw_lua_where(L);
        s->stop_text = atomic_load(s->c->cancel) ? mw_format(s->c, "%s: interrupted", where)
                                                 : mw_format(s->c,
                                                             "%s: the script has computed for %d seconds in "
                                                             "Lua and was stopped (--trust lifts the limit)",
                                                             where, (int)longest);
    }
    lua_pushstring(L, s->stop_text ? s->stop_text : "interrupted");
    return lua_error(L);
}

static bool must_stop(const mw_script *s)
{
    return s->stopped || s->memory_out || atomic_load(s->c->cancel) ||
        (!s->o.trust && mw_lua_clock() - s->lua_began > longest);
}

void mw_lua_tick(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (must_stop(s))
        stop(L, s);
}

// ---- hooks

// The processor's clock is a system call: it is asked when some milliseconds have passed by a clock that is
// none.
static bool time_passed(mw_script *s)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    bool same = t.tv_nsec == s->looked;
    s->looked = t.tv_nsec;
    return !same;
}

bool mw_lua_late(mw_script *s) { return time_passed(s) && must_stop(s); }

static ptrdiff_t stack_limit(void)
{
    struct rlimit r;
    bool small = !getrlimit(RLIMIT_STACK, &r) && r.rlim_cur != RLIM_INFINITY && r.rlim_cur / 2 < C_STACK;
    return small ? (ptrdiff_t)r.rlim_cur / 2 : C_STACK;
}

// Library functions that call the script, which calls library functions: each takes of C's stack.
static bool too_deep(mw_script *s)
{
    char *now = __builtin_frame_address(0);
    return s->stack - now > s->stack_limit;
}

void mw_lua_watch(lua_State *L, mw_script *s)
{
    s->stack = __builtin_frame_address(0);
    s->stack_limit = stack_limit();
    lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKCALL, HOOK_COUNT);
}

// While an error that was raised here looks for its handler, no hook runs: see handle.
static void hook(lua_State *L, lua_Debug *d)
{
    (void)d;
    mw_script *s = mw_lua_script(L);
    s->raised_by_hook = true;
    if (too_deep(s))
        mw_lua_wrong(L, "functions that library functions call are nested too deep");
    if (s->stopped || time_passed(s))
        mw_lua_tick(L);
    s->raised_by_hook = false;
}

// ---- xpcall: the script's handler must not run where no hook could stop it

static int handle(lua_State *L)
{
    const mw_script *s = mw_lua_script(L);
    if (s->stopped || s->raised_by_hook)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

// handler -> the handler with its guard
static int guard(lua_State *L)
{
    if (lua_isfunction(L, 1))
        lua_pushcclosure(L, handle, 1);
    return 1;
}

void mw_lua_guard_handlers(lua_State *L)
{
    // In Lua, so that coroutines can yield across it.
    static const char text[] = "local xpcall, guard = ... "
                               "return function(f, handler, ...) return xpcall(f, guard(handler), ...) end";
    if (luaL_loadbuffer(L, text, sizeof text - 1, "=xpcall"))
        lua_error(L);
    lua_getglobal(L, "xpcall");
    lua_pushcfunction(L, guard);
    lua_call(L, 2, 1);
    lua_setglobal(L, "xpcall");
}
