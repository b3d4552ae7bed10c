// family_lmd_run.c: whole runs of layout guided drawing, by the bundled composites: lmd_run.lua wires them,
// here the case becomes a table of that script, and its outputs the case's tensors.
#include "tests/golden_runner/golden.h"

#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/lua/script.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- the case as Lua

static void write_literal(FILE *f, const json_t *v)
{
    size_t i;
    const char *key;
    json_t *e;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        fputs("{", f);
        json_object_foreach((json_t *)v, key, e)
        {
            fprintf(f, "[ [==[%s]==] ]=", key);
            write_literal(f, e);
            fputs(",", f);
        }
        fputs("}", f);
        break;
    case JSON_ARRAY:
        fputs("{", f);
        json_array_foreach(v, i, e)
        {
            write_literal(f, e);
            fputs(",", f);
        }
        fputs("}", f);
        break;
    case JSON_STRING: fprintf(f, "[==[%s]==]", json_string_value(v)); break;
    case JSON_INTEGER:
    case JSON_REAL: fprintf(f, "%.17g", json_number_value(v)); break;
    default: fputs(json_is_true(v) ? "true" : json_is_false(v) ? "false" : "nil", f);
    }
}

// An input of the case as nested tables, such as mw.tensor takes.
static json_t *nested(const float **v, const int64_t *shape, int ndim)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < *shape; i++)
        json_array_append_new(list, ndim > 1 ? nested(v, shape + 1, ndim - 1) : json_real((double)*(*v)++));
    return list;
}

// A diffusers folder of links to the parts that the case names; returns its path.
static char *model_folder(mw_ctx *c, golden_case *k)
{
    static const char index[] =
        "{\"_class_name\": \"StableDiffusionPipeline\", \"unet\": [\"diffusers\", \"UNet2DConditionModel\"], "
        "\"vae\": [\"diffusers\", \"AutoencoderKL\"], \"text_encoder\": [\"transformers\", "
        "\"CLIPTextModel\"], "
        "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], \"scheduler\": [\"diffusers\", "
        "\"DDIMScheduler\"]}";
    static const char *const parts[] = {"unet", "vae", "text_encoder", "scheduler", "tokenizer"};
    char folder[] = "/tmp/moonweave_golden_XXXXXX", real[PATH_MAX];
    char *made = mkdtemp(folder) ? mw_strdup(c, folder) : NULL;
    for (size_t i = 0; made && i < sizeof parts / sizeof *parts && mw_err(c) == MW_OK; i++) {
        const char *from = golden_model(c, k, parts[i]);
        char *link = mw_format(c, "%s/%s", made, parts[i]);
        char *bundled =
            mw_share_path(c, "models/clip_vocab"); // what a clone without the tokenizer's cases has
        bool found = from && realpath(from, real);
        if (!found && bundled && strcmp(parts[i], "tokenizer") == 0)
            found = realpath(bundled, real);
        free(bundled);
        if (link && (!found || symlink(real, link)))
            mw_fail(c, MW_E_FILE, "%s: the model's %s is not at %s", k->name, parts[i], from);
        free(link);
    }
    char *path = made ? mw_format(c, "%s/model_index.json", made) : NULL;
    if (path)
        mw_file_write(c, path, index, sizeof index - 1);
    free(path);
    return made;
}

