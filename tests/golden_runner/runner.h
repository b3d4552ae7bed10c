// runner.h: what the files of the golden runner share; families do not see it.
#ifndef GOLDEN_RUNNER_H
#define GOLDEN_RUNNER_H

#include "tests/golden_runner/golden.h"

#define GOLDEN_MAXDIM 8

struct golden_result {
    const mw_st_entry *want;
    int ndim;
    int64_t shape[GOLDEN_MAXDIM]; // where it differs from the expected one the result is a miss
    int64_t count;
    void *bytes; // of want->dtype
    golden_result *next;
};

// Reads folder/case.json and what lies beside it. MW_E_FILE when it is not a case.
mw_status golden_open(mw_ctx *c, golden_case *k, const char *folder, mw_dtype dtype);
void golden_close(golden_case *k);
// Have p freed with the case; returns p (NULL for NULL).
void *golden_own(mw_ctx *c, golden_case *k, void *p);

// ---- values.c: elements as doubles and back
double *golden_unpack(mw_ctx *c, const char *name, mw_st_dtype dtype, const void *bytes, int64_t count);
void *golden_pack(mw_ctx *c, const char *name, mw_st_dtype dtype, const double *v, int64_t count);

// ---- compare.c
// Prints a line for each expected tensor; returns how many miss their tolerance.
int golden_report(mw_ctx *c, const golden_case *k);
// Holds the given JSON against expected.json and prints what differs; returns how many values do.
int golden_report_json(const golden_case *k);

#endif
