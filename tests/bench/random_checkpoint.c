// random_checkpoint.c: writes a diffusers folder of the true size of SD 1.5, 2.1 or SDXL, or one of Segment
// Anything's ViT-B, with random weights, to measure with where no real one is at hand.
//
// random_checkpoint FAMILY FOLDER [SEED]; FAMILY: sam, or sd1, sd2, sd2_v, sdxl, ... (a folder of
// models/families). Weights are f16. They are scaled so that activations stay near 1: normal with deviation
// 1/sqrt(inputs), less on the way back into a residual stream.
#include "core/base/file.h"
#include "core/base/half.h"
#include "core/base/paths.h"
#include "core/base/pathname.h"
#include "core/base/rng.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/sam/sam.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    char *from, *to; // folders: the family's settings, the checkpoint
    mw_torch_rng rng;
    float *values; // of one tensor
    uint16_t *halves;
    size_t room;
} job;

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

// Mean and deviation of a weight's values, from its name and shape.
static void statistics(const mw_st_out *t, double *mean, double *deviation)
{
    static const char *const into_stream[] = {"conv2.weight",     "to_out.0.weight", "ff.net.2.weight",
                                              "proj_out.weight",  "out_proj.weight", "fc2.weight",
                                              "attn.proj.weight", "mlp.lin2.weight", NULL};
    *mean = 0;
    *deviation = 0.02; // biases, tables
    if (t->ndim == 1) {
        *mean = ends_with(t->name, ".weight") ? 1 : 0; // of a norm
        return;
    }
    if (strstr(t->name, "_embedding.weight"))
        return;
    double inputs = 1;
    for (int i = 1; i < t->ndim; i++)
        inputs *= (double)t->shape[i];
    *deviation = 1 / sqrt(inputs);
    for (int i = 0; into_stream[i]; i++)
        if (ends_with(t->name, into_stream[i]))
            *deviation *= 0.3;
}

static const void *make(mw_ctx *c, void *user, const mw_st_out *t)
{
    job *j = user;
    double mean, deviation;
    size_t n = 1;
    for (int i = 0; i < t->ndim; i++)
        n *= (size_t)t->shape[i];
    if (n > j->room) {
        free(j->values);
        free(j->halves);
        j->values = mw_alloc(c, n * sizeof *j->values);
        j->halves = mw_alloc(c, n * sizeof *j->halves);
        j->room = n;
    }
    if (mw_err(c) != MW_OK)
        return NULL;
    statistics(t, &mean, &deviation);
    mw_torch_randn(&j->rng, j->values, n);
    for (size_t i = 0; i < n; i++)
        j->halves[i] = mw_float_to_half((float)(mean + deviation * (double)j->values[i]));
    return j->halves;
}

// Every weight that the network asks for, into `file`. prefix: in front of the names of text encoders.
// convolved: the projections around transformers are stored as 1x1 convolutions, as in SD 1.
static void write_weights(mw_ctx *c, job *j, const mw_weights *w, const char *file, const char *prefix,
                          bool convolved)
{
    size_t n = 0;
    const char *name;
    int ndim;
    int64_t shape[4];
    while (mw_weights_at(w, n, &name, &ndim, shape))
        n++;
    mw_st_out *out = mw_alloc(c, n * sizeof *out);
    int64_t(*shapes)[4] = mw_alloc(c, n * sizeof *shapes);
    for (size_t i = 0; mw_err(c) == MW_OK && i < n; i++) {
        mw_weights_at(w, i, &name, &ndim, shapes[i]);
        if (convolved && (ends_with(name, ".proj_in.weight") || ends_with(name, ".proj_out.weight")))
            while (ndim < 4)
                shapes[i][ndim++] = 1;
        const char *front = strncmp(name, "text_projection", 15) == 0 ? "" : prefix;
        out[i] = (mw_st_out){mw_format(c, "%s%s", front, name), MW_ST_F16, ndim, shapes[i], NULL};
    }
    if (mw_err(c) == MW_OK)
        mw_st_write_made(c, file, out, n, (const char *const[]){"format", "pt", NULL}, make, j);
    for (size_t i = 0; out && i < n; i++)
        free((char *)out[i].name);
    free(out);
    free(shapes);
    if (mw_err(c) == MW_OK)
        printf("%s: %lld parameters\n", file, (long long)mw_weights_count(w));
}

// Copies <from>/<name> to <to>/<name>.
static void copy(mw_ctx *c, const char *from, const char *to, const char *name)
{
    size_t size = 0;
    char *source = mw_path_join(c, from, name), *target = source ? mw_path_join(c, to, name) : NULL;
    char *text = target ? mw_file_read(c, source, (size_t)16 << 20, &size) : NULL;
    char *folder = text ? mw_path_folder(c, target) : NULL;
    if (folder && mw_make_dirs(c, folder) == MW_OK)
        mw_file_write(c, target, text, size);
    free(folder);
    free(text);
    free(target);
    free(source);
}

