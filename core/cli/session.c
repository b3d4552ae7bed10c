// session.c: a graph script with everything it needs to run: graph, cache, executor, device.
#include "core/cli/session.h"

#include "core/cl/device.h"
#include "core/cli/cli.h"
#include "core/cli/settings.h"
#include "core/cli/terminal.h"

#include <stdlib.h>
#include <string.h>

// An mw_trim_fn: what the cache and the script can do without.
static uint64_t trim(void *user, uint64_t wanted)
{
    mw_session *s = user;
    uint64_t freed = mw_cache_trim(s->cache, wanted);
    return freed + (s->script ? mw_script_collect(s->script) : 0);
}

static mw_status open_device(mw_ctx *c, void *user)
{
    mw_session *s = user;
    if (c->stream)
        return mw_err(c);
    if (mw_device_open(c, s->k->device, s->k->memory, s->k->profile))
        return mw_err(c);
    mw_device_set_trim(c, trim, s);
    for (int i = 0; i < mw_stream_count(c); i++)
        mw_log(c, MW_LOG_DEBUG, "device: %s", mw_stream_name(mw_stream_at(c, i)));
    return mw_graph_set_recipe(c, s->g);
}

static void report(void *user, const char *sentence, bool error)
{
    mw_session *s = user;
    s->blind = s->blind || !error;
    if (!s->quiet)
        mw_log(s->k->c, error ? MW_LOG_ERROR : MW_LOG_WARN, "%s", sentence);
}

static mw_status new_script(mw_session *s, const mw_session_options *o)
{
    mw_ctx *c = s->k->c;
    mw_exec_options run = {.timing = s->k->profile,
                           .progress = mw_terminal_progress,
                           .user = s->k,
                           .listener = mw_terminal_listener(s->k)};
    mw_script_options script = {
        .check = o->check,
        .trust = s->k->trust,
        .params = o->params,
        .recorded = o->recorded,
        .contacts = s->contacts,
        .modules = o->modules,
        .print = s->k->json ? stderr : stdout,
        .report = report,
        .open_device = open_device,
        .user = s,
    };
    s->quiet = o->quiet;
    s->g = mw_graph_new(c);
    s->x = s->g && s->cache ? mw_exec_new(c, s->g, s->cache, &run) : NULL;
    s->script = s->x ? mw_script_new(c, s->g, s->x, &script) : NULL;
    if (s->script && c->stream)
        mw_graph_set_recipe(c, s->g);
    return mw_err(c);
}

static void free_script(mw_session *s)
{
    mw_script_free(s->script);
    mw_exec_free(s->x);
    mw_graph_free(s->g);
    s->script = NULL;
    s->x = NULL;
    s->g = NULL;
}

mw_status mw_session_open(mw_session *s, mw_cli *k, const mw_session_options *o)
{
    *s = (mw_session){.k = k};
    const char *from;
    s->endpoint = mw_setting(k->c, "endpoint", &from);
    s->key_env = mw_setting(k->c, "key-env", &from);
    int n = 0;
    for (int i = 0; i < 2; i++)
        if ((i ? s->key_env : s->endpoint))
            s->contacts[n++] = i ? s->key_env : s->endpoint;
    s->cache = mw_cache_new(k->c, k->cache_size);
    return new_script(s, o);
}

mw_status mw_session_renew(mw_session *s, const mw_session_options *o)
{
    free_script(s);
    return new_script(s, o);
}

void mw_session_close(mw_session *s)
{
    mw_terminal_clear();
    if (s->k->c->stream)
        mw_device_set_trim(s->k->c, NULL, NULL);
    free_script(s);
    mw_cache_free(s->cache);
    mw_device_close(s->k->c);
    free(s->endpoint);
    free(s->key_env);
    *s = (mw_session){.k = s->k};
}

mw_status mw_session_compute(mw_session *s, const int *targets, int n)
{
    mw_ctx *c = s->k->c;
    if (n && mw_exec_needs_device(s->x, targets, n) && open_device(c, s))
        return mw_err(c);
    mw_status e = mw_exec_run(c, s->x, targets, n);
    mw_terminal_clear();
    return e;
}
