// script.h: a graph script: loaded, wired, asked for its parameters and outputs.
//
// The script runs in a closed environment: no processes, no FFI, no bytecode; limits on memory, time and
// nesting; no files but those in the graph's folder, the installation, $MOONWEAVE_MODELS, and what the user
// of this run typed as a parameter, with what lies below. `trust` lifts all of that.
#ifndef MW_SCRIPT_H
#define MW_SCRIPT_H

#include "core/graph/exec.h"

#include <stdio.h>

typedef struct mw_script mw_script;

// A file that the script consists of: itself, then the modules it required that are not the installation's.
typedef struct mw_script_text {
    char *name; // "graphs/lmd.lua", or the module's name
    char *text;
    size_t length;
} mw_script_text;

// An input declared in Lua: the texts of its port are its own.
typedef struct mw_declared {
    mw_port port;  // port.def: the default as JSON text, as nodes in C have it
    mw_value *def; // the default; nil: none
    bool literal;  // of a composite: its function computes with the value, so that no handle will do
} mw_declared;

typedef struct mw_param {
    mw_declared d;
    mw_value *value; // the default, or what was given
    bool used;       // given with -p
    bool typed;      // by the user of this run: what its texts name may be read
} mw_param;

typedef struct mw_output {
    char *name;
    mw_value *value; // a literal, a link, or a list of links (several pictures)
} mw_output;

typedef struct mw_script_options {
    bool check; // wire only: gather every error, compute nothing
    bool trust;
    const char *const *params; // what the user typed, "name=value", NULL-terminated; may be NULL
    // The same of a picture's record (replay), which `params` replace and which open no files. May be NULL.
    const char *const *recorded;
    // Addresses of servers and names of variables that hold keys, besides those in `params`, which the user
    // lets scripts use; NULL-terminated; may be NULL. Both live as long as the script.
    const char *const *contacts;
    const mw_value *modules; // name -> text: modules that come before files (replay); may be NULL
    FILE *print;             // where print() writes; NULL: stdout
    // check: called with each error, and with what could not be seen. May be NULL otherwise.
    void (*report)(void *user, const char *sentence, bool error);
    // Called before anything needs a device. May be NULL when the context has one.
    mw_status (*open_device)(mw_ctx *c, void *user);
    void *user;
} mw_script_options;

// The graph and executor are borrowed and must outlive it. Free with mw_script_free (before the executor).
mw_script *mw_script_new(mw_ctx *c, mw_graph *g, mw_exec *x, const mw_script_options *o);
void mw_script_free(mw_script *s);

// Run the script: wires its graph, and computes what it asks for by value(). `text` NULL: the file at path is
// read. MW_E_SCRIPT for all that is the script's fault; MW_E_USAGE for parameters that it does not have.
mw_status mw_script_run(mw_ctx *c, mw_script *s, const char *path, const char *text, size_t length);

// Let go of tensors that the script no longer reaches, when called on the script's own thread: for an
// mw_trim_fn. Returns the bytes.
uint64_t mw_script_collect(mw_script *s);

const mw_output *mw_script_outputs(const mw_script *s, int *count);
// Whether a parameter that was declared answers to the name in "name=value".
bool mw_script_takes(mw_script *s, const char *option);
const mw_param *mw_script_params(const mw_script *s, int *count);
const mw_script_text *mw_script_texts(const mw_script *s, int *count);
// The declarations of the composites that scripts/moonweave has, by name, NULL-terminated, as nodes have
// theirs but for the version 0 and without outputs: their sentence names them. They live as long as the
// script, which has not been run. NULL with MW_E_SCRIPT when one is wrong.
const mw_node_type *const *mw_script_composites(mw_ctx *c, mw_script *s);
// The script wanted to read what it may not, or to talk to whom it may not.
bool mw_script_refused(const mw_script *s);
// This was an address, or a key's variable, that it may not use.
bool mw_script_refused_contact(const mw_script *s, const char *name);
// check: errors reported so far.
int mw_script_errors(const mw_script *s);
// check: what was wired follows from values that the script said to assume, at least in part.
bool mw_script_assumed(const mw_script *s);

#endif
