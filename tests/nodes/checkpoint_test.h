// checkpoint_test.h: what the tests of checkpoints share: a scratch folder, the log, sentences of refusal.
#ifndef CHECKPOINT_TEST_H
#define CHECKPOINT_TEST_H

#include "core/base/ctx.h"
#include "nodes/nets/checkpoint/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;
static char folder[] = "/tmp/moonweave-test-XXXXXX";
static char warnings[4096]; // since the last clear_warnings

static void keep_warning(void *user, mw_log_level level, const char *text)
{
    (void)user;
    size_t n = strlen(warnings);
    if (level <= MW_LOG_WARN)
        snprintf(warnings + n, sizeof warnings - n, "%s\n", text);
}

static void clear_warnings(void) { warnings[0] = 0; }

// A shell command in the scratch folder; "$R" is the root of the tree.
__attribute__((format(printf, 1, 2))) static void shell(const char *fmt, ...)
{
    char text[2048], all[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(all, sizeof all, "R=$PWD; cd %s && { %s; }", folder, text);
    assert_int_equal(system(all), 0);
}

static inline const char *in_folder(const char *name)
{
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static inline mw_checkpoint *open_checkpoint(const char *path)
{
    return mw_checkpoint_open(c, &(mw_checkpoint_options){.path = path, .dtype = MW_F32});
}

static inline int clean(void **state)
{
    (void)state;
    mw_err_clear(c);
    clear_warnings();
    return 0;
}

// Opening fails with a sentence that holds all the pieces ("|" between them).
static inline void assert_refused(const char *path, const char *pieces)
{
    char list[512];
    snprintf(list, sizeof list, "%s", pieces);
    assert_null(open_checkpoint(path));
    assert_int_equal(mw_err(c), MW_E_FILE);
    for (char *save, *p = strtok_r(list, "|", &save); p; p = strtok_r(NULL, "|", &save))
        if (!strstr(mw_errmsg(c), p))
            fail_msg("'%s' is not in: %s", p, mw_errmsg(c));
    mw_err_clear(c);
}

static inline void assert_opens(const char *path, const char *kind)
{
    clear_warnings();
    mw_checkpoint *k = open_checkpoint(path);
    assert_string_equal(mw_errmsg(c), "");
    assert_non_null(k);
    assert_string_equal(k->kind, kind);
    assert_string_equal(warnings, "");
    mw_object_release(&k->base);
}

static inline int start(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log = keep_warning;
    return mkdtemp(folder) ? 0 : -1;
}

static inline int stop(void **state)
{
    (void)state;
    char command[64];
    mw_ctx_free(c);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && mw_live_tensors() == 0 ? 0 : -1;
}

#endif
