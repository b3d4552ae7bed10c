// calls.c: our side of p2.py, p3.py and p4.py: calls of a checkpoint's networks, one at a time.
//
// calls MODEL f32|f16 LATENT_SIDE; latents.bin [1,4,side,side] and text.bin [2,77,d] (f32) are in the working
// folder: a negative prompt's, then the prompt's. Commands on standard input, each answered by one line; the
// calls with their seconds:
//   step      a guided step's prediction: the UNet on both
//   captured  the same behind the prompt's maps of the guided layers and of the layer that masks come from
//   guide     the gradient, with respect to the latents, of the sum over the guided layers of
//             cos(0.1 i) * map, i counting the elements of each map
//   decode    the picture of the latents, before it is clamped
//   save      the last call's results to ours.bin, one behind the other
//   peak      bytes: the most that was resident, the most the pool held
// P3_RECOMPUTE=1: the gradient recomputes activations. BENCH_PROFILE=1: at the end, the time of each kernel.
#include "core/ops.h"
#include "core/tensor/tape.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/guidance/guidance.h"
#include "tests/bench/bench.h"

#include <math.h>
#include <stdarg.h>
#include <sys/resource.h>

enum { MOST = 64 };

typedef struct bench {
    mw_ctx *c;
    mw_checkpoint *model;
    mw_tensor *latents;
    mw_tensor *text, *context; // of both prompts; of the second alone
    mw_guided_layer layer[MOST];
    int guided, wanted; // layers: the first `guided`, then the mask's; how many of them this call wants
    mw_tensor *weight[MOST];
    mw_tensor *result[MOST + 1]; // of the last call; a share each
    int results;
} bench;

__attribute__((format(printf, 1, 2))) static void answer(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
}

// ---- calls

static void give(bench *b, mw_tensor *t)
{
    if (t && b->results <= MOST)
        b->result[b->results++] = mw_retain(t);
}

static void drop_results(bench *b)
{
    while (b->results > 0)
        mw_release(b->result[--b->results]);
}

static bool want_map(void *user, const char *path)
{
    const bench *b = user;
    for (int i = 0; i < b->wanted; i++)
        if (strcmp(b->layer[i].path, path) == 0)
            return true;
    return false;
}

static void take_map(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    (void)c, (void)path;
    give(user, probs);
}

// The UNet's prediction for both; with maps, behind those of the prompt.
static void predict(bench *b, bool maps)
{
    mw_unet_taps taps = {.user = b, .want_map = want_map, .map = take_map, .first = 1};
    double t = 500;
    mw_unet_in in = {.latents = b->latents, .t = &t, .text = b->text, .taps = maps ? &taps : NULL};
    b->wanted = b->guided + 1;
    give(b, mw_unet_forward(b->c, &b->model->unet->model, &in));
}

static void step(bench *b) { predict(b, false); }
static void captured(bench *b) { predict(b, true); }

static mw_tensor *cosines(mw_ctx *c, const mw_tensor *like)
{
    size_t n = (size_t)mw_numel(like);
    float *w = mw_alloc(c, n * sizeof *w);
    for (size_t i = 0; w && i < n; i++)
        w[i] = (float)cos(0.1 * (double)i);
    mw_tensor *t = w ? mw_tensor_from_f32(c, MW_F32, like->ndim, like->shape, w) : NULL;
    free(w);
    return t;
}

static void guide(bench *b)
{
    mw_unet_taps taps = {.user = b, .want_map = want_map, .map = take_map};
    double t = 500;
    mw_unet_in in = {.latents = b->latents, .t = &t, .text = b->context, .taps = &taps, .maps_only = true};
    mw_tensor *gradient = NULL;
    b->wanted = b->guided;
    if (mw_tape_begin(b->c, getenv("P3_RECOMPUTE") != NULL) != MW_OK)
        return;
    mw_watch(b->c, b->latents);
    mw_unet_forward(b->c, &b->model->unet->model, &in);
    for (int i = 0; i < b->results; i++)
        if (!b->weight[i])
            b->weight[i] = mw_retain(cosines(b->c, b->result[i]));
    mw_backward(b->c, b->results, b->result, b->weight, 1, &b->latents, &gradient);
    mw_tape_end(b->c);
    drop_results(b);
    give(b, gradient);
}

