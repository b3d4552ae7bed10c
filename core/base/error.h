// error.h: the one way to fail. The first failure sticks in the context; later calls become no-ops.
//
//     return mw_fail(c, MW_E_ARG, "eta %g is not in [0,1]", eta);
//
// Who detects an error writes the sentence (file, node, parameter, expected, got); who passes it on adds
// nothing, except the graph executor, which puts the node's name in front (mw_fail_context).
#ifndef MW_ERROR_H
#define MW_ERROR_H

typedef struct mw_ctx mw_ctx;

// What kind of thing went wrong. mw_status_exit_code maps each to the program's exit status.
typedef enum {
    MW_OK = 0,
    MW_E_RUN,    // a run failed for a reason none of the others names
    MW_E_USAGE,  // the command line, or a -p parameter, is wrong
    MW_E_SCRIPT, // a graph script is wrong: Lua, wiring, a literal out of range
    MW_E_ARG,    // a value handed to a function or node is wrong
    MW_E_SHAPE,  // shapes or dtypes do not fit together
    MW_E_FILE,   // a file is missing, damaged, hostile or of the wrong kind
    MW_E_DEVICE, // no device, or the OpenCL driver failed
    MW_E_BUILD,  // a kernel does not compile
    MW_E_MEMORY, // host or device memory ran out, or the limit would be passed
    MW_E_NUMBER, // NaN or infinity where a number must be, or a golden missed
    MW_E_CANCEL, // interrupted by the user
} mw_status;

// Record a failure with a sentence made printf-style; the first one is kept. Returns the status in force.
#define mw_fail(c, code, ...) mw_fail_at((c), (code), __FILE__, __LINE__, __VA_ARGS__)
mw_status mw_fail_at(mw_ctx *c, mw_status code, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

// Put "<text>: " in front of the pending message. No-op when nothing is pending.
void mw_fail_context(mw_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Make the pending failure one of another kind; its sentence stays. No-op when nothing is pending.
void mw_fail_as(mw_ctx *c, mw_status code);

// The status in force; MW_OK when nothing is pending. c may be NULL (then MW_E_ARG).
mw_status mw_err(const mw_ctx *c);

// The pending sentence, "" when none. Valid until mw_err_clear or the next mw_fail_context.
const char *mw_errmsg(const mw_ctx *c);

// Forget the pending error.
void mw_err_clear(mw_ctx *c);

// Exit status of the program for a failure kind (docs: the command line): 0, 1..7, 130.
int mw_status_exit_code(mw_status s);

#endif
