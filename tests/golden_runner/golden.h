// golden.h: what a golden case is to the code that computes it.
//
// To add a family: write family_<name>.c with one `const golden_family golden_<name>` at its foot and add a
// line to families.c. `run` reads the case through the functions below and gives what it computes; the runner
// compares and writes. A tensor that is not given is listed as not computed, which is no miss.
#ifndef GOLDEN_H
#define GOLDEN_H

#include "core/base/ctx.h"

#include <jansson.h>

typedef struct golden_case {
    const char *folder;   // as on the command line
    json_t *json;         // case.json
    const char *op;       // which computation; lives in json
    const json_t *params; // an object, empty when the case has none
    char *name;           // "family/case"
} golden_case;

typedef struct golden_family {
    const char *ops[8]; // values of `op` it computes, NULL after the last
    bool device;        // it runs ops: the runner opens the default device first
    mw_status (*run)(mw_ctx *c, golden_case *k);
} golden_family;

// NULL-terminated.
extern const golden_family *const golden_families[];

// ---- of the runner
// Reads folder/case.json and what lies beside it. MW_E_FILE when it is not a case.
mw_status golden_open(mw_ctx *c, golden_case *k, const char *folder);
void golden_close(golden_case *k);

#endif
