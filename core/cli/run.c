// run.c: moonweave run: a graph script's outputs.
#include "core/base/text.h"
#include "core/cl/device.h"
#include "core/cli/place.h"
#include "core/cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNELS = 64 };

// The kernels and the memory of the context's stream.
static void print_device(mw_ctx *c, const char *name)
{
    mw_kernel_time k[KERNELS];
    int kernels = mw_device_profile(c, k, KERNELS);
    if (kernels)
        fprintf(stderr, "%-40s %8s %10s %10s\n", "kernel", "launches", "seconds", "us each");
    for (int i = 0; i < kernels && i < KERNELS; i++)
        fprintf(stderr, "%-40s %8llu %10.3f %10.1f\n", k[i].name, (unsigned long long)k[i].launches,
                k[i].seconds, 1e6 * k[i].seconds / (double)(k[i].launches ? k[i].launches : 1));
    mw_memory_use use = mw_device_memory(c);
    fprintf(stderr, "%s memory: %.1f MiB at most, %llu allocations\n", name, (double)use.peak / 0x1p20,
            (unsigned long long)use.allocations);
}

// What went from device to device: all of it, then by the line of the script that made it.
static void print_moves(const mw_session *s)
{
    int n, tensors = 0;
    uint64_t bytes = 0;
    const mw_move *m = mw_exec_moves(s->x, &n);
    for (int i = 0; i < n; i++) {
        tensors += m[i].tensors;
        bytes += m[i].bytes;
    }
    if (n)
        fprintf(stderr, "from device to device: %d tensors, %.1f MiB\n", tensors, (double)bytes / 0x1p20);
    for (int i = 0; i < n; i++)
        fprintf(stderr, "  %s from %d to %d: %d tensors, %.1f MiB\n", m[i].what, m[i].from, m[i].to,
                m[i].tensors, (double)m[i].bytes / 0x1p20);
}

static void print_times(mw_session *s)
{
    mw_ctx *c = s->k->c;
    int n;
    mw_node_time *t = mw_exec_times(c, s->x, &n);
    double total = 0;
    for (int i = 0; t && i < n; i++)
        total += t[i].seconds;
    fprintf(stderr, "%-24s %6s %7s %10s %10s %6s %7s\n", "node", "runs", "cached", "seconds", "ms each",
            "share", "waits");
    for (int i = 0; t && i < n; i++)
        fprintf(stderr, "%-24s %6d %7d %10.3f %10.3f %5.1f%% %7llu\n", t[i].type, t[i].runs, t[i].cached,
                t[i].seconds, t[i].runs ? 1e3 * t[i].seconds / t[i].runs : 0,
                total > 0 ? 100 * t[i].seconds / total : 0, (unsigned long long)t[i].waits);
    free(t);
    print_moves(s);
    mw_stream *own = c->stream, *each;
    for (int i = 0; (each = mw_stream_at(c, i)); i++) {
        c->stream = each;
        print_device(c, mw_stream_count(c) > 1 ? mw_stream_name(each) : "device");
        c->stream = own;
    }
}

static mw_status run_script(mw_session *s)
{
    mw_ctx *c = s->k->c;
    if (!mw_err(c) && !mw_script_run(c, s->script, s->k->args[0], NULL, 0))
        mw_session_deliver(s, NULL, 0);
    return mw_err(c);
}

// ---- --each NAME=FILE

static FILE *open_lines(mw_cli *k)
{
    mw_ctx *c = k->c;
    const char *file = strchr(k->each, '=');
    if (!file || file == k->each || !file[1]) {
        mw_fail(c, MW_E_USAGE, "--each=%s: must be name=file", k->each);
        return NULL;
    }
    for (int i = 0; i < k->nparams; i++)
        if (!strncmp(k->params[i], k->each, (size_t)(file - k->each) + 1)) {
            mw_fail(c, MW_E_USAGE, "--each=%s: -p %s sets the same parameter", k->each, k->params[i]);
            return NULL;
        }
    if (!strcmp(file + 1, "-") && k->input_read) {
        mw_fail(c, MW_E_USAGE, "--each=%s: standard input can be read once only, and -p has read it",
                k->each);
        return NULL;
    }
    FILE *f = strcmp(file + 1, "-") ? fopen(file + 1, "r") : stdin;
    if (!f)
        mw_fail(c, MW_E_FILE, "%s: %s", file + 1, strerror(errno));
    return f;
}

