// driver_output.h: what a driver's compiler says on standard error goes to the log.
#ifndef MW_DRIVER_OUTPUT_H
#define MW_DRIVER_OUTPUT_H

#include "core/base/ctx.h"

// Between the two, what anybody but mw_stderr() writes to descriptor 2 is kept. Threads may overlap: the last
// end gives the descriptor back and logs all of it through its own c, at debug level. Where nothing can be
// kept, the text goes where it went before. Each begin needs its end; neither fails.
void mw_driver_output_begin(void);
void mw_driver_output_end(mw_ctx *c);

#endif
