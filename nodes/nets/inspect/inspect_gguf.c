// inspect_gguf.c: GGUF files: language models, checked as their loader does.
#include "nodes/nets/inspect/inspect_internal.h"

#include "core/io/describe.h"
#include "nodes/nets/llm/gguf_source.h"

static void check_weights(mw_ctx *c, const char *path)
{
    mw_weight_source s;
    mw_gguf *g = mw_gguf_open(c, path);
    if (g && mw_gguf_source(c, g, &s) == MW_OK)
        s.free(s.user);
}

void mw_inspect_gguf(mw_ctx *c, const char *path, FILE *out)
{
    mw_gguf *g = mw_gguf_open(c, path);
    if (g)
        check_weights(c, path);
    if (mw_err(c) == MW_OK)
        mw_describe_gguf(g, c->log_level >= MW_LOG_DEBUG, out);
    mw_gguf_close(g);
}
