// folder.c: a model's folder as transformers lays it out.
#include "tests/random_llm/random_llm.h"

#include "core/base/file.h"
#include "core/base/pathname.h"
#include "core/base/paths.h"
#include "core/io/safetensors.h"

#include <stdlib.h>
#include <string.h>

static const void *make_folder(mw_ctx *c, void *user, const mw_st_out *t)
{
    job *j = user;
    (void)c;
    const weight *w = j->weights;
    while (w->name != t->name)
        w++;
    int64_t n = w->rows * (w->columns ? w->columns : 1);
    if (!random_room(j, n))
        return NULL;
    random_draw(j, w, w->kind == NORM && !j->config.norms_from_one ? 1 : 0, j->values, n);
    mw_ggml_encode(j->type, j->values, j->bytes, n);
    return j->bytes;
}

static void write_text(job *j, const char *name, const char *text)
{
    char *path = mw_path_join(j->c, j->path, name);
    if (path)
        mw_file_write(j->c, path, text, strlen(text));
    free(path);
}

void random_write_folder(job *j)
{
    mw_ctx *c = j->c;
    mw_st_dtype dtype = j->type == MW_GGML_F32 ? MW_ST_F32 : j->type == MW_GGML_F16 ? MW_ST_F16 : MW_ST_BF16;
    mw_st_out *out = mw_make_dirs(c, j->path) == MW_OK ? mw_alloc(c, j->n * sizeof *out) : NULL;
    int64_t(*shapes)[2] = mw_alloc(c, j->n * sizeof *shapes);
    for (size_t i = 0; out && shapes && i < j->n; i++) {
        const weight *w = &j->weights[i];
        memcpy(shapes[i], (int64_t[]){w->rows, w->columns}, sizeof shapes[i]);
        out[i] = (mw_st_out){w->name, dtype, w->columns ? 2 : 1, shapes[i], NULL};
    }
    char *file = mw_path_join(c, j->path, "model.safetensors"),
         *model = mw_path_join(c, j->path, "tokenizer.model");
    const char *metadata[] = {"format", "pt", NULL};
    if (mw_err(c) == MW_OK && mw_st_write_made(c, file, out, j->n, metadata, make_folder, j) == MW_OK)
        vocabulary_write_model(c, &j->words, model);
    char *text = json_dumps(j->json, JSON_INDENT(2));
    write_text(j, "config.json", text ? text : "");
    write_text(j, "tokenizer_config.json",
               "{\"tokenizer_class\": \"LlamaTokenizer\", \"add_bos_token\": true, \"add_eos_token\": false, "
               "\"legacy\": true, "
               "\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"unk_token\": \"<unk>\"}\n");
    write_text(j, "generation_config.json", "{\"bos_token_id\": 1, \"eos_token_id\": 2}\n");
    free(text);
    free(model);
    free(file);
    free(shapes);
    free(out);
}
