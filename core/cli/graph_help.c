// graph_help.c: moonweave run graph.lua --help: the parameters of a graph.
#include "core/cli/session.h"
#include "core/graph/schema.h"
#include "core/graph/value_json.h"

#include <stdio.h>
#include <stdlib.h>

static void print_param(mw_ctx *c, const mw_param *p)
{
    const mw_port *port = &p->d.port;
    char *takes = mw_port_takes(c, port), *value = mw_value_to_json(c, p->value, 0);
    bool lacks = !port->def && !p->used;
    printf("  -p %s=%s\n      %s%s%s%s\n", port->name, lacks || !value ? "" : value,
           lacks ? "required, " : "", takes ? takes : "", *port->doc ? ": " : "", port->doc);
    if (port->alias)
        printf("      also: %s\n", port->alias);
    free(takes);
    free(value);
}

mw_status mw_cli_graph_help(mw_cli *k)
{
    mw_session s;
    mw_session_options o = {.check = true, .quiet = true, .params = k->params};
    int n = 0;
    if (!mw_session_open(&s, k, &o))
        mw_script_run(k->c, s.script, k->args[0], NULL, 0);
    const mw_param *p = s.script ? mw_script_params(s.script, &n) : NULL;
    if (n) // what is wrong behind the declarations does not matter here
        mw_err_clear(k->c);
    if (!mw_err(k->c))
        printf("%s takes%s\n", k->args[0],
               n ? ", with these values unless told otherwise:" : " no parameters");
    for (int i = 0; i < n; i++)
        print_param(k->c, &p[i]);
    mw_session_close(&s);
    return mw_err(k->c);
}
