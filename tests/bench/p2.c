// p2.c: our side of p2.py: classifier-free-guidance steps of a checkpoint's UNet.
//
// p2 MODEL f32|f16 LATENT_SIDE; latents.bin [2,4,side,side] and text.bin [2,77,d] (f32) are in the working
// folder. Commands on standard input, each answered by one line: `step` (seconds of one batch of two), `save`
// (the last result to ours.bin), `peak` (bytes: the most that was resident, the most the pool held).
#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "nodes/nets/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static mw_tensor *from_file(mw_ctx *c, const char *path, int ndim, const int64_t *shape)
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

static void save(mw_ctx *c, const mw_tensor *y)
{
    size_t n = (size_t)mw_numel(y);
    float *v = malloc(n * sizeof *v);
    FILE *f = fopen("ours.bin", "wb");
    if (v && f && mw_tensor_read_f32(c, y, v) == MW_OK)
        fwrite(v, sizeof *v, n, f);
    if (f)
        fclose(f);
    free(v);
    puts("saved");
}

static void peak(mw_ctx *c)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%ld %llu\n", use.ru_maxrss * 1024, (unsigned long long)mw_device_memory(c).peak);
}

static void serve(mw_ctx *c, const mw_unet_model *m, int64_t side)
{
    mw_tensor *latents = from_file(c, "latents.bin", MW_SHAPE(2, 4, side, side));
    mw_tensor *text = from_file(c, "text.bin", MW_SHAPE(2, 77, m->config.context));
    double t[2] = {500, 500};
    mw_unet_in in = {.latents = latents, .t = t, .text = text};
    mw_tensor *last = NULL;
    puts("ready");
    fflush(stdout);
    char line[32];
    while (!mw_err(c) && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "step", 4) == 0) {
            double start = now();
            mw_release(last);
            mw_scope_begin(c);
            last = mw_retain(mw_unet_forward(c, m, &in));
            mw_scope_end(c, NULL);
            mw_device_finish(c);
            printf("%.6f\n", now() - start);
        } else if (strncmp(line, "save", 4) == 0) {
            save(c, last);
        } else {
            peak(c);
        }
        fflush(stdout);
    }
    mw_release(last);
}

int main(int argc, char **argv)
{
    mw_ctx *c = mw_ctx_new();
    if (argc != 4 || !c)
        return 2;
    mw_checkpoint_options options = {.path = argv[1], .dtype = strcmp(argv[2], "f16") == 0 ? MW_F16 : MW_F32};
    mw_checkpoint *model = NULL;
    mw_scope_begin(c);
    if (mw_device_open(c, NULL, 0, getenv("P2_PROFILE") != NULL) == MW_OK)
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
