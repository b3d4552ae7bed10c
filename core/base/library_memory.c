// library_memory.c: jansson's allocations, whose failures are remembered.
#include "core/base/library_memory.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

static _Thread_local bool failed;

static void *allocate(size_t bytes)
{
    void *p = malloc(bytes);
    failed = failed || !p;
    return p;
}

// Before main, as no other thread may use jansson meanwhile.
__attribute__((constructor)) static void watch(void) { json_set_alloc_funcs(allocate, free); }

mw_status mw_library_memory_check(mw_ctx *c)
{
    if (failed && mw_err(c) != MW_E_CANCEL) {
        mw_err_clear(c);
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    }
    failed = false;
    return mw_err(c);
}
