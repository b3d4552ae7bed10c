// endpoint_events.c: an answer that comes as server-sent events.
//
// The format is that of the HTML standard, section 9.2; of its fields only `data` counts here, and `error`,
// which llama.cpp's server writes.
#include "nodes/nets/llm/endpoint_internal.h"

#include <string.h>

static void dispatch(mw_ctx *c, mw_events *e, mw_reply *r, mw_fault *f)
{
    size_t n = e->ndata;
    e->ndata = 0;
    if (!n || e->done || f->happened)
        return;
    if (n == 6 && !memcmp(e->data, "[DONE]", 6))
        e->done = true;
    else
        mw_reply_event(c, r, e->data, n, f);
}

static void add_data(mw_ctx *c, mw_events *e, const char *at, size_t n)
{
    if (e->ndata)
        mw_bytes_add(c, &e->data, &e->ndata, "\n", 1);
    mw_bytes_add(c, &e->data, &e->ndata, at, n);
}

// {"code": ...} of a field `error`, as the usual {"error": {...}}.
static void add_error(mw_ctx *c, mw_events *e, const char *at, size_t n)
{
    mw_bytes_add(c, &e->data, &e->ndata, "{\"error\":", 9);
    mw_bytes_add(c, &e->data, &e->ndata, at, n);
    mw_bytes_add(c, &e->data, &e->ndata, "}", 1);
}

static void end_line(mw_ctx *c, mw_events *e, mw_reply *r, mw_fault *f)
{
    const char *line = e->line ? e->line : "";
    size_t n = e->nline;
    e->nline = 0;
    if (!n) {
        dispatch(c, e, r, f);
        return;
    }
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : n, at = colon ? name + 1 : n;
    at += at < n && line[at] == ' ';
    if (name == 4 && !memcmp(line, "data", 4))
        add_data(c, e, line + at, n - at);
    else if (name == 5 && !memcmp(line, "error", 5))
        add_error(c, e, line + at, n - at);
}

void mw_events_feed(mw_ctx *c, mw_events *e, mw_reply *r, const char *at, size_t n, mw_fault *f)
{
    while (n && !mw_err(c)) {
        if (e->after_cr && *at == '\n') { // the second half of a line's end
            at++;
            n--;
        }
        e->after_cr = false;
        size_t k = 0;
        while (k < n && at[k] != '\n' && at[k] != '\r')
            k++;
        if (k)
            mw_bytes_add(c, &e->line, &e->nline, at, k);
        if (k < n) {
            e->after_cr = at[k] == '\r';
            end_line(c, e, r, f);
            k++;
        }
        at += k;
        n -= k;
    }
}

void mw_events_end(mw_ctx *c, mw_events *e, mw_reply *r, mw_fault *f)
{
    mw_fault last = {0};
    if (e->nline)
        end_line(c, e, r, f);
    dispatch(c, e, r, &last); // no blank line came behind it: perhaps it is whole
    if (!e->done && !*r->finish)
        mw_fault_set(f, true, "the answer was cut off after %zu bytes of text", r->n);
}
