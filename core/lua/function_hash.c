// function_hash.c: a hash of everything that a Lua function's result can follow from besides its arguments.
//
// Its instructions, the variables it closes over and the globals it reads, and what those hold. Functions and
// tables wait in a queue, each once: what comes again is its number there. So what holds itself ends, and
// there is a limit to the work. What the engine and the libraries give goes by its name.
#include "core/lua/bytecode.h"
#include "core/lua/lua_internal.h"
#include "core/lua/names.h"

#include <string.h>
#include <xxhash.h>

enum { MOST_VALUES = 1 << 18, MOST_BYTES = 64 << 20, CDATA = LUA_TTHREAD + 2 };

typedef struct hashing {
    lua_State *L;
    int names, seen, queue; // on the stack: object -> name, object -> number, number -> object
    int env;                // of the function that is being read
    int count;              // objects in the queue
    size_t values, bytes;   // met so far
    XXH64_hash_t sum;
    bool unknowable; // something has no content to hash, or there is too much of it
} hashing;

static void add(hashing *h, const void *data, size_t n)
{
    h->sum = XXH3_64bits_withSeed(data, n, h->sum);
    h->bytes += n;
}

static void add_text(hashing *h, const char *text, size_t n)
{
    add(h, &n, sizeof n);
    add(h, text, n);
}

// ---- names of what the engine gives

static const char *name_of(const hashing *h, int idx)
{
    lua_State *L = h->L;
    lua_pushvalue(L, idx);
    lua_rawget(L, h->names);
    const char *name = lua_tostring(L, -1); // the table keeps it
    lua_pop(L, 1);
    return name;
}

// ---- values

// An object's number in the queue.
static void add_object(hashing *h, int idx)
{
    lua_State *L = h->L;
    lua_pushvalue(L, idx);
    lua_rawget(L, h->seen);
    int number = (int)lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!number) {
        number = ++h->count;
        lua_pushvalue(L, idx);
        lua_pushnumber(L, number);
        lua_rawset(L, h->seen);
        lua_pushvalue(L, idx);
        lua_rawseti(L, h->queue, number);
    }
    add(h, &number, sizeof number);
}

static void add_function(hashing *h, int idx)
{
    const char *name = name_of(h, idx);
    if (name && (!strcmp(name, "_G.getfenv") || !strcmp(name, "_G.setfenv") || !strncmp(name, "debug.", 6)))
        h->unknowable = true; // the way to what no constant names
    if (name)
        add_text(h, name, strlen(name));
    else if (mw_lua_push_kernel(h->L, idx))
        add_object(h, lua_gettop(h->L));
    else if (lua_iscfunction(h->L, idx))
        h->unknowable = true;
    else
        add_object(h, idx);
}

// A whole number of 64 bits by its digits; a pointer has no content.
static void add_cdata(hashing *h, int idx)
{
    size_t n = 0;
    const char *text = luaL_callmeta(h->L, idx, "__tostring") ? lua_tolstring(h->L, -1, &n) : NULL;
    h->unknowable = h->unknowable || !text || strstr(text, ": ");
    add_text(h, text ? text : "", n);
}

// The value at idx, which is not negative.
static void add_value(hashing *h, int idx)
{
    lua_State *L = h->L;
    int type = lua_type(L, idx), top = lua_gettop(L);
    size_t n;
    if (++h->values > MOST_VALUES || h->bytes > MOST_BYTES)
        h->unknowable = true;
    if (h->unknowable)
        return;
    add(h, &type, sizeof type);
    if (type == LUA_TNUMBER)
        add(h, (double[]){lua_tonumber(L, idx)}, sizeof(double));
    else if (type == LUA_TBOOLEAN)
        add(h, lua_toboolean(L, idx) ? "t" : "f", 1);
    else if (type == LUA_TSTRING) {
        const char *text = lua_tolstring(L, idx, &n);
        add_text(h, text, n);
    } else if (type == LUA_TFUNCTION)
        add_function(h, idx);
    else if (type == LUA_TTABLE)
        add_object(h, idx);
    else if (type == CDATA)
        add_cdata(h, idx);
    else if (type != LUA_TNIL)
        h->unknowable = true;
    lua_settop(L, top);
}

// ---- functions

static int count_bytes(lua_State *L, const void *data, size_t n, void *user)
{
    (void)L, (void)data;
    *(size_t *)user += n;
    return 0;
}

typedef struct copy {
    unsigned char *to;
    size_t room;
} copy;

static int copy_bytes(lua_State *L, const void *data, size_t n, void *user)
{
    (void)L;
    copy *k = user;
    if (n > k->room)
        return 1;
    memcpy(k->to, data, n);
    k->to += n;
    k->room -= n;
    return 0;
}

