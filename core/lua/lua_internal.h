// lua_internal.h: what the files of core/lua share.
//
// Rule: Lua errors unwind with longjmp, so they are raised only while nothing is held that Lua does not know
// of. What must be held goes into a box (mw_lua_box), which the collector frees.
#ifndef MW_LUA_INTERNAL_H
#define MW_LUA_INTERNAL_H

#include "core/lua/script.h"

#include <pthread.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

struct mw_script {
    mw_ctx *c;
    mw_graph *g;
    mw_exec *x;
    mw_script_options o;
    lua_State *L; // the state, or the coroutine that is asking for a value now
    lua_State *main;
    char *path, *folder; // of the graph script
    size_t lua_bytes, lua_limit;
    double lua_began;      // CPU seconds of this thread, time spent in the executor taken off
    pthread_t thread;      // Lua runs on this one only
    uint64_t tensor_bytes; // of the tensors that Lua holds
    uint64_t fresh_bytes;  // of those made since the last collection
    bool collecting;
    bool stopped; // the watchdog has spoken
    bool blind;   // check: a value could not be known
    bool memory_out;
    mw_status raised; // status behind the Lua error last raised by mw_lua_raise
    char *raised_text;
    int errors;
    mw_param *params;
    int nparams;
    mw_output *outputs;
    int noutputs;
    bool has_outputs;
    mw_source *sources;
    int nsources;
    char *missed, *missed_where; // a parameter asked for that there is not, until somebody complains
    struct mw_user_node *user_nodes;
};

mw_script *mw_lua_script(lua_State *L);

// Raise the context's pending error as a Lua error; returns only to satisfy `return`.
int mw_lua_raise(lua_State *L, mw_script *s);
// Raise "where: sentence" (printf-style) for a mistake of the script's.
int mw_lua_wrong(lua_State *L, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// "graphs/lmd.lua:19": the innermost line that is not the installation's own. Pushed and returned.
const char *mw_lua_where(lua_State *L);

// A box: a share of a value that goes with the Lua stack. The slot is to be filled by the caller.
mw_value **mw_lua_box(lua_State *L);

// ---- values.c
// The Lua value at idx as a value, into *out (one share). False with an error pending on s->c.
bool mw_lua_to_value(lua_State *L, mw_script *s, int idx, mw_value **out);
// Pushes v: tables for lists and maps, userdata for tensors. Raises for objects.
void mw_lua_push_value(lua_State *L, mw_script *s, const mw_value *v);

// ---- sandbox.c
lua_State *mw_lua_open(mw_ctx *c, mw_script *s);
// Start the watchdog's clock anew; a run of the executor in between does not count.
double mw_lua_clock(void);
bool mw_lua_may_read(void *script, const char *path);

// ---- modules.c
void mw_lua_open_modules(lua_State *L);
// Push the chunk of the text; false with the message pushed.
bool mw_lua_load_text(lua_State *L, const char *text, size_t n, const char *chunk);

// ---- params.c, handles.c, constructors.c, outputs.c, user_node.c, tensors.c: add their functions to the
// table on top of the stack
void mw_lua_add_params(lua_State *L);
void mw_lua_add_handles(lua_State *L);
void mw_lua_add_helpers(lua_State *L);
void mw_lua_add_output(lua_State *L);
void mw_lua_add_user_nodes(lua_State *L);
void mw_lua_add_tensors(lua_State *L);
// Read a parameter's declaration ({ default, doc, min =, max =, alias = } or a bare default) at idx.
void mw_lua_read_param(lua_State *L, mw_script *s, int idx, mw_param *p);
void mw_param_free(mw_param *p);
// Complain of a parameter that was asked for and is not there.
void mw_lua_check_missed(lua_State *L, mw_script *s);
// Every -p must have found its parameter. MW_E_USAGE otherwise.
mw_status mw_script_check_usage(mw_script *s);
// Parameter by name or alias in either alphabet; NULL.
mw_param *mw_script_param(mw_script *s, const char *name);
void mw_user_nodes_free(mw_script *s);

// ---- handles.c
void mw_lua_push_handle(lua_State *L, int node, int out);
// The link that the handle at idx stands for (a bundle: its first); false when it is no handle.
bool mw_lua_handle(lua_State *L, int idx, mw_link *out);
// ---- constructors.c
// A constructor of nodes of this type, pushed as a function.
void mw_lua_push_constructor(lua_State *L, const mw_node_type *type);

// ---- function_hash.c
// False when the function at idx closes over something that has no content to hash (a tensor, a handle).
bool mw_lua_function_hash(lua_State *L, int idx, uint64_t *hash);

// ---- tensors.c
void mw_lua_push_tensor(lua_State *L, mw_tensor *t); // takes a share of its own
mw_tensor *mw_lua_tensor(lua_State *L, int idx);     // borrowed; NULL when it is none
// A device is open afterwards, or an error is raised.
void mw_lua_need_device(lua_State *L, mw_script *s);
// ---- tensor_ops.c
int mw_lua_tensor_slice(lua_State *L, mw_tensor *t); // t[key], the key at 2
void mw_lua_add_tensor_ops(lua_State *L);

#endif
