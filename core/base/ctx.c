// ctx.c: contexts, the sticky error, the log, checked host allocation.
#include "core/base/console.h"
#include "core/base/env.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char out_of_memory[] = "out of host memory";

static char *vformat(const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = n < 0 ? NULL : malloc((size_t)n + 1);
    if (s)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

mw_ctx *mw_ctx_new(void)
{
    mw_ctx *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->log_level = MW_LOG_INFO;
    c->cancel = &c->cancel_storage;
    return c;
}

mw_ctx *mw_ctx_fork(const mw_ctx *c)
{
    mw_ctx *f = mw_ctx_new();
    if (!f)
        return NULL;
    f->log = c->log;
    f->log_user = c->log_user;
    f->log_level = c->log_level;
    f->cancel = c->cancel;
    f->stream = c->stream;
    f->dry = c->dry;
    f->env = c->env;
    return f;
}

mw_env mw_env_of(const mw_ctx *c) { return c->env ? *c->env : (mw_env){0}; }

void mw_ctx_free(mw_ctx *c)
{
    if (!c)
        return;
    mw_err_clear(c);
    free(c);
}

mw_status mw_fail_at(mw_ctx *c, mw_status code, const char *file, int line, const char *fmt, ...)
{
    if (c->status != MW_OK)
        return c->status;
    c->status = code;
    va_list ap;
    va_start(ap, fmt);
    c->message = vformat(fmt, ap);
    va_end(ap);
    if (!c->message)
        c->message = out_of_memory;
    mw_log(c, MW_LOG_DEBUG, "failed at %s:%d: %s", file, line, c->message);
    return code;
}

void mw_fail_context(mw_ctx *c, const char *fmt, ...)
{
    if (c->status == MW_OK || c->message == out_of_memory)
        return;
    va_list ap;
    va_start(ap, fmt);
    char *front = vformat(fmt, ap);
    va_end(ap);
    size_t n = front ? strlen(front) : 0;
    char *joined = front ? realloc(front, n + strlen(c->message) + 3) : NULL;
    if (!joined) {
        free(front);
        return;
    }
    memcpy(joined + n, ": ", 2);
    strcpy(joined + n + 2, c->message);
    free(c->message);
    c->message = joined;
}

void mw_fail_as(mw_ctx *c, mw_status code)
{
    if (c->status != MW_OK)
        c->status = code;
}

mw_status mw_err(const mw_ctx *c) { return c ? c->status : MW_E_ARG; }

const char *mw_errmsg(const mw_ctx *c) { return c && c->message ? c->message : ""; }

void mw_err_clear(mw_ctx *c)
{
    if (c->message != out_of_memory)
        free(c->message);
    c->message = NULL;
    c->status = MW_OK;
}

int mw_status_exit_code(mw_status s)
{
    switch (s) {
    case MW_OK: return 0;
    case MW_E_USAGE: return 2;
    case MW_E_SCRIPT:
    case MW_E_ARG: // what a script hands to a node is the script's
    case MW_E_SHAPE: return 3;
    case MW_E_FILE: return 4;
    case MW_E_DEVICE:
    case MW_E_BUILD: return 5;
    case MW_E_MEMORY: return 6;
    case MW_E_NUMBER: return 7;
    case MW_E_CANCEL: return 130;
    case MW_E_RUN: break;
    }
    return 1;
}

void mw_log(mw_ctx *c, mw_log_level level, const char *fmt, ...)
{
    if (level > c->log_level)
        return;
    va_list ap;
    va_start(ap, fmt);
    char *text = vformat(fmt, ap);
    va_end(ap);
    if (!text)
        return;
    pthread_mutex_lock(&log_lock);
    if (c->log)
        c->log(c->log_user, level, text);
    else
        fprintf(mw_stderr(), "%s%s\n", level == MW_LOG_WARN ? "warning: " : "", text);
    pthread_mutex_unlock(&log_lock);
    free(text);
}

bool mw_cancelled(mw_ctx *c)
{
    if (!atomic_load(c->cancel))
        return false;
    mw_fail(c, MW_E_CANCEL, "interrupted");
    return true;
}

void *mw_alloc(mw_ctx *c, size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        mw_fail(c, MW_E_MEMORY, "out of host memory (asked for %zu bytes)", bytes);
    return p;
}

void *mw_realloc(mw_ctx *c, void *p, size_t bytes)
{
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q)
        mw_fail(c, MW_E_MEMORY, "out of host memory (asked for %zu bytes)", bytes);
    return q;
}

char *mw_strdup(mw_ctx *c, const char *s)
{
    char *p = mw_alloc(c, strlen(s) + 1);
    return p ? strcpy(p, s) : NULL;
}

char *mw_format(mw_ctx *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = vformat(fmt, ap);
    va_end(ap);
    if (!s)
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    return s;
}
