// verb.h: what a verb of the command line is. One verb, one file of core/cli, one line in the table of cli.c.
#ifndef MW_VERB_H
#define MW_VERB_H

#include "core/base/env.h"

// The command line, taken apart.
typedef struct mw_cli {
    mw_ctx *c;
    const struct mw_verb *verb;
    const char **args;   // what is no option, after the verb; NULL-terminated
    const char **params; // of -p: "name=value"; NULL-terminated
    char **texts;        // of -p: those that were read from files; owned
    char *settings[10];  // values that options took from the environment or the file; owned
    int nargs, nparams, ntexts, nsettings;
    const char *device, *each;   // of --device (with --threads), --each
    int threads;                 // of --threads; 0: not said
    mw_env env;                  // --dtype, -o
    uint64_t memory, cache_size; // bytes; memory 0: what the device has
    bool trust, profile, json, dot, markdown, annotations, no_metadata, overwrite;
    bool terminal; // progress and colours may be shown on stderr
    bool colour;
    bool input_read; // standard input, by -p name=@-
} mw_cli;

// Options that only some verbs take; those for all are not listed here.
enum {
    MW_OPT_PARAM = 1,  // -p
    MW_OPT_OUT = 2,    // -o
    MW_OPT_DEVICE = 4, // --device --threads --dtype --memory
    MW_OPT_RUN = 8,    // --profile --cache-size --no-metadata --overwrite
    MW_OPT_TRUST = 16, // --trust
    MW_OPT_JSON = 32,  // --json
    MW_OPT_DOT = 64,   // --dot
    MW_OPT_DOCS = 128, // --markdown --annotations
    MW_OPT_EACH = 256, // --each
};

typedef struct mw_verb {
    const char *name;
    const char *args; // "graph.lua", "[NAME]", ""
    int least, most;  // how many of them
    unsigned options; // MW_OPT_*
    const char *doc;
    mw_status (*run)(mw_cli *k);
} mw_verb;

extern const mw_verb mw_verb_run, mw_verb_check, mw_verb_graph, mw_verb_nodes, mw_verb_devices,
    mw_verb_inspect, mw_verb_bench, mw_verb_tune, mw_verb_replay, mw_verb_help;

extern const mw_verb *const mw_verbs[]; // all of them, NULL-terminated

// Takes argv apart into k (which it fills from zero). MW_E_USAGE with a sentence. `version`, `help` are set
// when asked for.
mw_status mw_cli_parse(mw_cli *k, int argc, char **argv, bool *version, bool *help);
void mw_cli_free(mw_cli *k);
// The verb of this name; NULL with MW_E_USAGE and the nearest name where there is none.
const mw_verb *mw_cli_verb(mw_ctx *c, const char *name);
// What --help prints for one verb, or for all (NULL).
void mw_cli_help(const mw_verb *v);
// What `run graph.lua --help` prints: the parameters that the graph declares, as far as it can be followed.
mw_status mw_cli_graph_help(mw_cli *k);

#endif
