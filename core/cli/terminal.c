// terminal.c: stderr: log lines, the progress line.
#include "core/cli/terminal.h"

#include "core/base/console.h"
#include "core/base/text.h"
#include "core/cli/interrupt.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    mw_cli *k;
    pthread_mutex_t lock;
    bool shown;   // a progress line is on the screen
    bool written; // the cursor stands behind a text that a node hands out
    char *said;   // the last line of information
} terminal = {.lock = PTHREAD_MUTEX_INITIALIZER};

// Nodes that are alike say the same: once is enough. Called under the log's lock.
static bool said_before(mw_log_level level, const char *text)
{
    if (level != MW_LOG_INFO)
        return false;
    bool same = terminal.said && !strcmp(terminal.said, text);
    if (!same) {
        free(terminal.said);
        terminal.said = strdup(text);
    }
    return same;
}

static void write_log(void *user, mw_log_level level, const char *text)
{
    const mw_cli *k = user;
    if (said_before(level, text))
        return;
    static const char *const colours[] = {"\033[31m", "\033[33m", "", "\033[2m"};
    mw_terminal_clear();
    const char *on = k->colour ? colours[level] : "", *off = k->colour && *on ? "\033[0m" : "";
    char *shown = mw_printable_lines(text);
    fprintf(mw_stderr(), "%s%s%s%s\n", on, level == MW_LOG_WARN ? "warning: " : "",
            shown ? shown : "out of host memory", off);
    free(shown);
}

void mw_terminal_begin(mw_cli *k)
{
    terminal.k = k;
    terminal.shown = terminal.written = false;
    k->c->log = write_log;
    k->c->log_user = k;
    mw_interrupt_begin(k->c);
}

void mw_terminal_end(void)
{
    mw_interrupt_end();
    mw_terminal_clear();
    free(terminal.said);
    terminal.said = NULL;
    terminal.k = NULL;
}

static void clear(void)
{
    if (terminal.shown)
        fputs("\r\033[K", mw_stderr());
    if (terminal.written)
        fputs("\n", mw_stderr());
    terminal.shown = terminal.written = false;
}

void mw_terminal_clear(void)
{
    pthread_mutex_lock(&terminal.lock);
    clear();
    pthread_mutex_unlock(&terminal.lock);
}

static bool wants(void *user, const char *type)
{
    const mw_cli *k = user;
    return k->terminal && k->c->log_level >= MW_LOG_INFO && !strcmp(type, "text");
}

static void hear(void *user, mw_ctx *c, const mw_emission *e)
{
    (void)user;
    (void)c;
    char *shown = mw_printable_lines(mw_value_as_text(e->value));
    size_t n = shown ? strlen(shown) : 0;
    pthread_mutex_lock(&terminal.lock);
    if (!terminal.written)
        clear();
    if (n)
        terminal.written = shown[n - 1] != '\n';
    fwrite(shown ? shown : "", 1, n, mw_stderr());
    fflush(mw_stderr());
    pthread_mutex_unlock(&terminal.lock);
    free(shown);
}

mw_listener mw_terminal_listener(mw_cli *k) { return (mw_listener){wants, hear, k}; }

void mw_terminal_progress(void *user, const mw_progress_report *r)
{
    const mw_cli *k = user;
    if (!k->terminal || k->c->log_level < MW_LOG_INFO)
        return;
    char left[48] = "";
    if (r->left >= 90)
        snprintf(left, sizeof left, "%.0f min left", r->left / 60);
    else if (r->left >= 0)
        snprintf(left, sizeof left, "%.0f s left", r->left);
    pthread_mutex_lock(&terminal.lock);
    if (!terminal.written) {
        fprintf(mw_stderr(), "\r\033[K%d/%d  %-20s %5.1f s  %s", r->done, r->total, r->node, r->elapsed,
                left);
        fflush(mw_stderr());
        terminal.shown = true;
    }
    pthread_mutex_unlock(&terminal.lock);
}
