// library_memory.h: host memory that ran out inside a library which doesn't say so.
#ifndef MW_LIBRARY_MEMORY_H
#define MW_LIBRARY_MEMORY_H

#include "core/base/error.h"

// jansson leaves out what it has no memory for, or takes the text for damaged. This makes MW_E_MEMORY
// pending, in place of whatever came of it, when an allocation of jansson failed on this thread since it was
// last called. Ask after JSON was parsed, built or written; the executor asks after each node. Returns the
// status in force.
mw_status mw_library_memory_check(mw_ctx *c);

#endif
