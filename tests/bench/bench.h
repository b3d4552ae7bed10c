// bench.h: what p2.c and p3.c share: a program that opens a checkpoint and answers commands of a Python
// script.
#ifndef MW_BENCH_H
#define MW_BENCH_H

#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "nodes/nets/checkpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

__attribute__((format(printf, 1, 2))) static inline void bench_answer(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
}

// A tensor from a file of f32.
static inline mw_tensor *bench_tensor(mw_ctx *c, const char *path, int ndim, const int64_t *shape)
{
    size_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= (size_t)shape[i];
    float *v = malloc(n * sizeof *v);
    FILE *f = fopen(path, "rb");
    mw_tensor *t = NULL;
    if (v && f && fread(v, sizeof *v, n, f) == n)
        t = mw_tensor_from_f32(c, MW_F32, ndim, shape, v);
    else
        mw_fail(c, MW_E_FILE, "%s: %zu values cannot be read", path, n);
    if (f)
        fclose(f);
    free(v);
    return t;
}

static inline void bench_save(mw_ctx *c, const mw_tensor *y, const char *path)
{
    size_t n = (size_t)mw_numel(y);
    float *v = malloc(n * sizeof *v);
    FILE *f = fopen(path, "wb");
    if (v && f && mw_tensor_read_f32(c, y, v) == MW_OK)
        fwrite(v, sizeof *v, n, f);
    if (f)
        fclose(f);
    free(v);
    bench_answer("saved\n");
}

// Bytes: the most that was resident, the most the pool held.
static inline void bench_peak(mw_ctx *c)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    bench_answer("%ld %llu\n", use.ru_maxrss * 1024, (unsigned long long)mw_device_memory(c).peak);
}

// PROGRAM MODEL f32|f16 LATENT_SIDE: serve() until standard input ends. BENCH_PROFILE=1: then the time of
// each kernel.
static inline int bench_main(int argc, char **argv,
                             void (*serve)(mw_ctx *c, const mw_unet_model *m, int64_t side))
{
    mw_ctx *c = mw_ctx_new();
    if (argc != 4 || !c)
        return 2;
    mw_checkpoint_options options = {.path = argv[1], .dtype = strcmp(argv[2], "f16") == 0 ? MW_F16 : MW_F32};
    mw_checkpoint *model = NULL;
    mw_scope_begin(c);
    if (mw_device_open(c, NULL, 0, getenv("BENCH_PROFILE") != NULL) == MW_OK)
        model = mw_checkpoint_open(c, &options);
    if (model)
        serve(c, &model->unet->model, strtol(argv[3], NULL, 10));
    mw_kernel_time times[20];
    int n = mw_device_profile(c, times, 20);
    for (int i = 0; i < n; i++)
        fprintf(stderr, "%9.3f s %6llu %s\n", times[i].seconds, (unsigned long long)times[i].launches,
                times[i].name);
    mw_scope_end(c, NULL);
    if (model)
        mw_object_release(&model->base);
    int status = mw_err(c) ? 1 : 0;
    if (status)
        fprintf(stderr, "%s\n", mw_errmsg(c));
    mw_device_close(c);
    mw_ctx_free(c);
    return status;
}

#endif
