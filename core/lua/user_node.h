// user_node.h: what mw.node and mw.kernel have in common: a node type that a script declares. Private to
// core/lua.
#ifndef MW_USER_NODE_H
#define MW_USER_NODE_H

#include "core/lua/lua_internal.h"

enum { MW_USER_PORTS = 64 };

typedef struct mw_user_node {
    mw_node_type type; // first: the executor knows this address
    struct mw_user_node *next;
    mw_script *s;
    const char *what;                    // "node", "kernel": in messages
    int function;                        // in Lua's registry: what the node's results follow from
    int ninputs;                         // ports below this are inputs, then parameters
    mw_declared declared[MW_USER_PORTS]; // what the ports' texts belong to
    int ndeclared;
    mw_port in[MW_USER_PORTS + 1];
    mw_out out[MW_USER_PORTS + 1];
    mw_out emits[MW_USER_PORTS + 1];
    void (*let_go)(struct mw_user_node *n); // of what it has besides; may be NULL
} mw_user_node;

// A node of `size` bytes, the script's from now on, with name and doc of the declaration at 1.
mw_user_node *mw_user_node_new(lua_State *L, size_t size, const char *what);
// Raises where the declaration at 1 has a key that is not among `known` ("name", ..., NULL), or where its
// name is no string.
void mw_user_check_keys(lua_State *L, const char *what, const char *const *known);
// The inputs and params of the declaration at 1.
void mw_user_read_inputs(lua_State *L, mw_user_node *n);
void mw_user_read_params(lua_State *L, mw_user_node *n);
// Raises where no port of a user's node may have the type.
void mw_user_check_type(lua_State *L, const mw_user_node *n, const char *type, const char *port);
void mw_user_add_output(lua_State *L, mw_out *out, const char *name, const char *type);
int mw_user_out_by_name(const void *a, const void *b); // for qsort
// The value on top of the stack, which goes, is what results follow from; the node is ready.
void mw_user_node_finish(lua_State *L, mw_user_node *n);

#endif
