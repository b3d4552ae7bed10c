// pickle.c: steps through the operations of a pickle: a stack of values, a memo, and nothing else.
#include "core/io/pickle_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define MAX_BYTES ((size_t)16 << 20) // that of a whole Stable Diffusion model has 300 KB

mw_status mw_pickle_bad(mw_pickle_reader *r, const char *why)
{
    return mw_fail(r->c, MW_E_FILE, "%s: its pickle is damaged or hostile: %s", r->file, why);
}

// Grown by doubling at powers of two.
bool mw_pickle_room(mw_pickle_reader *r, void **items, size_t n, size_t size)
{
    if (n && (n < 16 || n & (n - 1)))
        return true;
    void *more = mw_realloc(r->c, *items, (n ? 2 * n : 16) * size);
    *items = more ? more : *items;
    return more != NULL;
}

static int32_t keep(mw_pickle_reader *r, mw_pickle_value v)
{
    if (!mw_pickle_room(r, (void **)&r->out->values, r->out->nvalues, sizeof v))
        return -1;
    r->out->values[r->out->nvalues] = v;
    return (int32_t)r->out->nvalues++;
}

static mw_status push_place(mw_pickle_reader *r, int32_t place)
{
    if (place >= 0 && mw_pickle_room(r, (void **)&r->stack, r->nstack, sizeof *r->stack))
        r->stack[r->nstack++] = place;
    return mw_err(r->c);
}

mw_status mw_pickle_push(mw_pickle_reader *r, mw_pickle_value v) { return push_place(r, keep(r, v)); }

static mw_pickle_value *value(mw_pickle_reader *r, int32_t place) { return &r->out->values[place]; }

// The place on top, taken off; -1 with an error pending when there is none.
static int32_t pop(mw_pickle_reader *r)
{
    if (r->nstack && value(r, r->stack[r->nstack - 1])->kind != MW_PICKLE_MARK)
        return r->stack[--r->nstack];
    mw_pickle_bad(r, "an operation has nothing to work on");
    return -1;
}

// How many values lie above the last mark; SIZE_MAX with an error pending when there is none.
static size_t above_mark(mw_pickle_reader *r)
{
    for (size_t n = 0; n < r->nstack; n++)
        if (value(r, r->stack[r->nstack - 1 - n])->kind == MW_PICKLE_MARK)
            return n;
    mw_pickle_bad(r, "a mark is missing");
    return SIZE_MAX;
}

// ---- containers

static mw_status link_to(mw_pickle_reader *r, int32_t container, int32_t key, int32_t member)
{
    if (container < 0 || member < 0 ||
        !mw_pickle_room(r, (void **)&r->out->links, r->out->nlinks, sizeof *r->out->links))
        return mw_err(r->c);
    mw_pickle_value *v = value(r, container);
    int32_t place = (int32_t)r->out->nlinks++;
    r->out->links[place] = (mw_pickle_link){key, member, -1};
    if (v->last >= 0)
        r->out->links[v->last].next = place;
    else
        v->first = place;
    v->last = place;
    v->count++;
    return MW_OK;
}

static mw_status push_empty(mw_pickle_reader *r, mw_pickle_kind kind)
{
    return mw_pickle_push(r, (mw_pickle_value){.kind = kind, .first = -1, .last = -1});
}

// A tuple of the n values on top, which go; and of the mark below them.
static mw_status push_tuple(mw_pickle_reader *r, size_t n, bool marked)
{
    int32_t tuple = keep(r, (mw_pickle_value){.kind = MW_PICKLE_TUPLE, .first = -1, .last = -1});
    if (n > r->nstack)
        return mw_pickle_bad(r, "an operation has nothing to work on");
    for (size_t i = r->nstack - n; i < r->nstack && !mw_err(r->c); i++) {
        if (value(r, r->stack[i])->kind == MW_PICKLE_MARK)
            return mw_pickle_bad(r, "a mark in the wrong place");
        link_to(r, tuple, -1, r->stack[i]);
    }
    r->nstack -= n + marked;
    return push_place(r, tuple);
}

