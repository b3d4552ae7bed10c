// node_call.h: runs a node outside of a graph.
#ifndef GOLDEN_NODE_CALL_H
#define GOLDEN_NODE_CALL_H

#include "core/graph/schema.h"

typedef struct {
    const char *name;
    mw_value *value; // taken over
} golden_argument;

// Runs a node on named inputs, defaults for the rest. out: room for all its outputs, released by the caller.
mw_status golden_call(mw_ctx *c, const char *type, golden_argument *args, size_t n, mw_value **out);
#define GOLDEN_CALL(c, type, out, ...)                                                                       \
    golden_call((c), (type), (golden_argument[]){__VA_ARGS__},                                               \
                sizeof((golden_argument[]){__VA_ARGS__}) / sizeof(golden_argument), (out))

void golden_release_all(mw_value **v, size_t n);
// A value that holds a share of an object of its own.
mw_value *golden_object(mw_ctx *c, void *o);

#endif
