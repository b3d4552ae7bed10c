// run.c: moonweave run: a graph script's outputs.
#include "core/cl/device.h"
#include "core/cli/session.h"

#include <stdio.h>
#include <stdlib.h>

enum { KERNELS = 64 };

static void print_times(mw_session *s)
{
    mw_ctx *c = s->k->c;
    int n;
    mw_node_time *t = mw_exec_times(c, s->x, &n);
    double total = 0;
    for (int i = 0; t && i < n; i++)
        total += t[i].seconds;
    fprintf(stderr, "%-24s %6s %7s %10s %10s %6s\n", "node", "runs", "cached", "seconds", "ms each", "share");
    for (int i = 0; t && i < n; i++)
        fprintf(stderr, "%-24s %6d %7d %10.3f %10.3f %5.1f%%\n", t[i].type, t[i].runs, t[i].cached,
                t[i].seconds, t[i].runs ? 1e3 * t[i].seconds / t[i].runs : 0,
                total > 0 ? 100 * t[i].seconds / total : 0);
    free(t);
    if (!c->device)
        return;
    mw_kernel_time k[KERNELS];
    int kernels = mw_device_profile(c, k, KERNELS);
    if (kernels)
        fprintf(stderr, "%-40s %8s %10s %10s\n", "kernel", "launches", "seconds", "us each");
    for (int i = 0; i < kernels && i < KERNELS; i++)
        fprintf(stderr, "%-40s %8llu %10.3f %10.1f\n", k[i].name, (unsigned long long)k[i].launches,
                k[i].seconds, 1e6 * k[i].seconds / (double)(k[i].launches ? k[i].launches : 1));
    mw_memory_use use = mw_device_memory(c);
    fprintf(stderr, "device memory: %.1f MiB at most, %llu allocations\n", (double)use.peak / 0x1p20,
            (unsigned long long)use.allocations);
}

static mw_status run(mw_cli *k)
{
    mw_session s;
    mw_session_options o = {.params = k->params};
    if (!mw_session_open(&s, k, &o) && !mw_script_run(k->c, s.script, k->args[0], NULL, 0))
        mw_session_deliver(&s, NULL, 0);
    if (k->profile && !mw_err(k->c))
        print_times(&s);
    mw_session_close(&s);
    return mw_err(k->c);
}

const mw_verb mw_verb_run = {
    "run",
    "graph.lua",
    1,
    1,
    MW_OPT_PARAM | MW_OPT_OUT | MW_OPT_DEVICE | MW_OPT_RUN | MW_OPT_TRUST | MW_OPT_JSON,
    "make a graph's outputs; print each one's name and path",
    run,
};
