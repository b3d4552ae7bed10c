// cli.c: finds the verb and runs it.
#include "core/cli/cli.h"

#include <stdio.h>
#include <string.h>

int mw_cli_main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        puts("moonweave " MW_VERSION);
        return 0;
    }
    fputs("usage: moonweave --version\n", stderr);
    return 2;
}
