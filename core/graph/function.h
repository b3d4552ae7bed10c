// function.h: functions on the wires of a graph: what a script hands a node to call, and the other way round.
//
// Nodes call them without knowing what language they are written in.
#ifndef MW_FUNCTION_H
#define MW_FUNCTION_H

#include "core/graph/value.h"

typedef struct mw_function mw_function;

// The object's type is named "function", as the port type that takes it; a port of that type with choices
// takes one of their names as well.
struct mw_function {
    mw_object object;
    // args: a list, borrowed. One share of the result; NULL with an error pending. Called with a scope open;
    // what it computes is recorded when a tape is open.
    mw_value *(*call)(mw_ctx *c, mw_function *f, const mw_value *args);
    // A hash of what its result follows from besides args, as things are now; false: not all of it can be
    // known, and a node that is given the function has no key.
    bool (*recipe)(mw_ctx *c, const mw_function *f, uint64_t *hash);
};

mw_function *mw_value_as_function(const mw_value *v); // borrowed; NULL when it is none
// Calls it. One share of the result; NULL with an error pending.
mw_value *mw_function_call(mw_ctx *c, mw_function *f, const mw_value *args);

#endif