static void decode(bench *b)
{
    const mw_vae_model *m = &b->model->vae->model;
    give(b, mw_vae_decode_plain(b->c, m, mw_vae_unscale(b->c, m, b->latents), NULL));
}

static const struct {
    const char *name;
    void (*call)(bench *b);
} calls[] = {{"step\n", step}, {"captured\n", captured}, {"guide\n", guide}, {"decode\n", decode}};

static void run(bench *b, void (*call)(bench *b))
{
    double start = bench_now();
    drop_results(b);
    mw_scope_begin(b->c);
    call(b);
    mw_scope_end(b->c, NULL);
    mw_device_finish(b->c);
    answer("%.6f\n", bench_now() - start);
}

// ---- other commands

static void save(bench *b)
{
    FILE *f = fopen("ours.bin", "wb");
    for (int i = 0; i < b->results; i++) {
        size_t n = (size_t)mw_numel(b->result[i]);
        float *v = mw_alloc(b->c, n * sizeof *v);
        if (!f || !v || mw_tensor_read_f32(b->c, b->result[i], v) || fwrite(v, sizeof *v, n, f) != n)
            mw_fail(b->c, MW_E_FILE, "ours.bin cannot be written");
        free(v);
    }
    if (f)
        fclose(f);
    answer("saved\n");
}

static void peak(bench *b)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    answer("%ld %llu\n", use.ru_maxrss * 1024, (unsigned long long)mw_device_memory(b->c).peak);
}

static void serve(bench *b)
{
    char line[32];
    answer("ready\n");
    while (!mw_err(b->c) && fgets(line, sizeof line, stdin)) {
        bool done = false;
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            if (strcmp(line, calls[i].name) == 0) {
                run(b, calls[i].call);
                done = true;
            }
        if (!done && strcmp(line, "save\n") == 0)
            save(b);
        else if (!done && strcmp(line, "peak\n") == 0)
            peak(b);
        else if (!done)
            mw_fail(b->c, MW_E_ARG, "there is no command %s", line);
    }
}

static void prepare(bench *b, const char *path, mw_dtype dtype, int side)
{
    mw_ctx *c = b->c;
    mw_checkpoint_options options = {.path = path, .dtype = dtype};
    b->model = mw_checkpoint_open(c, &options);
    if (!b->model)
        return;
    const mw_unet_config *f = &b->model->unet_config;
    b->latents = bench_tensor(c, "latents.bin", MW_SHAPE(1, 4, side, side));
    b->text = bench_tensor(c, "text.bin", MW_SHAPE(2, 77, f->context));
    b->context = mw_contiguous(c, mw_slice(c, b->text, 0, 1, 1));
    b->guided = mw_guided_layers_default(f, side, side, b->layer, MOST - 1);
    if (b->guided >= MOST)
        mw_fail(c, MW_E_ARG, "%d layers are guided; %d are the most", b->guided, MOST - 1);
    else
        mw_mask_layer_default(f, b->layer[b->guided].path);
}

static void print_profile(mw_ctx *c)
{
    mw_kernel_time times[20];
    int n = mw_device_profile(c, times, 20);
    for (int i = 0; i < n; i++)
        fprintf(stderr, "%9.3f s %6llu %s\n", times[i].seconds, (unsigned long long)times[i].launches,
                times[i].name);
}

int main(int argc, char **argv)
{
    static bench b;
    mw_ctx *c = b.c = mw_ctx_new();
    if (argc != 4 || !c)
        return 2;
    mw_scope_begin(c);
    if (mw_device_open(c, NULL, 0, getenv("BENCH_PROFILE") != NULL) == MW_OK)
        prepare(&b, argv[1], strcmp(argv[2], "f16") == 0 ? MW_F16 : MW_F32, atoi(argv[3]));
    if (mw_err(c) == MW_OK)
        serve(&b);
    print_profile(c);
    drop_results(&b);
    for (int i = 0; i < MOST; i++)
        mw_release(b.weight[i]);
    mw_scope_end(c, NULL);
    if (b.model)
        mw_object_release(&b.model->base);
    int status = mw_status_exit_code(mw_err(c));
    if (status)
        fprintf(stderr, "%s\n", mw_errmsg(c));
    mw_device_close(c);
    mw_ctx_free(c);
    return status;
}
