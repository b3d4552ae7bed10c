// cli.h: the command line: its verbs, their options, what is printed where.
#ifndef MW_CLI_H
#define MW_CLI_H

#define MW_VERSION "0.1.0"

// Runs the command; returns the exit status (docs: the command line).
int mw_cli_main(int argc, char **argv);

#endif
