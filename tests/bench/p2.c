// p2.c: our side of p2.py: classifier-free-guidance steps of a checkpoint's UNet.
//
// p2 MODEL f32|f16 LATENT_SIDE; latents.bin [2,4,side,side] and text.bin [2,77,d] (f32) are in the working
// folder. Commands on standard input, each answered by one line: `step` (seconds of one batch of two), `save`
// (the last result to ours.bin), `peak` (bytes: the most that was resident, the most the pool held).
#include "tests/bench/bench.h"

static void serve(mw_ctx *c, const mw_unet_model *m, int64_t side)
{
    mw_tensor *latents = bench_tensor(c, "latents.bin", MW_SHAPE(2, 4, side, side));
    mw_tensor *text = bench_tensor(c, "text.bin", MW_SHAPE(2, 77, m->config.context));
    double t[2] = {500, 500};
    mw_unet_in in = {.latents = latents, .t = t, .text = text};
    mw_tensor *last = NULL;
    char line[32];
    bench_answer("ready\n");
    while (!mw_err(c) && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "step", 4) == 0) {
            double start = bench_now();
            mw_release(last);
            mw_scope_begin(c);
            last = mw_retain(mw_unet_forward(c, m, &in));
            mw_scope_end(c, NULL);
            mw_device_finish(c);
            bench_answer("%.6f\n", bench_now() - start);
        } else if (strncmp(line, "save", 4) == 0) {
            bench_save(c, last, "ours.bin");
        } else {
            bench_peak(c);
        }
    }
    mw_release(last);
}

int main(int argc, char **argv) { return bench_main(argc, argv, serve); }
