// main.c: the program golden: computes reference cases and holds the results against what is expected.
#include "tests/golden_runner/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const golden_family *family_of(const char *op)
{
    for (const golden_family *const *f = golden_families; *f; f++)
        for (const char *const *o = (*f)->ops; *o; o++)
            if (strcmp(*o, op) == 0)
                return *f;
    return NULL;
}

// Runs one case and prints its lines. Returns the exit status it asks for.
static int run_case(mw_ctx *c, const char *folder)
{
    golden_case k;
    golden_open(c, &k, folder);
    if (mw_err(c) == MW_OK) {
        const golden_family *f = family_of(k.op);
        if (f)
            f->run(c, &k);
        else
            printf("%s: op %s is not computed yet\n", k.name, k.op);
    }
    int code = mw_status_exit_code(mw_err(c));
    if (code)
        fprintf(stderr, "%s: %s\n", folder, mw_errmsg(c));
    golden_close(&k);
    mw_err_clear(c);
    return code;
}

int main(int argc, char **argv)
{
    mw_ctx *c = mw_ctx_new();
    int code = c ? 0 : 1;
    if (argc < 2) {
        fputs("usage: golden CASE_FOLDER...\n", stderr);
        code = 2;
    }
    for (int i = 1; i < argc && c; i++) {
        int one = run_case(c, argv[i]);
        if (one > code)
            code = one;
    }
    mw_ctx_free(c);
    return code;
}
