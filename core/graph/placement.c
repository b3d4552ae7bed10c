// placement.c: where several devices are open: which one a node runs on, and values brought there.
//
// A pinned node runs where the script says. The others go to devices that compute the same bits as the first,
// so that results do not depend on which was free; a node that calls the script's functions, whose tensors
// lie on the first, goes there. Values are brought to where they are used, once for each device.
#include "core/cl/device.h"
#include "core/graph/exec_internal.h"
#include "core/graph/graph_internal.h"

#include <stdlib.h>
#include <string.h>

const mw_port mw_device_port = {
    .name = "device",
    .type = "integer",
    .def = "null",
    .min = 0,
    .max = MW_MOST_STREAMS - 1,
    .doc = "run on this one of the devices that --device names, counted from 0; absent: on any that is free",
};

bool mw_placement_matters(const mw_ctx *c) { return mw_stream_at(c, 1) != NULL; }

mw_status mw_placement_check(mw_ctx *c, const mw_gnode *n)
{
    int count = mw_stream_count(c);
    if (!n->pin || n->pin <= count)
        return mw_err(c);
    return mw_fail(c, MW_E_DEVICE, "%s: %s: 'device' is %d, but this run has %s; --device names several",
                   n->where, n->schema->type->name, n->pin - 1,
                   count == 1 ? "one device, 0" : "fewer devices, counted from 0");
}

// Bytes of v that lie on s.
static size_t bytes_on(const mw_value *v, const mw_stream *s)
{
    mw_tensor *t = mw_value_as_tensor(v);
    mw_object *o = mw_value_as_object(v);
    size_t bytes = t && mw_tensor_stream(t) == s ? mw_value_bytes(v) : 0;
    if (o && o->type->bytes)
        bytes += o->type->bytes(o, s);
    for (size_t i = 0; i < mw_value_count(v); i++)
        bytes += bytes_on(mw_value_at(v, i), s);
    return bytes;
}

static size_t inputs_on(const mw_exec *x, const mw_gnode *n, const mw_stream *s)
{
    size_t bytes = 0;
    for (int d = 0; d < n->ndeps; d++) {
        const mw_gnode *from = mw_graph_node(x->g, n->deps[d]);
        for (int i = 0; from->out && i < from->schema->nout; i++)
            bytes += bytes_on(from->out[i], s);
    }
    return bytes;
}

mw_stream *mw_placement_choose(const mw_ctx *c, const mw_exec *x, const mw_gnode *n)
{
    mw_stream *first = mw_stream_at(c, 0), *best = NULL, *s;
    if (n->schema->type->flags & MW_NODE_HOST)
        return c->stream;
    if (n->pin)
        return mw_stream_at(c, n->pin - 1);
    if (n->called || n->schema->type->flags & MW_NODE_MAIN)
        return first;
    int least = 0;
    size_t most = 0;
    for (int i = 0; (s = mw_stream_at(c, i)); i++) {
        if (!mw_stream_alike(first, s) || (best && x->on[i] > least))
            continue;
        size_t bytes = inputs_on(x, n, s);
        if (best && x->on[i] == least && bytes <= most)
            continue;
        best = s;
        least = x->on[i];
        most = bytes;
    }
    return best;
}

// ---- values

static bool lies_elsewhere(const mw_ctx *c, const mw_value *v)
{
    mw_tensor *t = mw_value_as_tensor(v);
    bool other = t && mw_tensor_stream(t) && mw_tensor_stream(t) != c->stream;
    for (size_t i = 0; i < mw_value_count(v) && !other; i++)
        other = lies_elsewhere(c, mw_value_at(v, i));
    return other;
}

