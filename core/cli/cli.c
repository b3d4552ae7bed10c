// cli.c: the table of verbs; finds the one asked for, runs it, and turns how it ended into the exit status.
#include "core/base/console.h"
#include "core/cli/cli.h"
#include "core/cli/terminal.h"
#include "core/cli/verb.h"
#include "core/tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const mw_verb *const mw_verbs[] = {
    &mw_verb_run,     &mw_verb_check,   &mw_verb_graph, &mw_verb_nodes,
    &mw_verb_devices, &mw_verb_inspect, &mw_verb_bench, &mw_verb_tune,
    &mw_verb_replay,  &mw_verb_help,    NULL,
};

static mw_status help(mw_cli *k)
{
    const mw_verb *about = k->nargs ? mw_cli_verb(k->c, k->args[0]) : NULL;
    if (!mw_err(k->c))
        mw_cli_help(about);
    return mw_err(k->c);
}
const mw_verb mw_verb_help = {"help", "[COMMAND]", 0, 1, 0, "what there is, or what a command takes", help};

static void run(mw_cli *k, int argc, char **argv)
{
    bool version = false, usage = false;
    if (mw_cli_parse(k, argc, argv, &version, &usage))
        return;
    if (version)
        puts("moonweave " MW_VERSION);
    else if (usage && k->verb == &mw_verb_run && k->nargs == 1)
        mw_cli_graph_help(k);
    else if (usage)
        mw_cli_help(k->verb);
    else
        k->verb->run(k);
}

int mw_cli_main(int argc, char **argv)
{
    mw_cli k = {.c = mw_ctx_new()};
    if (!k.c) {
        fputs("out of host memory\n", mw_stderr());
        return mw_status_exit_code(MW_E_MEMORY);
    }
    k.c->env = &k.env;
    mw_terminal_begin(&k);
    run(&k, argc, argv);
    if (mw_err(k.c) &&
        atomic_load(k.c->cancel)) { // a Ctrl-C reaches a driver's compiler too: what fails then says nothing
        mw_err_clear(k.c);
        mw_cancelled(k.c);
    }
    int rc = mw_status_exit_code(mw_err(k.c));
    if (rc)
        mw_log(k.c, MW_LOG_ERROR, "%s", mw_errmsg(k.c));
    if (fflush(stdout) || ferror(stdout)) {
        mw_log(k.c, MW_LOG_ERROR, "standard output cannot be written");
        rc = rc ? rc : 1;
    }
    // Every run of the tests is a test for leaks.
    if (mw_live_tensors() && getenv("MOONWEAVE_LEAKS")) {
        mw_log(k.c, MW_LOG_ERROR, "%ld tensors are still alive at exit", mw_live_tensors());
        rc = rc ? rc : 1;
    }
    mw_cli_free(&k);
    mw_terminal_end();
    mw_ctx_free(k.c);
    return rc;
}