static bool tell_failed(mw_ctx *c, int number)
{
    mw_log(c, MW_LOG_ERROR, "line %d: %s", number, mw_errmsg(c));
    mw_err_clear(c);
    return false;
}

// One run with the line as the parameter's text. A failure is told, and the next line goes on; a parameter
// that the graph doesn't have is every line's failure, and stays pending.
static bool run_line(mw_session *s, const char *param, int number, bool first)
{
    mw_ctx *c = s->k->c;
    mw_session_options o = {.params = s->k->params};
    s->k->params[s->k->nparams] = param;
    mw_status e = first ? mw_session_open(s, s->k, &o) : mw_session_renew(s, &o);
    if (!e)
        e = run_script(s);
    s->k->params[s->k->nparams] = NULL;
    bool unknown = e == MW_E_USAGE && s->script && !mw_script_takes(s->script, param);
    return e == MW_OK || e == MW_E_CANCEL || unknown ? e == MW_OK : tell_failed(c, number);
}

static mw_status run_each(mw_session *s)
{
    mw_ctx *c = s->k->c;
    const char *each = s->k->each;
    char *line = NULL;
    size_t room = 0;
    int number = 0, runs = 0, failed = 0, tried = 0;
    FILE *f = open_lines(s->k);
    for (ssize_t n; f && !mw_err(c) && (n = getline(&line, &room, f)) >= 0;) {
        number++;
        n -= n && line[n - 1] == '\n';
        n -= n && line[n - 1] == '\r';
        size_t mark = number == 1 ? mw_byte_order_mark(line, (size_t)n) : 0;
        const char *text = line + mark;
        n -= (ssize_t)mark;
        if (!n)
            continue;
        tried++;
        if (memchr(text, 0, (size_t)n)) {
            mw_fail(c, MW_E_FILE, "holds a zero byte, so it is no text");
            failed += !tell_failed(c, number);
            continue;
        }
        char *param = mw_format(c, "%.*s=%.*s", (int)strcspn(each, "="), each, (int)n, text);
        if (param)
            failed += !run_line(s, param, number, runs++ == 0);
        free(param);
    }
    free(line);
    if (f && ferror(f))
        mw_fail(c, MW_E_FILE, "--each=%s: can't be read: %s", each, strerror(errno));
    if (f && f != stdin)
        fclose(f);
    if (!tried && !mw_err(c))
        mw_fail(c, MW_E_FILE, "--each=%s: no line holds anything", each);
    if (failed && !mw_err(c))
        mw_fail(c, MW_E_RUN, "%d of %d runs failed", failed, tried);
    return mw_err(c);
}

static mw_status run(mw_cli *k)
{
    mw_session s = {.k = k};
    mw_session_options o = {.params = k->params};
    mw_place_check(k->c);
    if (!mw_err(k->c) && k->each)
        run_each(&s);
    else if (!mw_session_open(&s, k, &o))
        run_script(&s);
    if (k->profile && !mw_err(k->c))
        print_times(&s);
    mw_session_close(&s);
    return mw_err(k->c);
}

const mw_verb mw_verb_run = {
    "run",
    "graph.lua",
    1,
    1,
    MW_OPT_PARAM | MW_OPT_EACH | MW_OPT_OUT | MW_OPT_DEVICE | MW_OPT_RUN | MW_OPT_TRUST | MW_OPT_JSON,
    "make a graph's outputs; print each one's name and path",
    run,
};
