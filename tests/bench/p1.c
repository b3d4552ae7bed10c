// p1.c: our side of p1.py: runs one op again and again when told to, on operands from files.
//
// Commands on standard input, one line each; every one is answered by one line:
//   linear M K N | matmul M K N | conv2d B H W I O K | attention B T S H D | group_norm B H W C GROUPS
//             read x.bin and w.bin (f32, row-major) from the working folder; w.bin of attention: k, then v;
//             of group_norm: gamma, which serves as beta too
//
//   time N    seconds for each of N runs
//
//   save      the result to y.bin
#include "core/ops.h"
#include "tests/bench/bench.h"

#include <math.h>

static mw_tensor *x, *w, *v, *y;
static char op[16];
static int64_t n[6];

static void load(mw_ctx *c)
{
    if (strcmp(op, "conv2d") == 0) {
        x = bench_tensor(c, "x.bin", MW_SHAPE(n[0], n[1], n[2], n[3]));
        w = mw_prepare_conv2d(c, bench_tensor(c, "w.bin", MW_SHAPE(n[4], n[3], n[5], n[5])));
    } else if (strcmp(op, "attention") == 0) {
        x = bench_tensor(c, "x.bin", MW_SHAPE(n[0], n[1], n[3] * n[4]));
        mw_tensor *both = bench_tensor(c, "w.bin", MW_SHAPE(2, n[0], n[2], n[3] * n[4]));
        w = mw_reshape(c, mw_slice(c, both, 0, 0, 1), MW_SHAPE(n[0], n[2], -1));
        v = mw_reshape(c, mw_slice(c, both, 0, 1, 1), MW_SHAPE(n[0], n[2], -1));
    } else if (strcmp(op, "group_norm") == 0) {
        x = bench_tensor(c, "x.bin", MW_SHAPE(n[0], n[1], n[2], n[3]));
        w = bench_tensor(c, "w.bin", MW_SHAPE(n[3]));
    } else {
        bool linear = strcmp(op, "linear") == 0;
        x = bench_tensor(c, "x.bin", MW_SHAPE(n[0], n[1]));
        w = linear ? mw_prepare_linear(c, bench_tensor(c, "w.bin", MW_SHAPE(n[2], n[1])))
                   : bench_tensor(c, "w.bin", MW_SHAPE(n[1], n[2]));
    }
}

static mw_tensor *apply(mw_ctx *c)
{
    if (strcmp(op, "conv2d") == 0)
        return mw_conv2d(c, x, w, NULL, 1, (int)n[5] / 2, (int)n[5] / 2, NULL);
    if (strcmp(op, "attention") == 0)
        return mw_attention(c, x, w, v, (int)n[3], 1 / sqrt((double)n[4]), false, NULL);
    if (strcmp(op, "group_norm") == 0)
        return mw_group_norm(c, x, w, w, (int)n[4], 1e-5, MW_ACT_SILU);
    if (strcmp(op, "linear") == 0)
        return mw_linear(c, x, w, NULL, MW_ACT_NONE, NULL);
    return mw_matmul(c, x, w, 1);
}

static void run(mw_ctx *c, int times)
{
    double start = bench_now();
    for (int i = 0; i < times; i++) {
        mw_scope_begin(c);
        apply(c);
        mw_scope_end(c, NULL);
    }
    mw_device_finish(c);
    printf("%.9f\n", (bench_now() - start) / times);
}

static void save(mw_ctx *c)
{
    mw_scope_begin(c);
    y = apply(c);
    size_t total = (size_t)mw_numel(y);
    float *values = malloc(total * sizeof *values + 1);
    FILE *f = fopen("y.bin", "wb");
    if (!values || !f || mw_tensor_read_f32(c, y, values) ||
        fwrite(values, sizeof *values, total, f) != total)
        mw_fail(c, MW_E_FILE, "y.bin cannot be written");
    if (f)
        fclose(f);
    free(values);
    mw_scope_end(c, NULL);
    puts("saved");
}

int main(void)
{
    mw_ctx *c = mw_ctx_new();
    char line[128];
    mw_device_open(c, NULL, 0, false);
    mw_scope_begin(c);
    while (!mw_err(c) && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "time ", 5) == 0) {
            run(c, atoi(line + 5));
        } else if (strcmp(line, "save\n") == 0) {
            save(c);
        } else {
            long long size[6] = {0};
            sscanf(line, "%15s %lld %lld %lld %lld %lld %lld", op, &size[0], &size[1], &size[2], &size[3],
                   &size[4], &size[5]);
            for (int i = 0; i < 6; i++)
                n[i] = size[i];
            mw_scope_end(c, NULL);
            mw_scope_begin(c);
            load(c);
            puts("loaded");
        }
        fflush(stdout);
    }
    if (mw_err(c))
        fprintf(stderr, "%s\n", mw_errmsg(c));
    mw_scope_end(c, NULL);
    int status = mw_status_exit_code(mw_err(c));
    mw_device_close(c);
    mw_ctx_free(c);
    return status;
}
