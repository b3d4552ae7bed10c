// lua_internal.h: what the files of core/lua share.
//
// Rule: Lua errors unwind with longjmp, so they are raised only while nothing is held that Lua does not know
// of. What must be held goes into a box (mw_lua_box), which the collector frees.
#ifndef MW_LUA_INTERNAL_H
#define MW_LUA_INTERNAL_H

#include "core/base/env.h"
#include "core/base/nearest.h"
#include "core/graph/function.h"
#include "core/lua/reference.h"
#include "core/lua/script.h"

#include <pthread.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

typedef struct mw_composite mw_composite; // composite.c

// What the userdata of a tensor holds. t is NULL only between its making and the end of the op that fills it.
typedef struct mw_held {
    mw_tensor *t;
} mw_held;

enum { MW_LUA_COLLECT_AFTER = 256 << 20 }; // so many fresh bytes

struct mw_script {
    mw_ctx *c;
    mw_graph *g;
    mw_exec *x;
    mw_script_options o;
    lua_State *L; // the state, or the coroutine that is asking for a value now
    lua_State *main;
    char *path, *folder; // of the graph script
    mw_env env;          // while it lives: the one around it, and what it may read
    const mw_env *outer; // the one around it
    size_t lua_bytes, lua_limit;
    size_t converted;      // bytes of the value that was last made of a Lua value
    size_t kept_bytes;     // of those that stay with the script or the node that runs; they count as Lua's do
    double lua_began;      // CPU seconds of this thread, time spent in the executor taken off
    pthread_t thread;      // Lua runs on this one only
    uint64_t tensor_bytes; // of the tensors that Lua holds
    uint64_t fresh_bytes;  // of those, and of results that handles hold, since the last collection
    bool collecting;
    bool stopped;               // for good: see watch.c
    char *stop_text;            // why and where
    bool raised_by_hook;        // the error that looks for its handler now
    long looked;                // nanoseconds of the clock when it was last looked at
    char *stack;                // C's, where the script's begins
    ptrdiff_t stack_limit;      // bytes that it may take from there
    bool blind;                 // check: a value could not be known
    bool memory_out;            // the script stops
    bool host_out;              // and it is the host's that is out, not what a script may have
    struct mw_lua_first *first; // sandbox.c
    atomic_bool refused;        // something that may not be read, or nobody may be contacted by
    atomic_int ncontacts;       // addresses and variables that were refused; the first of them:
    char *contact[8];
    mw_status raised; // status behind the Lua error last raised by mw_lua_raise
    char *raised_text;
    int errors;
    bool assumed; // check: value() gave what the script said to assume
    mw_param *params;
    int nparams;
    mw_output *outputs;
    int noutputs, outputs_room;
    bool has_outputs;
    mw_script_text *texts;
    int ntexts;
    char *missed, *missed_where; // a parameter asked for that there is not, until somebody complains
    struct mw_user_node *user_nodes;
    mw_composite *composites; // declared so far
    const mw_node_type **composite_types;
    int pin;              // of the nodes made now (mw_wiring.pin)
    struct mw_tape *tape; // of its tensors with requires_grad(); NULL while there was none
    bool recording;       // it was opened for the op on tensors that runs now
};

mw_script *mw_lua_script(lua_State *L);

