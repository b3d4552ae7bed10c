// fuzz_script.h: a graph script run once, silently.
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include "core/lua/script.h"
#include "tests/fuzz/fuzz.h"

static inline void drop_report(void *user, const char *sentence, bool error)
{
    (void)user;
    (void)sentence;
    (void)error;
}

// then: called when the script ran without an error; may be NULL.
static inline void run_script(const char *text, size_t size, const char *const *params, bool check,
                              void (*then)(mw_exec *x, const mw_script *s))
{
    static FILE *nowhere;
    if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
        return;
    mw_exec_options eo = {.threads = 1};
    mw_script_options so = {.check = check, .report = drop_report, .print = nowhere, .params = params};
    mw_graph *g = mw_graph_new(c);
    mw_cache *cache = mw_cache_new(c, 1 << 24);
    mw_exec *x = g && cache ? mw_exec_new(c, g, cache, &eo) : NULL;
    mw_script *s = x ? mw_script_new(c, g, x, &so) : NULL;
    if (s && !mw_script_run(c, s, "fuzz.lua", text, size) && then)
        then(x, s);
    mw_script_free(s);
    mw_exec_free(x);
    mw_graph_free(g);
    mw_cache_free(cache);
    mw_err_clear(c);
}

#endif
