// main.c: the program. Everything it does is in core/cli/, one verb per file.
#include "core/cli/cli.h"

int main(int argc, char **argv) { return mw_cli_main(argc, argv); }
