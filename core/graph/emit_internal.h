// emit_internal.h: the queue between the nodes of a run and its listener.
#ifndef MW_EMIT_INTERNAL_H
#define MW_EMIT_INTERNAL_H

#include "core/graph/emit.h"
#include "core/graph/exec_internal.h"

mw_job *mw_running_job(void); // of this thread; NULL outside of a node's run. job.c

// One for each executor that has a listener. NULL with an error pending.
mw_emitter *mw_emitter_new(mw_ctx *c, const mw_listener *l);
void mw_emitter_free(mw_emitter *e);
// The end of a run: comes back when all that waited was heard or dropped.
void mw_emitter_finish(mw_ctx *c, mw_emitter *e, bool good);

#endif
