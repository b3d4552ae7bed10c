// strings.c: string.find, match, gmatch and gsub as Lua 5.1's manual has them, which stop when the script
// must.
#include "core/lua/lua_internal.h"
#include "core/lua/pattern.h"

#include <string.h>

enum { MOST_STEPS = 1 << 30 };

static void tick(void *L) { mw_lua_tick(L); }

// The subject at 1 and the pattern at 2; an anchor '^' is taken off when there may be one.
static mw_pattern read_pattern(lua_State *L, bool *anchored)
{
    size_t n, size;
    const char *subject = luaL_checklstring(L, 1, &n), *p = luaL_checklstring(L, 2, &size);
    mw_pattern m = {
        .subject = subject, .subject_end = subject + n, .begin = p, .end = p + size, .tick = tick};
    m.user = L;
    m.most_steps = mw_lua_script(L)->o.trust ? 0 : MOST_STEPS;
    if (anchored && (*anchored = size && *p == '^'))
        m.begin++;
    return m;
}

static const char *match(lua_State *L, mw_pattern *m, const char *at)
{
    const char *end = mw_pattern_match(m, at);
    if (m->wrong)
        luaL_error(L, "%s", m->wrong);
    return end;
}

// ---- captures

// Capture i of the match from `at` to `end`; without any the whole match is the first.
static void push_capture(lua_State *L, const mw_pattern *m, int i, const char *at, const char *end)
{
    mw_capture k = {at, end - at};
    if (i < m->count)
        k = m->captures[i];
    else if (i)
        luaL_error(L, "invalid capture index");
    if (k.length == MW_CAPTURE_OPEN)
        luaL_error(L, "unfinished capture");
    if (k.length == MW_CAPTURE_POSITION)
        lua_pushinteger(L, k.at - m->subject + 1);
    else
        lua_pushlstring(L, k.at, (size_t)k.length);
}

// Every capture; without any the whole match, unless at is NULL.
static int push_captures(lua_State *L, const mw_pattern *m, const char *at, const char *end)
{
    int n = !m->count && at ? 1 : m->count;
    luaL_checkstack(L, n, "too many captures");
    for (int i = 0; i < n; i++)
        push_capture(L, m, i, at, end);
    return n;
}

// ---- find, match

// Where the search begins: the number at 3, from the end when it is negative.
static size_t first_byte(lua_State *L, size_t length)
{
    ptrdiff_t init = luaL_optinteger(L, 3, 1);
    if (init < 0)
        init += (ptrdiff_t)length + 1;
    init = init > 0 ? init - 1 : 0;
    return (size_t)init < length ? (size_t)init : length;
}

static int push_range(lua_State *L, const mw_pattern *m, const char *at, const char *end)
{
    lua_pushinteger(L, at - m->subject + 1);
    lua_pushinteger(L, end - m->subject);
    return 2;
}

static int find_plain(lua_State *L, const mw_pattern *m, const char *at, const char *text)
{
    size_t n = (size_t)(m->end - text);
    const char *found = n ? memmem(at, (size_t)(m->subject_end - at), text, n) : at;
    if (found)
        return push_range(L, m, found, found + n);
    lua_pushnil(L);
    return 1;
}

static bool is_plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memchr("^$*+?.([%-", p[i], 10))
            return false;
    return true;
}

static int search(lua_State *L, bool find)
{
    bool anchored;
    mw_pattern m = read_pattern(L, &anchored);
    const char *text = lua_tostring(L, 2);
    const char *at = m.subject + first_byte(L, (size_t)(m.subject_end - m.subject)), *end = NULL;
    if (find && (lua_toboolean(L, 4) || is_plain(text, (size_t)(m.end - text))))
        return find_plain(L, &m, at, text);
    while (!(end = match(L, &m, at)) && !anchored && at < m.subject_end)
        at++;
    if (!end) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return push_captures(L, &m, at, end);
    push_range(L, &m, at, end);
    return 2 + push_captures(L, &m, NULL, end);
}

static int find(lua_State *L) { return search(L, true); }

static int match_first(lua_State *L) { return search(L, false); }

// ---- gmatch: the subject, the pattern and where to go on are the iterator's upvalues

static int next_match(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    mw_pattern m = read_pattern(L, NULL);
    for (const char *at = m.subject + lua_tointeger(L, lua_upvalueindex(3)); at <= m.subject_end; at++) {
        const char *end = match(L, &m, at);
        if (!end)
            continue;
        lua_pushinteger(L, end - m.subject + (end == at));
        lua_replace(L, lua_upvalueindex(3));
        return push_captures(L, &m, at, end);
    }
    return 0;
}

static int gmatch(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_match, 3);
    return 1;
}

// ---- gsub

// "%1" in the text at 3 stands for a capture, "%0" for the match, "%" before anything else for that.
static void add_text(lua_State *L, luaL_Buffer *b, const mw_pattern *m, const char *at, const char *end)
{
    size_t n;
    const char *text = lua_tolstring(L, 3, &n);
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '%') {
            luaL_addchar(b, text[i]);
        } else if (text[++i] < '0' || text[i] > '9') { // a string of Lua ends in a zero byte
            luaL_addchar(b, text[i]);
        } else if (text[i] == '0') {
            luaL_addlstring(b, at, (size_t)(end - at));
        } else {
            push_capture(L, m, text[i] - '1', at, end);
            luaL_addvalue(b);
        }
    }
}

// What the table or function at 3 has for the match; false or nil keep it as it is.
static void add_value(lua_State *L, luaL_Buffer *b, const mw_pattern *m, const char *at, const char *end)
{
    if (lua_istable(L, 3)) {
        push_capture(L, m, 0, at, end);
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, m, at, end), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, at, (size_t)(end - at));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(b);
}

static int gsub(lua_State *L)
{
    bool anchored;
    mw_pattern m = read_pattern(L, &anchored);
    int type = lua_type(L, 3);
    bool text = type == LUA_TSTRING || type == LUA_TNUMBER;
    if (!text && type != LUA_TTABLE && type != LUA_TFUNCTION)
        return luaL_typerror(L, 3, "string/function/table");
    ptrdiff_t most = luaL_optinteger(L, 4, m.subject_end - m.subject + 1), n = 0;
    lua_settop(L, 4);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    const char *at = m.subject;
    while (n < most) {
        const char *end = match(L, &m, at);
        if (end) {
            n++;
            (text ? add_text : add_value)(L, &b, &m, at, end);
        }
        if (end && end > at)
            at = end;
        else if (at < m.subject_end)
            luaL_addchar(&b, *at++);
        else
            break;
        if (anchored)
            break;
    }
    luaL_addlstring(&b, at, (size_t)(m.subject_end - at));
    luaL_pushresult(&b);
    lua_pushinteger(L, n);
    return 2;
}

void mw_lua_add_strings(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", find}, {"match", match_first}, {"gmatch", gmatch}, {"gsub", gsub}, {NULL, NULL},
    };
    luaL_register(L, NULL, functions);
}
