// gradients.c: gradients in Lua: how a tensor came about, and the walk back to those that want a gradient.
//
// Each call on tensors that want a gradient keeps a tape of its own, which goes when Lua's collector finds
// that nothing leads to it any more. Within an energy the engine's own tape is open and records instead.
#include "core/lua/lua_internal.h"
#include "core/ops.h"
#include "core/tensor/tape.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FROM = 4 };

struct mw_past {
    int refs;
    uint64_t serial;          // above those of what it came from
    mw_past *from[MOST_FROM]; // of each argument; NULL where it wants no gradient
    mw_tensor *in[MOST_FROM]; // what the tape watches in the argument's place
    mw_tensor *out;
    struct mw_tape *tape; // NULL: a leaf, or walked already
    bool leaf;
    bool met;        // by the walk under way
    mw_tensor *grad; // of a leaf what was summed so far, else what the walk has brought
    mw_past *next;   // while it is freed
};

// ---- a call's past

static void end_tape(mw_ctx *c, struct mw_tape *tape)
{
    struct mw_tape *open = c->tape;
    if (!tape)
        return;
    c->tape = tape;
    mw_tape_end(c);
    c->tape = open;
}

// Lets go of all that the walk needs; what this leaves without a share goes onto the list.
static mw_past *spend(mw_ctx *c, mw_past *p, mw_past *list)
{
    end_tape(c, p->tape);
    p->tape = NULL;
    mw_release(p->out);
    p->out = NULL;
    for (int i = 0; i < MOST_FROM; i++) {
        mw_past *from = p->from[i];
        mw_release(p->in[i]);
        p->in[i] = NULL;
        p->from[i] = NULL;
        if (from && --from->refs == 0) {
            from->next = list;
            list = from;
        }
    }
    return list;
}

static void free_list(mw_ctx *c, mw_past *list)
{
    while (list) { // no recursion: a script's loop makes chains of any length
        mw_past *p = list;
        list = spend(c, p, p->next);
        mw_release(p->grad);
        free(p);
    }
}

void mw_past_release(mw_ctx *c, mw_past *p)
{
    if (!p || --p->refs)
        return;
    p->next = NULL;
    free_list(c, p);
}

static mw_past *past_new(mw_script *s)
{
    mw_past *p = mw_alloc(s->c, sizeof *p);
    if (p) {
        p->refs = 1;
        p->serial = ++s->pasts;
    }
    return p;
}

void mw_past_begin(lua_State *L, mw_script *s)
{
    mw_past *from[MOST_FROM] = {0};
    int top = lua_gettop(L);
    bool wanted = false;
    for (int i = 0; !s->c->tape && i < MOST_FROM && i < top; i++) {
        mw_held *h = mw_lua_held(L, i + 1);
        from[i] = h ? h->past : NULL;
        wanted = wanted || from[i];
    }
    if (!wanted || !(s->making = past_new(s)) || mw_tape_begin(s->c, false) != MW_OK)
        return;
    for (int i = 0; i < MOST_FROM; i++) {
        if (!from[i])
            continue;
        s->making->in[i] = mw_retain(mw_alias(s->c, mw_lua_tensor(L, i + 1)));
        s->making->from[i] = from[i];
        from[i]->refs++;
        mw_watch(s->c, s->making->in[i]);
    }
}

mw_tensor *mw_past_argument(const mw_script *s, int idx)
{
    return s->making && idx >= 1 && idx <= MOST_FROM ? s->making->in[idx - 1] : NULL;
}

mw_past *mw_past_end(mw_script *s, mw_tensor *result)
{
    mw_past *p = s->making;
    s->making = NULL;
    if (!p)
        return NULL;
    bool watched = !mw_err(s->c) && mw_watched(s->c, result);
    p->tape = s->c->tape;
    s->c->tape = NULL;
    if (watched) {
        p->out = mw_retain(result);
        return p;
    }
    mw_past_release(s->c, p);
    return NULL;
}

// ---- the walk

typedef struct walk {
    mw_past **item;
    size_t n, room;
} walk;

static void meet(mw_ctx *c, walk *w, mw_past *p)
{
    if (!p || p->met)
        return;
    if (w->n == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        mw_past **more = mw_realloc(c, w->item, room * sizeof(mw_past *));
        if (!more)
            return;
        w->item = more;
        w->room = room;
    }
    p->met = true;
    p->refs++;
    w->item[w->n++] = p;
}

static int latest_first(const void *a, const void *b)
{
    const mw_past *x = *(mw_past *const *)a, *y = *(mw_past *const *)b;
    return (x->serial < y->serial) - (x->serial > y->serial);
}

static void accumulate(mw_ctx *c, mw_past *p, mw_tensor *g)
{
    mw_tensor *sum = mw_retain(p->grad ? mw_add(c, p->grad, g) : g);
    if (mw_err(c)) {
        mw_release(sum);
        return;
    }
    mw_release(p->grad);
    p->grad = sum;
}

