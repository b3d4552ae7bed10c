// node.h: what a node is. Read this, then nodes/hello.c, and you can add one.
//
// A node is a user's noun: typed ports, documented ranges, a version. One node, one file: nodes/<name>.c;
// Lua, docs, range checks and cache keys follow from its declaration. Registered by its file name.
#ifndef MW_NODE_H
#define MW_NODE_H

#include "core/graph/port_type.h"

// Declarations name what they set: positional initialisers do not compile, and an input stands at the index
// that run reads it by ([STEPS] = {.name = "steps", ...}), so that no line depends on its place.
#if defined(__GNUC__) && !defined(__clang__)
#define MW_NAMED __attribute__((designated_init))
#else
#define MW_NAMED
#endif

// An input or parameter: the same thing here, since either takes a literal or another node's output. The same
// declaration serves nodes in C, nodes and composites in Lua, and mw.params.
//
// Types: those of core/graph/port_type.c ("number" "text" "latents" ...; "function": of a script, with
// choices also one of their names), and the objects' ("checkpoint" "unet" "vae" ...). "T?" is not written:
// see `def`.
//
// A handle passed whole gives its node's first output of the port's type, else its first output. A first
// output of an object type X also satisfies ports of the types of node X's outputs: the executor then asks
// the object for its part (a "lora" whose output is a "checkpoint" serves "unet" ports). So the node
// checkpoint's first output is the "checkpoint" itself, and its further ones are the parts by name. "path":
// the file's or folder's identity is part of the cache key; run() finds it with mw_find_path
// (core/base/paths.h).
typedef struct MW_NAMED mw_port {
    const char *name;
    const char *type;
    const char *def;     // default as JSON text ("20", "\"ddim\"", "null" = may be absent); NULL: required
    double min, max;     // number, integer: the allowed range when min < max; infinite ends are open
    double multiple;     // integer: only multiples of it; 0: any
    const char *choices; // choice: "ddim|euler|..."; aliases as "name=alias"
    const char *alias;   // further names, "|"-separated ("eta|η"), or NULL
    const char *unit;    // "pixels", "steps", ... or NULL
    const char *doc;     // one sentence; a tensor's shape in brackets
} mw_port;

typedef struct MW_NAMED mw_out {
    const char *name;
    const char *type;
    const char *doc;
} mw_out;

enum {
    MW_NODE_IMPURE = 1, // has effects or depends on more than its inputs: never cached
    MW_NODE_HOST = 2,   // uses no device
    MW_NODE_LITERAL =
        4, // quick, reads no file: `check` runs it too when everything it needs is literal or such a node
    MW_NODE_MAIN = 8, // runs on the thread that asked for the result only (Lua functions)
};

// The inputs in the order of the ports (literals, defaults and upstream results alike; NULL or nil where
// absent). out[i]: one share each, for the executor. Tensors made in run belong to the node's scope;
// mw_value_tensor shares them.
typedef mw_status (*mw_node_run)(mw_ctx *c, mw_value *const *in, mw_value **out);

typedef struct MW_NAMED mw_node_type {
    const char *name;
    int version; // raise when results change: part of the cache key
    unsigned flags;
    const char *doc;     // one or two sentences; the paper and equation where there is one
    const mw_port *in;   // ends with a NULL name
    const mw_out *out;   // ends with a NULL name
    const mw_out *emits; // values that it hands out while it runs (core/graph/emit.h), or NULL
    mw_node_run run;
    // Of a type made while a graph is wired: a hash of what its results follow from besides its inputs, as
    // things are now; false: not all of it can be known. NULL: `version` says it.
    bool (*recipe)(mw_ctx *c, const struct mw_node_type *t, uint64_t *hash);
} mw_node_type;

// The node type with this name; NULL when there is none.
const mw_node_type *mw_node_find(const char *name);
// All node types, in the order of their names, NULL-terminated.
extern const mw_node_type *const mw_node_types[];

// What runs on this thread: for run functions that serve several types. NULL outside of run().
const mw_node_type *mw_running_type(void);
// "graphs/lmd.lua:19", where the node that runs on this thread stands in the script: for its warnings (the
// executor puts it in front of errors). "" outside of run().
const char *mw_running_where(void);

// Progress of a long node: done of total, shown with time left. Also where a node notices cancellation: false
// = stop.
bool mw_progress(mw_ctx *c, int64_t done, int64_t total);

// Values before the end, in a node's run, on its thread; core/graph/emit.h says who hears them. Does somebody
// want what the type declares as `name`? Ask it before a value is made that costs something.
bool mw_listened(mw_ctx *c, const char *name);
// Hands the value to who listens; takes over the share, also where nobody does. What is in a tensor is not to
// change afterwards. MW_E_RUN when the type does not declare the name, or as something else.
mw_status mw_emit(mw_ctx *c, const char *name, mw_value *value);

#endif
