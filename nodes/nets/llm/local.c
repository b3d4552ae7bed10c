// local.c: a language model that runs here: opening it.
#include "nodes/nets/llm/local.h"

#include "core/base/pathname.h"

#include <stdlib.h>
#include <string.h>

static void local_free(mw_object *o)
{
    mw_llm_local *m = (mw_llm_local *)o;
    mw_kv_cache_free(m->cache);
    mw_llm_network_close(&m->network);
    mw_chat_template_free(m->chat);
    mw_llm_tokenizer_free(m->tokenizer);
    mw_grammar_vocabulary_free(m->vocabulary);
    free(m->kept);
    free(m->base.name);
    free(m->base.folder);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static size_t local_bytes(const mw_object *o, const struct mw_stream *s)
{
    const mw_llm_local *m = (const mw_llm_local *)o;
    size_t bytes = mw_weights_held(m->network.weights, s);
    return m->cache && (!s || mw_kv_cache_stream(m->cache) == s) ? bytes + mw_kv_cache_bytes(m->cache)
                                                                 : bytes;
}

static const mw_object_type object_type = {.name = "llm", .free = local_free, .bytes = local_bytes};
static const mw_llm_type type = {.complete = mw_llm_local_complete};

// Every id that the tokenizer gives must be one of the network's.
static void check_vocabulary(mw_ctx *c, const mw_llm_local *m, const char *path)
{
    int tokens = mw_llm_tokenizer_size(m->tokenizer), rows = m->network.config.vocab;
    if (tokens > rows)
        mw_fail(c, MW_E_FILE, "%s: the tokenizer has %d tokens, the network only %d", path, tokens, rows);
}

static void read_context(mw_ctx *c, mw_llm_local *m, const mw_llm_local_options *o)
{
    int most = m->network.config.context;
    m->context = o->context ? o->context : most;
    if (o->context > most)
        mw_warn(c, "%s: a context of %d is longer than the %d positions that the model was made for", o->name,
                o->context, most);
}

mw_llm *mw_llm_local_open(mw_ctx *c, const mw_llm_local_options *o)
{
    mw_llm_local *m = mw_alloc(c, sizeof *m);
    if (!m)
        return NULL;
    m->base.object.type = &object_type;
    atomic_init(&m->base.object.refs, 1);
    m->base.type = &type;
    pthread_mutex_init(&m->lock, NULL);
    m->base.name = mw_strdup(c, o->name);
    m->base.folder = mw_path_is_folder(o->path) ? mw_strdup(c, o->path) : mw_path_folder(c, o->path);
    if (mw_llm_network_open(c, o->path, o->dtype, &m->network) == MW_OK)
        m->base.tokenizer = m->tokenizer = mw_llm_tokenizer_open(c, o->path);
    if (m->tokenizer) {
        check_vocabulary(c, m, o->path);
        read_context(c, m, o);
        m->chat = mw_chat_template_open(c, m->tokenizer, o->path);
        m->base.chats = m->chat != NULL;
        mw_llm_split(c, &m->network, m->context);
    }
    if (mw_err(c) == MW_OK)
        return &m->base;
    mw_object_release(&m->base.object);
    return NULL;
}

mw_llm_local *mw_llm_local_of(mw_ctx *c, mw_llm *m, const char *what)
{
    if (m && m->type == &type)
        return (mw_llm_local *)m;
    mw_fail(c, MW_E_ARG, "%s needs a language model that runs here (path), not a server", what);
    return NULL;
}
