// inspect_llm.c: language models: GGUF files, and folders as transformers lays them out, checked as their
// loaders do.
#include "nodes/nets/inspect/inspect_internal.h"

#include "core/io/describe.h"
#include "nodes/nets/llm/llm_network.h"
#include "nodes/nets/llm/tokenizer.h"

// Every weight is looked for; none is read.
static void check_network(mw_ctx *c, const char *path)
{
    mw_llm_network n = {.dtype = MW_F32};
    mw_llm_network_open(c, path, MW_F32, &n);
    mw_llm_network_close(&n);
}

void mw_inspect_llm(mw_ctx *c, const char *path, bool weights, bool tokenizer)
{
    if (weights)
        check_network(c, path);
    if (tokenizer && mw_err(c) == MW_OK)
        mw_llm_tokenizer_free(mw_llm_tokenizer_open(c, path));
}

void mw_inspect_gguf(mw_ctx *c, const char *path, FILE *out)
{
    mw_gguf *g = mw_gguf_open(c, path);
    if (!g)
        return;
    bool weights = mw_gguf_at(g, 0) != NULL; // there are files with a vocabulary alone
    mw_inspect_llm(c, path, weights, mw_gguf_find(g, "tokenizer.ggml.model") || !weights);
    if (mw_err(c) == MW_OK)
        mw_describe_gguf(g, c->log_level >= MW_LOG_DEBUG, out);
    mw_gguf_close(g);
}