// The network's weights after its dry run.
static mw_weights *ask(mw_ctx *c, const char *part, const json_t *json, const char *path)
{
    mw_weights *w = mw_weights_new(c, (mw_weight_source){.path = "random weights"}, part, MW_F16);
    if (strcmp(part, "unet") == 0) {
        mw_unet_model m = {.weights = w};
        if (mw_unet_config_read(c, json, path, &m.config) == MW_OK)
            mw_unet_load(c, &m);
    } else if (strcmp(part, "vae") == 0) {
        mw_vae_model m = {.weights = w};
        if (mw_vae_config_read(c, json, path, &m.config) == MW_OK)
            mw_vae_load(c, &m);
    } else {
        mw_clip_text m = {.weights = w};
        if (mw_clip_text_config_read(c, json, path, &m.config) == MW_OK)
            mw_clip_text_load(c, &m);
    }
    return w;
}

static void write_part(mw_ctx *c, job *j, const char *part)
{
    bool text = strncmp(part, "text_encoder", 12) == 0;
    char *relative = mw_format(c, "%s/config.json", part),
         *path = relative ? mw_path_join(c, j->from, relative) : NULL;
    char *file =
        mw_format(c, "%s/%s/%s.safetensors", j->to, part, text ? "model" : "diffusion_pytorch_model");
    json_t *json = path ? mw_json_load(c, path) : NULL;
    if (json && mw_err(c) == MW_OK) {
        copy(c, j->from, j->to, relative);
        mw_weights *w = ask(c, part, json, path);
        if (mw_err(c) == MW_OK)
            write_weights(c, j, w, file, text ? "text_model." : "",
                          strcmp(part, "unet") == 0 &&
                              !json_is_true(json_object_get(json, "use_linear_projection")));
        mw_weights_free(w);
    }
    json_decref(json);
    free(file);
    free(path);
    free(relative);
}

// OpenCLIP's towers take texts padded by "!".
static void write_tokenizer(mw_ctx *c, job *j, const char *part, bool openclip)
{
    char *vocabulary = mw_share_path(c, "models/clip_vocab"), *folder = mw_path_join(c, j->to, part);
    if (folder && mw_make_dirs(c, folder) == MW_OK) {
        copy(c, vocabulary, folder, "vocab.json");
        copy(c, vocabulary, folder, "merges.txt");
    }
    static const char padding[] = "{\"pad_token\": \"!\"}\n";
    char *map = openclip && folder ? mw_path_join(c, folder, "special_tokens_map.json") : NULL;
    if (map)
        mw_file_write(c, map, padding, sizeof padding - 1);
    free(map);
    free(folder);
    free(vocabulary);
}

static bool has(mw_ctx *c, const job *j, const char *part)
{
    char *path = mw_path_join(c, j->from, part);
    bool there = path && mw_path_is_folder(path);
    free(path);
    return there;
}

// Segment Anything in the size that its config says nothing of: ViT-B.
static void write_sam(mw_ctx *c, job *j)
{
    static const char config[] = "{\"architectures\": [\"SamModel\"], \"model_type\": \"sam\"}\n";
    char *path = mw_path_join(c, j->to, "config.json"), *file = mw_path_join(c, j->to, "model.safetensors");
    mw_sam_model m = {.weights =
                          mw_weights_new(c, (mw_weight_source){.path = "random weights"}, "sam", MW_F16)};
    if (path && file && mw_make_dirs(c, j->to) == MW_OK)
        mw_file_write(c, path, config, sizeof config - 1);
    json_t *json = mw_err(c) == MW_OK ? mw_json_load(c, path) : NULL;
    if (json && mw_sam_config_read(c, json, path, &m.config) == MW_OK && mw_sam_load(c, &m) == MW_OK)
        write_weights(c, j, m.weights, file, "", false);
    json_decref(json);
    mw_weights_free(m.weights);
    free(path);
    free(file);
}

static void write_pipeline(mw_ctx *c, job *j, const char *family)
{
    char *relative = mw_format(c, "models/families/%s", family);
    j->from = relative ? mw_share_path(c, relative) : NULL;
    free(relative);
    copy(c, j->from, j->to, "model_index.json");
    copy(c, j->from, j->to, "scheduler/scheduler_config.json");
    for (int i = 0; i < 2 && has(c, j, i ? "text_encoder_2" : "text_encoder"); i++) {
        write_part(c, j, i ? "text_encoder_2" : "text_encoder");
        write_tokenizer(c, j, i ? "tokenizer_2" : "tokenizer", i || strncmp(family, "sd2", 3) == 0);
    }
    write_part(c, j, "vae");
    write_part(c, j, "unet");
}

int main(int argc, char **argv)
{
    mw_ctx *c = mw_ctx_new();
    if (!c || argc < 3 || argc > 4) {
        fprintf(stderr, "usage: random_checkpoint sd1|sd2|sd2_v|sdxl|sam FOLDER [SEED]\n");
        mw_ctx_free(c);
        return 2;
    }
    job j = {.to = argv[2]};
    mw_torch_rng_seed(&j.rng, argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    if (strcmp(argv[1], "sam") == 0)
        write_sam(c, &j);
    else
        write_pipeline(c, &j, argv[1]);
    if (mw_err(c))
        fprintf(stderr, "%s\n", mw_errmsg(c));
    int status = mw_status_exit_code(mw_err(c));
    free(j.values);
    free(j.halves);
    free(j.from);
    mw_ctx_free(c);
    return status;
}
