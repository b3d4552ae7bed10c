// interrupt.h: Ctrl-C and SIGTERM.
#ifndef MW_INTERRUPT_H
#define MW_INTERRUPT_H

#include "core/base/ctx.h"

// From here on the first of these signals asks the run of c to stop, and ends the program with status 130
// when it has not within a moment; the second ends it at once.
void mw_interrupt_begin(mw_ctx *c);
void mw_interrupt_end(void);

#endif