static void remove_folder(char *folder)
{
    static const char *const names[] = {"unet",      "vae",       "text_encoder",
                                        "scheduler", "tokenizer", "model_index.json"};
    char path[PATH_MAX];
    for (size_t i = 0; folder && i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    if (folder)
        rmdir(folder);
    free(folder);
}

// Inputs that the script takes as tables; others it makes itself.
static bool is_for_script(const char *name)
{
    static const char *const names[] = {"latents", "latents_all_in", "frozen_mask", "phrase_embedding"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

// A module that returns the case's parameters, and beside them op, model, dtype and latents; free() it.
static char *case_module(mw_ctx *c, golden_case *k, const char *folder)
{
    json_t *all = json_deep_copy(k->params);
    char *text = NULL;
    size_t size = 0;
    json_object_set_new(all, "op", json_string(k->op));
    json_object_set_new(all, "model", json_string(folder));
    json_object_set_new(all, "dtype", json_string(mw_dtype_name(k->dtype)));
    for (size_t i = 0; k->inputs && i < mw_st_count(k->inputs); i++) {
        const mw_st_entry *e = mw_st_at(k->inputs, i);
        const float *v = is_for_script(e->name) ? golden_input_f32(c, k, e->name) : NULL;
        if (v)
            json_object_set_new(all, e->name, nested(&v, e->shape, e->ndim));
    }
    FILE *f = open_memstream(&text, &size);
    if (f) {
        fputs("return ", f);
        write_literal(f, all);
        fclose(f);
    }
    json_decref(all);
    return text;
}

// ---- outputs

// Values of an output, one after the other.
typedef struct {
    double *v;
    int64_t n;
    int64_t shape[8];  // of one part
    int ndim, parts;   // parts: of a list, else 0
    const char *layer; // which of a map's entries counts
} series;

static void append(mw_ctx *c, series *s, const double *v, int64_t n)
{
    double *more = mw_realloc(c, s->v, (size_t)(s->n + n + 1) * sizeof *more);
    if (!more)
        return;
    s->v = more;
    for (int64_t i = 0; i < n; i++)
        s->v[s->n + i] = v[i];
    s->n += n;
}

static void append_value(mw_ctx *c, series *s, const mw_value *v)
{
    const mw_tensor *t = mw_value_as_tensor(v);
    double x = mw_value_as_number(v);
    for (size_t i = 0; mw_value_kind(v) == MW_LIST && i < mw_value_count(v); i++)
        append_value(c, s, mw_value_at(v, i));
    if (mw_value_kind(v) == MW_MAP && s->layer)
        append_value(c, s, mw_value_get(v, s->layer));
    if (mw_value_kind(v) == MW_NUMBER)
        append(c, s, &x, 1);
    if (!t)
        return;
    int64_t n = mw_numel(t);
    float *f = mw_alloc(c, (size_t)(n + 1) * sizeof *f);
    double *d = mw_alloc(c, (size_t)(n + 1) * sizeof *d);
    if (f && d && mw_tensor_read_f32(c, t, f) == MW_OK) {
        for (int64_t i = 0; i < n; i++)
            d[i] = (double)f[i];
        append(c, s, d, n);
        s->ndim = t->ndim;
        memcpy(s->shape, t->shape, sizeof t->shape);
    }
    free(f);
    free(d);
}

// Maps [1,heads,cells,1] of the steps: their mean, and that smoothed.
static void give_token_attention(mw_ctx *c, golden_case *k, const char *name, const series *s)
{
    int64_t cells = s->shape[2], heads = s->shape[1] * s->parts;
    int side = 1;
    while ((int64_t)side * side < cells)
        side++;
    double *mean = mw_alloc(c, (size_t)cells * sizeof *mean),
           *smooth = mw_alloc(c, (size_t)cells * sizeof *smooth);
    int64_t shape[2] = {side, side};
    for (int64_t i = 0; mean && i < heads * cells; i++)
        mean[i % cells] += s->v[i] / (double)heads;
    double sigma = json_number_value(json_object_get(k->params, "gaussian_sigma"));
    if (mean && smooth && mw_map_smooth(c, mean, side, side, sigma, smooth) == MW_OK) {
        golden_give_f64(c, k, name, 2, shape, mean);
        if (strcmp(name, "token_attn") == 0)
            golden_give_f64(c, k, "token_attn_smooth", 2, shape, smooth);
    }
    free(mean);
    free(smooth);
}

static void give(mw_ctx *c, golden_case *k, const char *name, series *s)
{
    int64_t shape[9] = {s->parts};
    if (strncmp(name, "token_attn", 10) == 0) {
        give_token_attention(c, k, name, s);
        return;
    }
    if (s->ndim == 0) { // numbers
        golden_give_f64(c, k, name, 1, &s->n, s->v);
        return;
    }
    if (strcmp(name, "image") == 0)
        for (int64_t i = 0; i < s->n; i++)
            s->v[i] = nearbyint(s->v[i] * 255);
    const json_t *scale = json_object_get(k->params, "amp_loss_scale");
    if (strcmp(name, "grad_first") == 0) // the reference's is of the scaled energy
        for (int64_t i = 0; i < s->n; i++)
            s->v[i] *= json_number_value(scale ? scale : json_object_get(k->params, "loss_scale"));
    // Of one picture, or of the parts as pictures: without a dimension for pictures of its own.
    bool bare = strcmp(name, "image") == 0 || strncmp(name, "eps_", 4) == 0 || strcmp(name, "objs") == 0;
    int ndim = s->parts > 0;
    for (int i = bare && s->shape[0] == 1; i < s->ndim; i++)
        shape[ndim++] = s->shape[i];
    golden_give_f64(c, k, name, ndim, shape, s->v);
}

static void collect(mw_ctx *c, mw_exec *x, const mw_output *o, series *s)
{
    if (!mw_link_inside(o->value)) {
        append_value(c, s, o->value);
        return;
    }
    s->parts = (int)mw_value_count(o->value);
    for (int i = 0; i < (s->parts ? s->parts : 1) && mw_err(c) == MW_OK; i++) {
        const mw_link *l = mw_link_of(s->parts ? mw_value_at(o->value, (size_t)i) : o->value);
        if (!l || mw_exec_run(c, x, &l->node, 1) != MW_OK)
            continue;
        append_value(c, s, mw_exec_result(x, l->node, l->out == MW_WHOLE ? 0 : l->out));
        mw_exec_let_go(x, l->node);
    }
}

// Outputs are named as the tensors, with a bar for each stroke.
static void give_outputs(mw_ctx *c, golden_case *k, mw_exec *x, const mw_script *script)
{
    int n;
    const mw_output *o = mw_script_outputs(script, &n);
    for (int i = 0; i < n && mw_err(c) == MW_OK; i++) {
        series s = {.layer = json_string_value(json_object_get(k->params, "object_attn_key"))};
        char *name = mw_strdup(c, o[i].name);
        for (char *bar = name; bar && (bar = strchr(bar, '|'));)
            *bar = '/';
        if (name && strncmp(name, "saved/", 6) == 0)
            s.layer = name + 6;
        if (name && (golden_wants(k, name) || strcmp(name, "token_attn") == 0))
            collect(c, x, &o[i], &s);
        if (mw_err(c) == MW_OK && s.n)
            give(c, k, name, &s);
        free(s.v);
        free(name);
    }
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    char *folder = model_folder(c, k), *text = folder ? case_module(c, k, folder) : NULL;
    char *path = mw_share_path(c, "tests/golden_runner/lmd_run.lua");
    mw_value *modules = mw_value_map(c);
    mw_value_set(c, modules, "golden_case", text ? mw_value_text(c, text, strlen(text)) : NULL);
    mw_exec_options eo = {.threads = 1};
    mw_script_options so = {.trust = true, .modules = modules};
    mw_graph *g = mw_graph_new(c);
    mw_cache *cache = g ? mw_cache_new(c, (size_t)1 << 30) : NULL;
    mw_exec *x = cache ? mw_exec_new(c, g, cache, &eo) : NULL;
    mw_script *script = x ? mw_script_new(c, g, x, &so) : NULL;
    if (script && path && mw_script_run(c, script, path, NULL, 0) == MW_OK)
        give_outputs(c, k, x, script);
    mw_script_free(script);
    mw_exec_free(x);
    mw_graph_free(g);
    mw_cache_free(cache);
    mw_value_release(modules);
    free(path);
    free(text);
    remove_folder(folder);
    return mw_err(c);
}

const golden_family golden_lmd_run = {
    {"lmd.full", "lmd.single_object", "lmd.baseline", "lmd.full_plus", "lmd.gligen"}, true, run};
