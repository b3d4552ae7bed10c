// check.c: moonweave check: the wires and types of a graph; computes nothing.
#include "core/cli/session.h"

#include <stdio.h>

static mw_status check(mw_cli *k)
{
    mw_session s;
    mw_session_options o = {.check = true, .params = k->params};
    if (!mw_session_open(&s, k, &o))
        mw_script_run(k->c, s.script, k->args[0], NULL, 0);
    int errors = s.script ? mw_script_errors(s.script) : 0, nodes = s.g ? mw_graph_count(s.g) : 0;
    if (!mw_err(k->c) && errors)
        mw_fail(k->c, MW_E_SCRIPT, "%s: %d error%s", k->args[0], errors, errors > 1 ? "s" : "");
    else if (!mw_err(k->c))
        mw_log(k->c, MW_LOG_INFO, "%s: %d nodes, no errors%s", k->args[0], nodes,
               s.blind ? " as far as can be seen" : "");
    mw_session_close(&s);
    return mw_err(k->c);
}

const mw_verb mw_verb_check = {
    "check", "graph.lua", 1, 1, MW_OPT_PARAM | MW_OPT_TRUST, "check wires and types; compute nothing", check,
};