// From the gradient of a call's result to those of its arguments; its records are used up.
static void walk_one(mw_ctx *c, mw_past *p)
{
    mw_tensor *in[MOST_FROM], *grad[MOST_FROM] = {0};
    int at[MOST_FROM], n = 0;
    if (p->leaf || !p->grad)
        return;
    if (!p->tape) {
        mw_fail(c, MW_E_ARG, "backward: a part of this was walked back before; compute it anew");
        return;
    }
    for (int i = 0; i < MOST_FROM; i++)
        if (p->from[i]) {
            at[n] = i;
            in[n++] = p->in[i];
        }
    mw_scope_begin(c);
    c->tape = p->tape;
    mw_backward(c, 1, &p->out, &p->grad, n, in, grad);
    c->tape = NULL;
    for (int i = 0; i < n && !mw_err(c); i++)
        accumulate(c, p->from[at[i]], grad[i]);
    mw_scope_end(c, NULL);
    free_list(c, spend(c, p, NULL));
}

static void walk_back(mw_ctx *c, mw_past *root, mw_tensor *seed)
{
    walk w = {0};
    meet(c, &w, root);
    for (size_t i = 0; i < w.n; i++)
        for (int j = 0; j < MOST_FROM; j++)
            meet(c, &w, w.item[i]->from[j]);
    if (w.n)
        qsort(w.item, w.n, sizeof(mw_past *), latest_first);
    if (!mw_err(c))
        accumulate(c, root, seed);
    for (size_t i = 0; i < w.n && !mw_err(c) && !mw_cancelled(c); i++)
        walk_one(c, w.item[i]);
    for (size_t i = 0; i < w.n; i++) {
        mw_past *p = w.item[i];
        p->met = false;
        if (!p->leaf) {
            mw_release(p->grad);
            p->grad = NULL;
        }
        mw_past_release(c, p);
    }
    free(w.item);
}

// ---- methods

static mw_held *held_at(lua_State *L, const char *method)
{
    mw_held *h = mw_lua_held(L, 1);
    if (!h)
        mw_lua_wrong(L, "%s: expected a tensor, got a %s", method, luaL_typename(L, 1));
    return h;
}

// x = x:requires_grad(): what is computed from x from here on can be walked back to it
static int requires_grad(lua_State *L)
{
    mw_held *h = held_at(L, "requires_grad");
    mw_script *s = mw_lua_script(L);
    if (h->t->dtype != MW_F32 && h->t->dtype != MW_F16)
        return mw_lua_wrong(L, "requires_grad: a tensor of %s has no gradient", mw_dtype_name(h->t->dtype));
    if (!h->past) {
        h->past = past_new(s);
        if (!h->past)
            return mw_lua_raise(L, s);
        h->past->leaf = true;
    }
    lua_settop(L, 1);
    return 1;
}

// x:detach(): the same numbers without their past
static int detach(lua_State *L)
{
    mw_held *h = held_at(L, "detach");
    mw_lua_push_tensor(L, h->t);
    return 1;
}

// loss:backward(): adds to .grad of every leaf that loss was computed from
static int backward(lua_State *L)
{
    mw_held *h = held_at(L, "backward");
    mw_script *s = mw_lua_script(L);
    mw_ctx *c = s->c;
    const float one = 1;
    if (mw_numel(h->t) != 1)
        return mw_lua_wrong(L, "backward: the tensor has %d elements, not one", (int)mw_numel(h->t));
    if (c->tape)
        return mw_lua_wrong(L, "backward: the engine differentiates an energy; return it");
    if (!h->past)
        return mw_lua_wrong(L, "backward: it was computed from no tensor with requires_grad()");
    mw_scope_begin(c);
    walk_back(c, h->past, mw_tensor_from_f32(c, MW_F32, h->t->ndim, h->t->shape, &one));
    mw_scope_end(c, NULL);
    return mw_lua_raise_here(L, s);
}

static int push_grad(lua_State *L)
{
    const mw_held *h = held_at(L, "grad");
    if (h->past && h->past->leaf && h->past->grad)
        mw_lua_push_tensor(L, h->past->grad);
    else
        lua_pushnil(L);
    return 1;
}

// x.grad = nil: the next backward() begins at zero
int mw_lua_set_grad(lua_State *L)
{
    mw_held *h = held_at(L, "grad");
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    if (!name || strcmp(name, "grad") != 0 || !lua_isnil(L, 3))
        return mw_lua_wrong(L, "a tensor cannot be changed; only its gradient be taken off: t.grad = nil");
    if (h->past && h->past->leaf) {
        mw_release(h->past->grad);
        h->past->grad = NULL;
    }
    return 0;
}

const mw_lua_entry mw_lua_gradients[] = {
    {.name = "requires_grad",
     .run = requires_grad,
     .usage = "t:requires_grad()",
     .type = "fun(self: mw.tensor): mw.tensor",
     .doc = "The same numbers as a leaf: backward() of what is computed from it fills its grad."},
    {.name = "backward",
     .run = backward,
     .usage = "loss:backward()",
     .type = "fun(self: mw.tensor)",
     .doc = "Adds the gradient of this one number to the grad of every leaf it was computed from."},
    {.name = "grad",
     .run = push_grad,
     .field = true,
     .usage = "t.grad",
     .type = "mw.tensor?",
     .doc = "A leaf's gradient, nil before backward(). t.grad = nil lets the next one begin at zero."},
    {.name = "detach",
     .run = detach,
     .usage = "t:detach()",
     .type = "fun(self: mw.tensor): mw.tensor",
     .doc = "The same numbers without what they came from: no gradient flows through."},
    {.name = NULL},
};
