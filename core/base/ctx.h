// ctx.h: the context that every call takes: the pending error, the log, the open scope and the stream.
// A context belongs to one thread. Worker threads get their own with mw_ctx_fork; they share the stream.
#ifndef MW_CTX_H
#define MW_CTX_H

#include "core/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mw_stream; // core/cl/device.h
struct mw_env;    // core/base/env.h
struct mw_tape;   // core/tensor/tape.h
struct mw_scope;  // core/tensor/tensor.h

typedef enum { MW_LOG_ERROR, MW_LOG_WARN, MW_LOG_INFO, MW_LOG_DEBUG } mw_log_level;

// Where log lines go; called under a lock, from any thread. text has no newline.
typedef void (*mw_log_fn)(void *user, mw_log_level level, const char *text);

struct mw_ctx {
    mw_status status;
    char *message; // owned; NULL when nothing is pending
    mw_log_fn log; // NULL: to stderr
    void *log_user;
    mw_log_level log_level;    // lines above it are dropped
    atomic_int *cancel;        // shared by all forks; non-zero: stop as soon as possible
    atomic_int cancel_storage; // what `cancel` points to in a context that was not forked
    struct mw_stream *stream;  // the open device that ops run on; NULL for host-only work
    struct mw_scope *scope;    // innermost open scope
    int lost_scopes;           // begun inside of it without memory: nothing is in them
    struct mw_tape *tape;      // what records ops for their gradients; NULL when nothing does
    uint64_t waits;            // how often calls with this context waited for the device
    bool dry;                  // shapes only: tensors get no storage, kernels are not launched
    const struct mw_env *env;  // what the program says of files and number formats; NULL: the defaults of all
};

// A fresh context without a device; NULL when host memory is out. Free with mw_ctx_free.
mw_ctx *mw_ctx_new(void);
// A context for another thread: same stream, log and cancel flag; no pending error, no open scope.
mw_ctx *mw_ctx_fork(const mw_ctx *c);
// Frees the context (not the stream). Accepts NULL.
void mw_ctx_free(mw_ctx *c);

// One log line, printf-style. A warning names what it is about, like an error.
void mw_log(mw_ctx *c, mw_log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define mw_warn(c, ...) mw_log((c), MW_LOG_WARN, __VA_ARGS__)

// True when the user asked to stop; records MW_E_CANCEL. Long host loops ask it now and then.
bool mw_cancelled(mw_ctx *c);

// Host memory that fails through the context: zeroed, NULL with MW_E_MEMORY pending when out.
void *mw_alloc(mw_ctx *c, size_t bytes);
void *mw_realloc(mw_ctx *c, void *p, size_t bytes);
char *mw_strdup(mw_ctx *c, const char *s);
// printf into a fresh string; free() it. NULL when out of memory.
char *mw_format(mw_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
