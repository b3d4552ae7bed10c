// inspect_folder.c: model folders: a whole pipeline, or one part with its config and weights.
#include "nodes/nets/inspect/inspect_internal.h"

#include "core/base/pathname.h"
#include "core/base/text.h"
#include "core/io/describe.h"
#include "core/io/json.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/base/part_files.h"
#include "nodes/nets/llm/llm_config.h"

#include <stdlib.h>
#include <string.h>

// folder/name when it is there, else NULL; free() it.
static char *existing(mw_ctx *c, const char *folder, const char *name)
{
    char *path = mw_path_join(c, folder, name);
    if (path && mw_path_exists(path))
        return path;
    free(path);
    return NULL;
}

// The weights of a part's folder under the name that its library gives them; NULL when it has none of either.
static char *weights_of(mw_ctx *c, const char *folder)
{
    static const char *const stems[] = {"diffusion_pytorch_model", "model"};
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        mw_ctx *attempt = mw_ctx_fork(c);
        char *path = attempt ? mw_part_weights(attempt, folder, stems[i], NULL) : NULL;
        mw_ctx_free(attempt);
        if (path)
            return path;
    }
    return NULL;
}

// One line of a pipeline's part: its class, and its weights where it has any.
static void put_part(mw_ctx *c, const char *folder, const char *name, const char *class, FILE *out)
{
    char shown[100], part[100], text[400];
    char *path = mw_path_join(c, folder, name);
    char *weights = path && mw_path_stays_inside(name) ? weights_of(c, path) : NULL;
    mw_st *s = weights ? mw_st_open(c, weights) : NULL;
    fprintf(out, "  %s: %s", mw_printable(name, part, sizeof part), mw_printable(class, shown, sizeof shown));
    if (s)
        fprintf(out, ", %s", mw_st_summary(s, text, sizeof text));
    fputc('\n', out);
    mw_st_close(s);
    free(weights);
    free(path);
}

static void inspect_pipeline(mw_ctx *c, const char *folder, const char *index_path, FILE *out)
{
    // Opening walks every network without computing and checks that each weight is there.
    mw_checkpoint *k = mw_checkpoint_open(c, &(mw_checkpoint_options){.path = folder, .dtype = MW_F32});
    json_t *index = k ? mw_json_load(c, index_path) : NULL, *v;
    const char *name, *class = index ? mw_json_string(c, index_path, index, "_class_name") : NULL;
    if (class)
        fprintf(out, "%s: a folder in diffusers' layout, %s, %s\n", folder, class, k->kind);
    json_object_foreach(index, name, v)
    {
        const char *part = json_string_value(json_array_get(v, 1));
        if (part && mw_err(c) == MW_OK)
            put_part(c, folder, name, part, out);
    }
    json_decref(index);
    if (k)
        mw_object_release(&k->base);
}

static bool is_llm(mw_ctx *c, const char *config)
{
    mw_llm_config m;
    mw_ctx *attempt = mw_ctx_fork(c);
    json_t *o = attempt ? mw_json_load(attempt, config) : NULL;
    if (attempt)
        attempt->log_level = MW_LOG_ERROR;
    bool is = o && mw_llm_config_read(attempt, o, config, &m) == MW_OK;
    json_decref(o);
    mw_ctx_free(attempt);
    return is;
}

// A language model's folder: its weights, and its tokenizer where it has one.
static void check_llm(mw_ctx *c, const char *folder)
{
    static const char *const files[] = {"tokenizer.model", "tokenizer.json"};
    bool tokenizer = false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = existing(c, folder, files[i]);
        if (path)
            tokenizer = true;
        free(path);
    }
    mw_inspect_llm(c, folder, true, tokenizer);
}

void mw_inspect_folder(mw_ctx *c, const char *folder, FILE *out)
{
    char *index = existing(c, folder, "model_index.json");
    char *config = index ? NULL : existing(c, folder, "config.json");
    char *scheduler = index || config ? NULL : existing(c, folder, "scheduler_config.json");
    char *weights = index ? NULL : weights_of(c, folder);
    if (index)
        inspect_pipeline(c, folder, index, out);
    else if (!config && !scheduler && !weights && mw_err(c) == MW_OK)
        mw_inspect_loose(c, folder);
    if (config || scheduler)
        mw_inspect_json(c, config ? config : scheduler, out);
    if (config && weights && mw_err(c) == MW_OK && is_llm(c, config))
        check_llm(c, folder);
    if (weights && mw_err(c) == MW_OK)
        mw_inspect_tensors(c, weights, out);
    free(index);
    free(config);
    free(scheduler);
    free(weights);
}
