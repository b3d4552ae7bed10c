// terminal.h: stderr: log lines, the progress line; Ctrl-C.
#ifndef MW_TERMINAL_H
#define MW_TERMINAL_H

#include "core/cli/verb.h"
#include "core/graph/exec.h"

// Log lines of k->c go to stderr, in colour where the terminal wants it; Ctrl-C stops the run (interrupt.h).
void mw_terminal_begin(mw_cli *k);
void mw_terminal_end(void);

// For mw_exec_options: shows how far a run is and how long it will take; user is the mw_cli.
void mw_terminal_progress(void *user, const mw_progress_report *r);
// A listener for what nodes hand out while they run: texts appear as they come, where stderr is a terminal.
mw_listener mw_terminal_listener(mw_cli *k);
// Take the progress line away; a text that is under way ends its line.
void mw_terminal_clear(void);

#endif