// Puts the n values on top into the list or dict below them (and below a mark).
static mw_status put_in(mw_pickle_reader *r, mw_pickle_kind kind, size_t n, bool marked)
{
    if (mw_err(r->c) || n > r->nstack || r->nstack - n < 1 + (size_t)marked)
        return mw_pickle_bad(r, "an operation has nothing to work on");
    size_t first = r->nstack - n, step = kind == MW_PICKLE_DICT ? 2 : 1;
    int32_t container = r->stack[first - 1 - marked];
    if (value(r, container)->kind != kind || n % step)
        return mw_pickle_bad(r, "members of what holds none");
    for (size_t i = first; i < r->nstack && !mw_err(r->c); i += step) {
        mw_pickle_kind key = value(r, r->stack[i])->kind, member = value(r, r->stack[i + step - 1])->kind;
        if (step == 2 && key != MW_PICKLE_TEXT && key != MW_PICKLE_INT)
            return mw_pickle_bad(r, "a key that is neither a text nor a whole number");
        if (member > MW_PICKLE_TENSOR)
            return mw_pickle_bad(r, "a member that is no value");
        link_to(r, container, step == 2 ? r->stack[i] : -1, r->stack[i + step - 1]);
    }
    r->nstack = first - marked;
    return mw_err(r->c);
}

// ---- operands

static const uint8_t *take(mw_pickle_reader *r, size_t n)
{
    const uint8_t *p = r->at;
    if ((size_t)(r->end - r->at) < n) {
        mw_pickle_bad(r, "it ends too early");
        return NULL;
    }
    r->at += n;
    return p;
}