// The dump of the function on top of the stack, pushed as userdata; NULL when there is none.
static const unsigned char *push_dump(lua_State *L, size_t *size)
{
    *size = 0;
    if (lua_dump(L, count_bytes, size))
        return NULL;
    copy k = {lua_newuserdata(L, *size + 1), *size};
    const unsigned char *dump = k.to;
    lua_pushvalue(L, -2);
    int failed = lua_dump(L, copy_bytes, &k);
    lua_pop(L, 1);
    return failed || k.room ? NULL : dump;
}

// The number of the instruction that reads a global: the first one of a function that does nothing else.
static int global_read(lua_State *L)
{
    mw_bytecode b = {0};
    size_t size;
    const unsigned char *dump = NULL;
    int top = lua_gettop(L);
    if (!luaL_loadbuffer(L, "return x", 8, "=x"))
        dump = push_dump(L, &size);
    int first = dump && mw_bytecode_read(dump, size, &b) ? b.first : -1;
    lua_settop(L, top);
    return first;
}

static void add_global(void *user, const char *name, size_t length)
{
    hashing *h = user;
    lua_State *L = h->L;
    add_text(h, name, length);
    lua_pushlstring(L, name, length);
    lua_rawget(L, h->env);
    add_value(h, lua_gettop(L));
    lua_pop(L, 1);
}

// The function at idx, which is not C's.
static void add_code(hashing *h, int idx, int reads)
{
    lua_State *L = h->L;
    lua_getfenv(L, idx);
    h->env = lua_gettop(L);
    if (lua_getmetatable(L, h->env)) // what there is not may come from elsewhere
        add_value(h, lua_gettop(L));
    mw_bytecode b = {.global = add_global, .user = h, .global_read = reads};
    size_t size;
    lua_pushvalue(L, idx);
    const unsigned char *dump = push_dump(L, &size);
    if (!dump || reads < 0 || !mw_bytecode_read(dump, size, &b))
        h->unknowable = true;
    add(h, &b.hash, sizeof b.hash);
    h->bytes += size;
    for (int i = 1; !h->unknowable && lua_getupvalue(L, idx, i); i++) {
        add_value(h, lua_gettop(L));
        lua_pop(L, 1);
    }
}

// ---- tables

static bool is_params(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx))
        return false;
    luaL_getmetatable(L, "moonweave.params");
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static void add_params(hashing *h)
{
    lua_State *L = h->L;
    mw_script *s = mw_lua_script(L);
    for (int i = 0; i < s->nparams && !h->unknowable; i++) {
        add_text(h, s->params[i].d.port.name, strlen(s->params[i].d.port.name));
        mw_lua_push_value(L, s, s->params[i].value);
        add_value(h, lua_gettop(L));
        lua_pop(L, 1);
    }
}

// The value at idx is what the engine put there under this key.
static bool as_given(hashing *h, const char *table, const mw_table_key *k, int idx)
{
    const char *name = table && k->type == LUA_TSTRING ? name_of(h, idx) : NULL;
    const char *last = name ? strrchr(table, '.') : NULL;
    const char *own = last ? last + 1 : table;
    size_t n = name ? strlen(own) : 0;
    return name && !strncmp(name, own, n) && name[n] == '.' && !strcmp(name + n + 1, k->text);
}

static void add_table(hashing *h, int idx)
{
    lua_State *L = h->L;
    if (is_params(L, idx)) {
        add_params(h);
        return;
    }
    const char *name = name_of(h, idx);
    mw_table_key *keys;
    long n = mw_sorted_keys(L, idx, MOST_VALUES, &keys);
    h->unknowable = h->unknowable || n < 0;
    add_text(h, name ? name : "", name ? strlen(name) : 0);
    for (long i = 0; i < n && !h->unknowable; i++) {
        mw_push_key(L, &keys[i]);
        lua_pushvalue(L, -1);
        lua_rawget(L, idx);
        int value = lua_gettop(L);
        if (!as_given(h, name, &keys[i], value) || lua_istable(L, value)) {
            add_value(h, value - 1);
            add_value(h, value);
        }
        lua_pop(L, 2);
    }
    if (lua_getmetatable(L, idx))
        add_value(h, lua_gettop(L));
}

bool mw_lua_function_hash(lua_State *L, int idx, uint64_t *hash)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 24, NULL);
    lua_pushvalue(L, idx);
    lua_getfield(L, LUA_REGISTRYINDEX, mw_names_key);
    lua_newtable(L);
    lua_newtable(L);
    hashing h = {.L = L, .names = top + 2, .seen = top + 3, .queue = top + 4};
    int base = lua_gettop(L), reads = global_read(L);
    add_value(&h, top + 1);
    lua_pushliteral(L, "");
    if (lua_getmetatable(L, -1)) // what s:method() finds
        add_value(&h, lua_gettop(L));
    lua_settop(L, base);
    for (int i = 1; i <= h.count && !h.unknowable; i++) {
        lua_rawgeti(L, h.queue, i);
        if (lua_isfunction(L, base + 1))
            add_code(&h, base + 1, reads);
        else
            add_table(&h, base + 1);
        lua_settop(L, base);
    }
    lua_settop(L, top);
    *hash = h.sum;
    return !h.unknowable;
}
