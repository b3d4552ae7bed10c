// families.h: runs a group of tests with the kernels of one family, and proves by the record of launches that
// it did.
#ifndef MW_OPS_FAMILIES_H
#define MW_OPS_FAMILIES_H

#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "core/tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;

static inline int open_device(void **state)
{
    (void)state;
    c = mw_ctx_new();
    if (mw_device_open(c, NULL, (uint64_t)1 << 30, false) != MW_OK)
        print_error("%s\n", mw_errmsg(c));
    return mw_err(c) ? -1 : 0;
}

// What the kernels of the group now running must be, and what was wrong with them.
static struct {
    const char *family;  // "cpu", "gpu"
    const char *kernels; // "file:entry" of each, spaces between
    int wrong;
} launched;

// Is the word `name` one of `words`?
static inline bool among(const char *words, const char *name)
{
    size_t n = strlen(name);
    for (const char *w = words; (w = strstr(w, name)); w += n)
        if ((w == words || w[-1] == ' ') && (w[n] == ' ' || !w[n]))
            return true;
    return false;
}

static inline void wrong_launch(const char *kernel, const char *what)
{
    print_error("%s family: kernel %s %s\n", launched.family, kernel, what);
    launched.wrong++;
}

// Every kernel of the group's list ran, no other did (but for copies and constants), and all were compiled
// for the family.
static inline void check_launches(void)
{
    enum { MOST = 512 };
    static mw_kernel_launches all[MOST];
    char option[16], seen[4096] = "";
    int n = mw_device_launches(c, all, MOST);
    snprintf(option, sizeof option, "-DCPU=%d ", strcmp(launched.family, "cpu") == 0);
    for (int i = 0; i < n && i < MOST; i++) {
        const char *bar = strchr(all[i].kernel, '|');
        char name[128];
        snprintf(name, sizeof name, "%.*s:%s", (int)(bar - all[i].kernel), all[i].kernel,
                 strrchr(all[i].kernel, '|') + 1);
        if (!strstr(bar, option))
            wrong_launch(all[i].kernel, "is of the other family");
        if (among(seen, name))
            continue;
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", name);
        if (!among(launched.kernels, name) && strncmp(name, "copy:", 5) != 0)
            wrong_launch(name, "ran, which the test does not name");
    }
    char words[4096], *rest = NULL;
    snprintf(words, sizeof words, "%s", launched.kernels);
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        if (!among(seen, w))
            wrong_launch(w, "never ran");
}

static inline int close_device(void **state)
{
    (void)state;
    check_launches();
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

// Runs n tests with the kernels of `family`. kernels: the "file:entry" of all that they launch, spaces
// between. Returns how many tests failed, and how many kernels were not as named.
static inline int run_family(const char *family, const char *kernels, const struct CMUnitTest *tests,
                             size_t n)
{
    setenv("MOONWEAVE_FAMILY", family, 1);
    setenv("MOONWEAVE_STRICT_KERNELS", "1", 1);
    launched.family = family;
    launched.kernels = kernels;
    launched.wrong = 0;
    int failed = _cmocka_run_group_tests(family, tests, n, open_device, close_device);
    return failed + launched.wrong;
}
#define RUN_FAMILY(family, kernels, tests) run_family(family, kernels, tests, sizeof(tests) / sizeof *(tests))

// The same tests with the kernels of either family, one after the other.
static inline int run_families(const char *cpu, const char *gpu, const struct CMUnitTest *tests, size_t n)
{
    int failed = run_family("cpu", cpu, tests, n);
    return failed + run_family("gpu", gpu, tests, n);
}
#define RUN_FAMILIES(cpu_kernels, gpu_kernels, tests)                                                        \
    run_families(cpu_kernels, gpu_kernels, tests, sizeof(tests) / sizeof *(tests))

#endif