// Under the lock. NULL with an error pending.
static mw_move *move_of(mw_ctx *c, mw_exec *x, const mw_gnode *n, const char *port, int from, int to)
{
    char *what = mw_format(c, "%s: %s: '%s'", n->where, n->schema->type->name, port);
    for (int i = 0; what && i < x->nmoves; i++)
        if (x->moves[i].from == from && x->moves[i].to == to && !strcmp(x->moves[i].what, what)) {
            free(what);
            return &x->moves[i];
        }
    mw_move *more = what ? mw_realloc(c, x->moves, ((size_t)x->nmoves + 1) * sizeof *more) : NULL;
    if (!more) {
        free(what);
        return NULL;
    }
    x->moves = more;
    more[x->nmoves] = (mw_move){.what = what, .from = from, .to = to};
    return &more[x->nmoves++];
}

static mw_value *bring_tensor(mw_ctx *c, mw_exec *x, const mw_gnode *n, const char *port, mw_tensor *t)
{
    mw_scope_begin(c);
    mw_tensor *here = mw_tensor_to(c, t, c->stream);
    mw_value *v = here ? mw_value_tensor(c, here) : NULL;
    mw_scope_end(c, NULL);
    if (!v)
        return NULL;
    pthread_mutex_lock(&x->lock);
    mw_move *m = move_of(c, x, n, port, mw_stream_number(mw_tensor_stream(t)), mw_stream_number(c->stream));
    if (m) {
        m->tensors++;
        m->bytes += mw_value_bytes(v);
        mw_log(c, MW_LOG_DEBUG, "%s brought to %s", m->what, mw_stream_name(c->stream));
    }
    pthread_mutex_unlock(&x->lock);
    return v;
}

mw_value *mw_placement_bring(mw_ctx *c, mw_exec *x, const mw_gnode *n, const char *port, mw_value *v)
{
    if (!v || !lies_elsewhere(c, v))
        return mw_value_retain(v);
    if (mw_value_as_tensor(v))
        return bring_tensor(c, x, n, port, mw_value_as_tensor(v));
    bool list = mw_value_kind(v) == MW_LIST;
    mw_value *copy = list ? mw_value_list(c) : mw_value_map(c);
    for (size_t i = 0; copy && i < mw_value_count(v) && !mw_err(c); i++) {
        mw_value *item = mw_placement_bring(c, x, n, port, mw_value_at(v, i));
        if (list)
            mw_value_push(c, copy, item);
        else
            mw_value_set(c, copy, mw_value_key_at(v, i), item);
    }
    return copy;
}

// The place of the copy of n's output `out` on the context's stream; NULL with an error pending.
static mw_value **copy_of(mw_ctx *c, mw_gnode *n, int out)
{
    if (!n->copies)
        n->copies = mw_alloc(c, (size_t)n->schema->nout * MW_MOST_STREAMS * sizeof *n->copies);
    return n->copies ? &n->copies[out * MW_MOST_STREAMS + mw_stream_number(c->stream)] : NULL;
}

mw_value *mw_placement_result(mw_ctx *c, mw_exec *x, mw_gnode *n, int out)
{
    if (!lies_elsewhere(c, n->out[out]))
        return mw_value_retain(n->out[out]);
    pthread_mutex_lock(&x->lock);
    mw_value **kept = copy_of(c, n, out), *v = kept ? mw_value_retain(*kept) : NULL;
    pthread_mutex_unlock(&x->lock);
    if (v || !kept)
        return v;
    v = mw_placement_bring(c, x, n, n->schema->type->out[out].name, n->out[out]);
    if (!v)
        return NULL;
    pthread_mutex_lock(&x->lock);
    if (!*kept)
        *kept = mw_value_retain(v);
    pthread_mutex_unlock(&x->lock);
    return v;
}

void mw_placement_forget(mw_gnode *n)
{
    for (int i = 0; n->copies && i < n->schema->nout * MW_MOST_STREAMS; i++)
        mw_value_release(n->copies[i]);
    free(n->copies);
    n->copies = NULL;
}

void mw_placement_return(mw_ctx *c, mw_exec *x, mw_gnode *n)
{
    for (int i = 0; i < n->schema->nout && !mw_err(c); i++) {
        mw_value *here = mw_placement_result(c, x, n, i);
        if (!here)
            return;
        mw_value_release(n->out[i]);
        n->out[i] = here;
    }
    mw_placement_forget(n);
}
