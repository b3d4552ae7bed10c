// console.h: where this program itself writes to the user, whatever a library does to descriptor 2.
#ifndef MW_CONSOLE_H
#define MW_CONSOLE_H

#include <stdio.h>

// A stream of its own, unbuffered, to what standard error was at the first call; stderr where there is none.
// Never close it.
FILE *mw_stderr(void);

#endif