// A whole number of n bytes, the lowest first.
static uint64_t unsigned_of(mw_pickle_reader *r, int n)
{
    const uint8_t *p = take(r, (size_t)n);
    uint64_t v = 0;
    while (p && n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static mw_status push_integer(mw_pickle_reader *r, int64_t v)
{
    return mw_pickle_push(r, (mw_pickle_value){.kind = MW_PICKLE_INT, .integer = v});
}

static mw_status push_long(mw_pickle_reader *r)
{
    int n = (int)unsigned_of(r, 1);
    if (n > 8)
        return mw_pickle_bad(r, "a whole number of more than 64 bits");
    uint64_t v = unsigned_of(r, n);
    if (n && n < 8 && v >> (8 * n - 1))
        v |= UINT64_MAX << (8 * n);
    return push_integer(r, (int64_t)v);
}

static mw_status push_float(mw_pickle_reader *r)
{
    const uint8_t *p = take(r, 8); // the highest byte first
    uint64_t bits = 0;
    double v;
    for (int i = 0; p && i < 8; i++)
        bits = bits << 8 | p[i];
    memcpy(&v, &bits, sizeof v);
    return mw_pickle_push(r, (mw_pickle_value){.kind = MW_PICKLE_FLOAT, .number = v});
}

static mw_status push_text(mw_pickle_reader *r, int width)
{
    size_t n = unsigned_of(r, width);
    const uint8_t *p = mw_err(r->c) ? NULL : take(r, n);
    for (size_t i = 0; p && i < n;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t m = utf8proc_iterate(p + i, (utf8proc_ssize_t)(n - i), &point);
        if (m <= 0 || !point)
            return mw_pickle_bad(r, "a text that is no UTF-8");
        i += (size_t)m;
    }
    if (p)
        mw_pickle_push(r, (mw_pickle_value){.kind = MW_PICKLE_TEXT, .text = {(const char *)p, n}});
    return mw_err(r->c);
}

// "module\nname\n"
static mw_status push_name(mw_pickle_reader *r)
{
    const char *line[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
        if (!end)
            return mw_pickle_bad(r, "it ends too early");
        line[i] = (const char *)r->at;
        size[i] = (size_t)(end - r->at);
        r->at = end + 1;
    }
    return mw_pickle_name(r, line[0], size[0], line[1], size[1]);
}

static mw_status memo_put(mw_pickle_reader *r, uint64_t at, size_t size)
{
    if (mw_err(r->c) || !r->nstack || at >= size || value(r, r->stack[r->nstack - 1])->kind == MW_PICKLE_MARK)
        return mw_pickle_bad(r, "a memo out of range");
    if (at >= r->nmemo) {
        size_t n = at < 64 ? 64 : 2 * (size_t)at;
        int32_t *memo = mw_realloc(r->c, r->memo, n * sizeof *memo);
        if (!memo)
            return mw_err(r->c);
        memset(memo + r->nmemo, 0xff, (n - r->nmemo) * sizeof *memo);
        r->memo = memo;
        r->nmemo = n;
    }
    r->memo[at] = r->stack[r->nstack - 1];
    return MW_OK;
}

static mw_status memo_get(mw_pickle_reader *r, uint64_t at)
{
    if (mw_err(r->c) || at >= r->nmemo || r->memo[at] < 0)
        return mw_pickle_bad(r, "a memo that is not there");
    return push_place(r, r->memo[at]);
}

// ---- operations

static mw_status reduce(mw_pickle_reader *r)
{
    int32_t arguments = pop(r), name = arguments < 0 ? -1 : pop(r);
    mw_pickle_value made = {0};
    if (name >= 0 && mw_pickle_reduce(r, value(r, name), value(r, arguments), &made) == MW_OK)
        mw_pickle_push(r, made);
    return mw_err(r->c);
}

static mw_status persistent(mw_pickle_reader *r)
{
    int32_t id = pop(r);
    mw_pickle_value made = {0};
    if (id >= 0 && mw_pickle_storage_of(r, value(r, id), &made) == MW_OK)
        mw_pickle_push(r, made);
    return mw_err(r->c);
}

// The state of an object: a state dict has its versions in it, which are left aside; nothing else has one.
static mw_status build(mw_pickle_reader *r)
{
    int32_t state = pop(r);
    if (state < 0 || !r->nstack || value(r, state)->kind != MW_PICKLE_DICT ||
        value(r, r->stack[r->nstack - 1])->kind != MW_PICKLE_DICT)
        return mw_pickle_bad(r, "the state of what has none");
    return MW_OK;
}

static mw_status step(mw_pickle_reader *r, uint8_t op, size_t size)
{
    mw_pickle_value bit = {.kind = MW_PICKLE_BOOL, .integer = op == 0x88};
    switch (op) {
    case 0x80: return take(r, 1) ? MW_OK : mw_err(r->c);
    case '}': return push_empty(r, MW_PICKLE_DICT);
    case ']': return push_empty(r, MW_PICKLE_LIST);
    case ')': return push_empty(r, MW_PICKLE_TUPLE);
    case '(': return mw_pickle_push(r, (mw_pickle_value){.kind = MW_PICKLE_MARK});
    case 't': {
        size_t n = above_mark(r);
        return mw_err(r->c) ? mw_err(r->c) : push_tuple(r, n, true);
    }
    case 0x85:
    case 0x86:
    case 0x87: return push_tuple(r, op - 0x84u, false);
    case 'a': return put_in(r, MW_PICKLE_LIST, 1, false);
    case 'e': return put_in(r, MW_PICKLE_LIST, above_mark(r), true);
    case 's': return put_in(r, MW_PICKLE_DICT, 2, false);
    case 'u': return put_in(r, MW_PICKLE_DICT, above_mark(r), true);
    case 'N': return mw_pickle_push(r, (mw_pickle_value){.kind = MW_PICKLE_NONE});
    case 0x88:
    case 0x89: return mw_pickle_push(r, bit);
    case 'J': return push_integer(r, (int32_t)unsigned_of(r, 4));
    case 'K': return push_integer(r, (int64_t)unsigned_of(r, 1));
    case 'M': return push_integer(r, (int64_t)unsigned_of(r, 2));
    case 0x8a: return push_long(r);
    case 'G': return push_float(r);
    case 'X': return push_text(r, 4);
    case 'U': return push_text(r, 1);
    case 'c': return push_name(r);
    case 'R': return reduce(r);
    case 'Q': return persistent(r);
    case 'b': return build(r);
    case 'q': return memo_put(r, unsigned_of(r, 1), size);
    case 'r': return memo_put(r, unsigned_of(r, 4), size);
    case 'h': return memo_get(r, unsigned_of(r, 1));
    case 'j': return memo_get(r, unsigned_of(r, 4));
    }
    return mw_fail(r->c, MW_E_FILE, "%s: its pickle holds the operation 0x%02x, which no tensor needs",
                   r->file, op);
}

mw_status mw_pickle_read(mw_ctx *c, const char *file, const uint8_t *data, size_t size, mw_pickle *out)
{
    mw_pickle_reader r = {.c = c, .file = file, .at = data, .end = data + size, .out = out};
    *out = (mw_pickle){.root = -1};
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (size > MAX_BYTES)
        return mw_fail(c, MW_E_FILE, "%s: its pickle has %zu bytes, more than the %zu that are read", file,
                       size, MAX_BYTES);
    const uint8_t *op;
    while (mw_err(c) == MW_OK && (op = take(&r, 1)) && *op != '.')
        step(&r, *op, size);
    if (mw_err(c) == MW_OK && (r.nstack != 1 || value(&r, r.stack[0])->kind > MW_PICKLE_TENSOR))
        mw_pickle_bad(&r, "it leaves no value");
    out->root = mw_err(c) == MW_OK ? r.stack[0] : -1;
    free(r.stack);
    free(r.memo);
    return mw_err(c);
}

void mw_pickle_free(mw_pickle *p)
{
    free(p->values);
    free(p->links);
    free(p->tensors);
    *p = (mw_pickle){.root = -1};
}
