// reference.c: what scripts hold besides nodes, put together from the files that make it; registered and
// found.
#include "core/lua/reference.h"
#include "core/lua/lua_internal.h"

#include <string.h>

static const mw_lua_entry *const mw_parts[] = {
    mw_lua_outputs,      mw_lua_params,     mw_lua_jsons,   mw_lua_tensors, mw_lua_user_nodes,
    mw_lua_user_kernels, mw_lua_composites, mw_lua_bundles, mw_lua_helpers, NULL,
};
static const mw_lua_entry *const tensor_parts[] = {
    mw_lua_tensor_basics, mw_lua_tensor_ops, mw_lua_tensor_layers, mw_lua_gradients, NULL,
};
static const mw_lua_entry *const handle_parts[] = {mw_lua_handles, NULL};

const mw_lua_subject mw_lua_subjects[] = {
    [MW_LUA_MW] = {"mw",
                   "What require \"moonweave\" gives: a constructor for each node and composite, and these "
                   "functions.",
                   mw_parts},
    [MW_LUA_TENSOR] = {"tensor",
                       "Numbers on the device, as mw.tensor, handle:value() and mw.node's inputs give them. "
                       "Dimensions and indices count from 1, negative ones from the end.",
                       tensor_parts},
    [MW_LUA_HANDLE] =
        {"handle",
         "What a constructor returns: it stands for a node that has not run yet. It is passed on as "
         "an input, and indexed by the names of the node's outputs (text.embedding).",
         handle_parts},
    {NULL, NULL, NULL},
};

static bool is_operator(const mw_lua_entry *e) { return !strncmp(e->name, "__", 2); }

void mw_lua_register(lua_State *L, int subject, int what)
{
    for (const mw_lua_entry *const *part = mw_lua_subjects[subject].parts; *part; part++)
        for (const mw_lua_entry *e = *part; e->name; e++) {
            int kind = is_operator(e) ? MW_LUA_OPERATORS : e->field ? MW_LUA_FIELDS : MW_LUA_METHODS;
            if (kind != what)
                continue;
            lua_pushcfunction(L, e->run);
            lua_setfield(L, -2, e->name);
        }
}

const mw_lua_entry *mw_lua_entry_find(const mw_lua_subject *s, const char *name)
{
    for (const mw_lua_entry *const *part = s->parts; *part; part++)
        for (const mw_lua_entry *e = *part; e->name; e++)
            if (!strcmp(e->name, name))
                return e;
    return NULL;
}

void mw_lua_offer(mw_nearest *near, int subject)
{
    for (const mw_lua_entry *const *part = mw_lua_subjects[subject].parts; *part; part++)
        for (const mw_lua_entry *e = *part; e->name; e++)
            if (!is_operator(e))
                mw_nearest_offer(near, e->name);
}
