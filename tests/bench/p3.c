// p3.c: our side of p3.py: the gradient, with respect to the latents, of a loss over cross-attention maps.
//
// p3 MODEL f32|f16 LATENT_SIDE; latents.bin [1,4,side,side] and text.bin [1,77,d] (f32) are in the working
// folder. The loss is the sum over the guided layers (middle, first attending up block) of cos(0.1 i) * map,
// i counting the elements of each map. Commands on standard input, each answered by one line: `step` (seconds
// of one forward and backward pass), `save` (the last gradient to ours.bin), `peak` (bytes resident at most).
#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "core/tensor/tape.h"
#include "nodes/nets/checkpoint.h"
#include "tests/bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAPS = 64 };

typedef struct guided {
    mw_tensor *maps[MAPS], *weights[MAPS];
    int n;
    bool made; // the weights are made in the first pass
} guided;

static bool want_map(void *user, const char *path)
{
    (void)user;
    return strncmp(path, "mid_block.", 10) == 0 || strncmp(path, "up_blocks.1.", 12) == 0;
}

static void take_map(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    (void)path;
    guided *g = user;
    size_t n = (size_t)mw_numel(probs);
    if (!g->made && g->n < MAPS) {
        float *w = malloc(n * sizeof *w);
        for (size_t i = 0; w && i < n; i++)
            w[i] = (float)cos(0.1 * (double)i);
        if (w)
            g->weights[g->n] = mw_retain(mw_tensor_from_f32(c, MW_F32, probs->ndim, probs->shape, w));
        free(w);
    }
    g->maps[g->n++] = mw_retain(probs);
}

static mw_tensor *pass(mw_ctx *c, const mw_unet_model *m, mw_tensor *latents, mw_tensor *text, guided *g)
{
    mw_unet_taps taps = {.user = g, .want_map = want_map, .map = take_map};
    double t = 500;
    mw_unet_in in = {.latents = latents, .t = &t, .text = text, .taps = &taps, .maps_only = true};
    mw_tensor *grad = NULL;
    g->n = 0;
    if (mw_tape_begin(c, getenv("P3_RECOMPUTE") != NULL) != MW_OK)
        return NULL;
    mw_watch(c, latents);
    mw_unet_forward(c, m, &in);
    g->made = true;
    mw_backward(c, g->n, g->maps, g->weights, 1, &latents, &grad);
    mw_tape_end(c);
    for (int i = 0; i < g->n; i++)
        mw_release(g->maps[i]);
    return grad;
}

static void serve(mw_ctx *c, const mw_unet_model *m, int64_t side)
{
    mw_tensor *latents = bench_tensor(c, "latents.bin", MW_SHAPE(1, 4, side, side));
    mw_tensor *text = bench_tensor(c, "text.bin", MW_SHAPE(1, 77, m->config.context)), *last = NULL;
    guided g = {.n = 0};
    char line[32];
    bench_answer("ready\n");
    while (!mw_err(c) && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "step", 4) == 0) {
            double start = bench_now();
            mw_release(last);
            mw_scope_begin(c);
            last = mw_retain(pass(c, m, latents, text, &g));
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
    for (int i = 0; i < MAPS; i++)
        mw_release(g.weights[i]);
}

int main(int argc, char **argv) { return bench_main(argc, argv, serve); }
