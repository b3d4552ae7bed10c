// emit.h: values before the end: what a node hands out while it runs, and who hears it.
//
// What listens belongs to a run, not to the graph: keys and results are the same whether it does or not.
#ifndef MW_EMIT_H
#define MW_EMIT_H

#include "core/graph/node.h"

typedef struct mw_emission {
    const char *node, *where; // type of the node, its place in the script
    const char *name, *type;  // one of the type's `emits`
    int64_t index;            // counts what this node handed out in this run, from 0; what was dropped too
    const mw_value *value;    // borrowed
} mw_emission;

typedef struct mw_listener {
    // Whether values of this port type are wanted, asked before they are made; from any thread. NULL: all
    // are.
    bool (*wants)(void *user, const char *type);
    // One at a time, in order, on a thread of its own with a context of its own (on the value's stream); an
    // error that it leaves pending is dropped. It may take its time: nodes never wait for it. Texts and
    // numbers all arrive, before the run ends; of tensors and what holds some, those of one name that it had
    // no time for make room for the newest, and all that still wait are dropped when the run failed.
    void (*hear)(void *user, mw_ctx *c, const mw_emission *e);
    void *user;
} mw_listener;

#endif
