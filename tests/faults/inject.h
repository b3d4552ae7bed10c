// inject.h: calls that are made to fail: of the C library for memory, of OpenCL.
//
// The linker's --wrap leads every call of ours (of the libraries none) to a wrapper, which counts it and
// fails the one that is to fail. Those for memory are in inject.c, those for OpenCL are made by wrap.awk.
#ifndef MW_INJECT_H
#define MW_INJECT_H

#include <stdbool.h>

typedef enum { MW_INJECT_MEMORY, MW_INJECT_CL, MW_INJECT_KINDS } mw_inject_kind;

// What happened since mw_inject_begin.
typedef struct {
    long calls[MW_INJECT_KINDS];
    bool failed;          // the call was reached
    const char *function; // that failed
    void *stack[16];      // who called it, innermost first
    int depth;
    int error;    // of OpenCL
    long blocks;  // allocations of ours that nobody freed
    long objects; // of OpenCL, that nobody released
} mw_inject_report;

// Counts from here on, and fails call n (from 1 on; 0: none) of the kind. keep: remember who made each
// allocation. No other thread may run meanwhile, as for mw_inject_end.
void mw_inject_begin(mw_inject_kind kind, long n, bool keep);
mw_inject_report mw_inject_end(void);
// Prints who made the allocations that are not freed, after mw_inject_end of a run that kept it; a line for
// each frame.
void mw_inject_print_blocks(void);
// Prints the functions and lines of a stack.
void mw_inject_print_stack(void *const *stack, int depth);

// For the wrappers of OpenCL: 0, or the status that this call is to fail with; objects made or released.
int mw_inject_cl(const char *function);
void mw_inject_objects(int change);

#endif
