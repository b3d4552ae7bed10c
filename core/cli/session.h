// session.h: a graph script with everything it needs to run: graph, cache, executor, device.
#ifndef MW_SESSION_H
#define MW_SESSION_H

#include "core/cli/verb.h"
#include "core/lua/script.h"

typedef struct mw_session {
    mw_cli *k;
    mw_graph *g;
    mw_cache *cache;
    mw_exec *x;
    mw_script *script;
    int delivered;            // runs whose outputs were written
    bool blind;               // check: something could not be seen
    bool quiet;               // check: what is found is not shown
    char *endpoint, *key_env; // of the configuration file: what scripts may name besides what was typed
    const char *contacts[3];  // those of them that are there
} mw_session;

typedef struct mw_session_options {
    bool check;                // wire only
    bool quiet;                // check: what is found is not shown
    const char *const *params; // "name=value", typed
    // replay: what the picture records of its parameters and modules
    const char *const *recorded;
    const mw_value *modules;
} mw_session_options;

// Fills s; mw_session_close frees what was made, also after a failure. The device is opened when something
// needs it.
mw_status mw_session_open(mw_session *s, mw_cli *k, const mw_session_options *o);
void mw_session_close(mw_session *s);
// A fresh script and graph, with the device and the cached results of before: for a further run.
mw_status mw_session_renew(mw_session *s, const mw_session_options *o);

// Open the device when the target nodes need one, and run them.
mw_status mw_session_compute(mw_session *s, const int *targets, int n);

// ---- output.c
// Compute the outputs (all, or the one named `only` and of its pictures only the one, from 1), write them
// into the output folder, print where they are.
mw_status mw_session_deliver(mw_session *s, const char *only, int picture);

// ---- meta.c
// The two texts of picture `number` (from 1) of output `name`: A1111's parameters and the graph. free() both;
// NULL on failure.
typedef struct mw_meta {
    char *parameters, *graph;
} mw_meta;
mw_meta mw_session_meta(mw_session *s, const char *name, int number, int node, const mw_tensor *picture);
void mw_meta_free(mw_meta *m);

#endif