// Raise the context's pending error as a Lua error; returns only to satisfy `return`.
int mw_lua_raise(lua_State *L, mw_script *s);
// Raise "where: sentence" (printf-style) for a mistake of the script's.
int mw_lua_wrong(lua_State *L, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// The error on top of the stack: where the script is only checked it is reported and popped, so that what
// follows is seen too. Raised otherwise, as is all that does not come from a mistake of the script's.
void mw_lua_go_on(lua_State *L, mw_script *s);
// Calls the function below the n arguments on top of the stack. False when it failed and mw_lua_go_on came
// back: then it left nothing.
bool mw_lua_try(lua_State *L, mw_script *s, int n, int results);
// The Lua error as the pending one of c: the text of a script's error, made a sentence where Lua's is none.
void mw_lua_fail(mw_ctx *c, mw_status code, const char *text);
// mw_lua_wrong, then mw_lua_go_on: comes back in check only.
void mw_lua_mistake(lua_State *L, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// "graphs/lmd.lua:19": the innermost line that is not the installation's own. Pushed and returned.
const char *mw_lua_where(lua_State *L);
// What lies at idx, in a sentence: "a string", "nil", "a handle", "nothing" behind the last argument.
const char *mw_lua_a_type(lua_State *L, int idx);

// A box: a share of a value that goes with the Lua stack. The slot is to be filled by the caller.
mw_value **mw_lua_box(lua_State *L);

// ---- values.c
// MW_E_SCRIPT where the n bytes are not UTF-8.
mw_status mw_lua_check_text(mw_ctx *c, const char *text, size_t n);
// The Lua value at idx as a value, into *out (one share). False with an error pending on s->c.
bool mw_lua_to_value(lua_State *L, mw_script *s, int idx, mw_value **out);
// The same for a constructor's table, in which functions may be given as parameters.
bool mw_lua_to_arguments(lua_State *L, mw_script *s, int idx, mw_value **out);
// What was converted last is kept beyond the call: it counts against the script's memory from here on.
void mw_lua_keep_converted(mw_script *s);
// The same for what is not a value; raises where it is too much.
void mw_lua_count_kept(lua_State *L, mw_script *s, size_t bytes);
// Pushes v: tables for lists and maps, userdata for tensors and functions. Raises for other objects.
void mw_lua_push_value(lua_State *L, mw_script *s, const mw_value *v);

// ---- sandbox.c
lua_State *mw_lua_open(mw_ctx *c, mw_script *s);
// Raises that host memory is out, for good: no pcall hides it.
int mw_lua_no_memory(lua_State *L);

// ---- reading.c
// May this script read the file, or the folder with what lies in it? For mw_ctx.may_read.
bool mw_lua_may_read(void *script, const char *path);
bool mw_lua_typed(void *script, const char *name); // as mw_env.typed
// As mw_env.may_contact: what the user of this run typed as a parameter or has in the settings; wholly, not
// as a part of it.
bool mw_lua_may_contact(void *script, const char *name);
// Raises unless the script may read the file at path; one that is not there is the caller's to report.
void mw_lua_guard(lua_State *L, const char *path);

// ---- watch.c
double mw_lua_clock(void); // CPU seconds of this thread
// The script is watched from here on: called where C's stack is as high as any that runs it.
void mw_lua_watch(lua_State *L, mw_script *s);
// Must the script stop? Asked often it costs little.
bool mw_lua_late(mw_script *s);
// Raises when the script must stop: for what takes long in C, where no hook runs.
void mw_lua_tick(lua_State *L);
void mw_lua_guard_handlers(lua_State *L); // sets the global xpcall

// ---- strings.c
void mw_lua_add_strings(lua_State *L); // to the table on top of the stack

// ---- tables.c
void mw_lua_bound_tables(lua_State *L); // functions of the global table `table`

// ---- modules.c
void mw_lua_open_modules(lua_State *L);
int mw_lua_require(lua_State *L); // the script's require(name)
// "txt2img", ...: the modules of scripts/moonweave, a list of texts.
mw_value *mw_lua_module_names(mw_ctx *c);
// Every composite of the installation is declared afterwards; raises where one is wrong.
void mw_lua_require_composites(lua_State *L, mw_script *s);
// The chunk of a file's text, pushed; raises
// where it is none. chunk: "@" and the file's name.
void mw_lua_load_file(lua_State *L, const char *text, size_t n, const char *chunk);
// Push the chunk of the text; false with the message pushed.
bool mw_lua_load_text(lua_State *L, const char *text, size_t n, const char *chunk);

// ---- reference.c
enum { MW_LUA_MW, MW_LUA_TENSOR, MW_LUA_HANDLE };         // subjects
enum { MW_LUA_METHODS, MW_LUA_FIELDS, MW_LUA_OPERATORS }; // what they have
// Sets those of the subject in the table on top of the stack.
void mw_lua_register(lua_State *L, int subject, int what);
void mw_lua_offer(mw_nearest *near, int subject); // the names of all but operators

// What each file adds to a subject; ends with a NULL name. outputs.c, params.c, json.c, tensors.c,
// user_node.c, user_kernel.c, composite.c, handles.c, constructors.c:
extern const mw_lua_entry mw_lua_outputs[], mw_lua_params[], mw_lua_jsons[], mw_lua_tensors[],
    mw_lua_user_nodes[], mw_lua_user_kernels[], mw_lua_composites[], mw_lua_bundles[], mw_lua_helpers[];
// tensors.c, tensor_ops.c, tensor_layers.c, gradients.c; handles.c:
extern const mw_lua_entry mw_lua_tensor_basics[], mw_lua_tensor_ops[], mw_lua_tensor_layers[],
    mw_lua_gradients[], mw_lua_handles[];
// The metatables of the three.
void mw_lua_open_params(lua_State *L);
void mw_lua_open_handles(lua_State *L);
void mw_lua_open_tensors(lua_State *L);
// ---- declaration.c
// Read the declaration of the input d->port.name ({ default, "sentence", min =, max =, alias =, integer =,
// multiple =, choices =, type =, unit =, required =, literal = } or a bare default) at idx. On a Lua error d
// is left for its owner to free.
void mw_lua_read_declaration(lua_State *L, mw_script *s, int idx, mw_declared *d);
void mw_declared_free(mw_declared *d);
// Raises where the two, or their aliases, have a name in common, in either alphabet.
void mw_lua_refuse_clash(lua_State *L, const mw_declared *a, const mw_declared *b);
// ---- param_options.c
// Apply what the command line says of p (the last one counts).
void mw_param_apply_options(mw_script *s, mw_param *p);
// Every -p must have found its parameter. MW_E_USAGE otherwise.
mw_status mw_script_check_usage(mw_script *s);
// ---- params.c
void mw_param_free(mw_param *p);
// Complain of a parameter that was asked for and is not there.
void mw_lua_check_missed(lua_State *L, mw_script *s);
// Parameter by name or alias in either alphabet; NULL.
mw_param *mw_script_param(mw_script *s, const char *name);
void mw_user_nodes_free(mw_script *s);
void mw_composites_free(mw_script *s);
const mw_node_type *const *mw_lua_composite_types(mw_ctx *c, mw_script *s); // as mw_script_composites

// ---- handles.c
void mw_lua_push_handle(lua_State *L, int node, int out); // names the node once more
// Before a node is added or run: where there are thousands, those that no handle leads to go.
void mw_lua_sweep(lua_State *L, mw_script *s);
// The link that the handle at idx stands for (a bundle: its first); false when it is no handle.
bool mw_lua_handle(lua_State *L, int idx, mw_link *out);
// ---- constructors.c
// Raise "where: composite: 'prompt' must be given, got nil (did you mean p.prompt?)".
int mw_lua_missing(lua_State *L, mw_script *s, const char *composite, const char *param);
// What stands for a constructor that is wrong, in check: a function that gives broken handles.
void mw_lua_push_broken_constructor(lua_State *L);
// A constructor of nodes of this type, pushed as a function.
void mw_lua_push_constructor(lua_State *L, const mw_node_type *type);

// ---- function_hash.c
// A hash of what the function at idx computes: its code without names and lines, the variables it closes
// over, the globals it reads, with what they hold now. False when something there has no content to hash (a
// tensor, a handle), or when it is too much.
bool mw_lua_function_hash(lua_State *L, int idx, uint64_t *hash);
// What is there before the script runs goes by its name in a hash; call it once all is open.
void mw_lua_name_globals(lua_State *L);
// The function or table at idx is the engine's, table.key from now on.
void mw_lua_give_name(lua_State *L, int idx, const char *table, const char *key);

// ---- user_kernel_call.c
// Pushes the declaration that what mw.kernel made holds; false when the function at idx is none of those.
bool mw_lua_push_kernel(lua_State *L, int idx);

// ---- functions.c
// A function of the script for nodes to call, one share; NULL with an error pending.
mw_value *mw_lua_function_value(lua_State *L, mw_script *s, int idx);
// The hash of the function at this place of Lua's registry, for a node's key.
bool mw_lua_recipe(mw_ctx *c, mw_script *s, int ref, uint64_t *hash);
void mw_lua_push_function(lua_State *L, const mw_value *v); // callable; takes a share of its own
mw_value *mw_lua_callable(lua_State *L, int idx);           // what was pushed so, borrowed; NULL
// Runs f(data) for a node, whose context is c; a Lua error becomes a pending one.
mw_status mw_lua_protected(mw_ctx *c, mw_script *s, lua_CFunction f, void *data);

// ---- tensors.c
void mw_lua_push_tensor(lua_State *L, mw_tensor *t); // takes a share of its own
mw_tensor *mw_lua_tensor(lua_State *L, int idx);     // borrowed; NULL when it is none
mw_held *mw_lua_held(lua_State *L, int idx);         // NULL when it is no tensor
// A tensor's userdata in two steps: room is made while nothing is held, and filling it raises nothing.
mw_held *mw_lua_push_held(lua_State *L);
void mw_lua_hold(lua_State *L, mw_held *h, mw_tensor *t); // takes a share of its own
// A device is open afterwards, or an error is raised.
void mw_lua_need_device(lua_State *L, mw_script *s);
// ---- tensor_slice.c
int mw_lua_tensor_slice(lua_State *L, mw_tensor *t); // t[key], the key at 2
// ---- tensor_ops.c
mw_tensor *mw_lua_need_tensor(lua_State *L, int idx); // raises when it is none
// Every op runs in a scope of its own, between these two; in between nothing is raised.
mw_script *mw_lua_op_begin(lua_State *L);
int mw_lua_op_end(lua_State *L, mw_script *s, mw_tensor *result); // pushes it, or raises
// Raise the pending error with the script's line in front; 0 when there is none.
int mw_lua_raise_here(lua_State *L, mw_script *s);

// ---- gradients.c
int mw_lua_set_grad(lua_State *L); // t.grad = nil
// The script's tape, if there is one and none is open, records between these two.
bool mw_lua_tape_open(mw_script *s);
void mw_lua_tape_close(mw_script *s, bool opened);
void mw_lua_tape_free(mw_script *s);

#endif
