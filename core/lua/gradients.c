// gradients.c: gradients in Lua, over the engine's tapes (core/tensor/tape.h).
//
// A script has one tape, which begins with the first requires_grad() and is open while an op on its tensors
// runs; the tensors own what it records. Within an energy the engine's own tape is open and records instead.
#include "core/lua/lua_internal.h"
#include "core/tensor/tape.h"

#include <string.h>

// Opens the script's tape, if there is one and no other is open; returns whether it did.
bool mw_lua_tape_open(mw_script *s)
{
    if (!s->tape || s->c->tape)
        return false;
    mw_tape_resume(s->c, s->tape);
    return true;
}

void mw_lua_tape_close(mw_script *s, bool opened)
{
    if (opened)
        mw_tape_pause(s->c);
}

void mw_lua_tape_free(mw_script *s)
{
    if (s->tape) {
        mw_tape_resume(s->c, s->tape);
        mw_tape_end(s->c);
    }
    s->tape = NULL;
}

static bool begin_tape(mw_script *s)
{
    if (!s->tape && mw_tape_begin(s->c, false) == MW_OK)
        s->tape = mw_tape_pause(s->c);
    return s->tape;
}

static bool watched(mw_script *s, const mw_tensor *t)
{
    bool opened = mw_lua_tape_open(s), yes = mw_watched(s->c, t);
    mw_lua_tape_close(s, opened);
    return yes;
}

// ---- methods

static mw_held *held_at(lua_State *L, const char *method)
{
    mw_held *h = mw_lua_held(L, 1);
    if (!h)
        mw_lua_wrong(L, "%s: expected a tensor, got %s", method, mw_lua_a_type(L, 1));
    return h;
}

static const char in_an_energy[] = "%s: the engine differentiates an energy; return it";

// x = x:requires_grad(): what is computed from x from here on can be walked back to it
static int requires_grad(lua_State *L)
{
    mw_held *h = held_at(L, "requires_grad");
    mw_script *s = mw_lua_script(L);
    lua_settop(L, 1);
    if (h->t->dtype != MW_F32 && h->t->dtype != MW_F16)
        return mw_lua_wrong(L, "requires_grad: a tensor of %s has no gradient", mw_dtype_name(h->t->dtype));
    if (s->c->tape || !begin_tape(s) || watched(s, h->t))
        return mw_err(s->c) ? mw_lua_raise(L, s) : 1;
    mw_scope_begin(s->c);
    mw_tensor *own = mw_alias(s->c, h->t); // others may hold the tensor itself
    mw_tape_resume(s->c, s->tape);
    mw_watch(s->c, own);
    mw_tape_pause(s->c);
    if (own && !mw_err(s->c)) {
        mw_release(h->t);
        h->t = mw_retain(own);
    }
    mw_scope_end(s->c, NULL);
    return mw_err(s->c) ? mw_lua_raise(L, s) : 1;
}

// x:detach(): the same numbers without their past
static int detach(lua_State *L)
{
    const mw_held *h = held_at(L, "detach");
    mw_script *s = mw_lua_script(L);
    mw_held *apart = mw_lua_push_held(L);
    mw_scope_begin(s->c);
    mw_tensor *t = mw_alias(s->c, h->t);
    if (t)
        mw_lua_hold(L, apart, t);
    mw_scope_end(s->c, NULL);
    return mw_err(s->c) ? mw_lua_raise(L, s) : 1;
}

// loss:backward(): adds to .grad of every leaf that loss was computed from
static int backward(lua_State *L)
{
    const mw_held *h = held_at(L, "backward");
    mw_script *s = mw_lua_script(L);
    if (mw_numel(h->t) != 1)
        return mw_lua_wrong(L, "backward: the tensor has %d elements, not one", (int)mw_numel(h->t));
    if (s->c->tape)
        return mw_lua_wrong(L, in_an_energy, "backward");
    if (!watched(s, h->t))
        return mw_lua_wrong(L, "backward: it was computed from no tensor with requires_grad()");
    mw_scope_begin(s->c);
    bool opened = mw_lua_tape_open(s);
    mw_gather(s->c, h->t);
    mw_lua_tape_close(s, opened);
    mw_scope_end(s->c, NULL);
    return mw_lua_raise_here(L, s);
}

static int push_grad(lua_State *L)
{
    const mw_held *h = held_at(L, "grad");
    mw_script *s = mw_lua_script(L);
    bool opened = mw_lua_tape_open(s);
    mw_tensor *g = mw_gathered(s->c, h->t);
    mw_lua_tape_close(s, opened);
    if (g)
        mw_lua_push_tensor(L, g);
    else
        lua_pushnil(L);
    return 1;
}

// x.grad = nil: the next backward() begins at zero
int mw_lua_set_grad(lua_State *L)
{
    const mw_held *h = held_at(L, "grad");
    mw_script *s = mw_lua_script(L);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    if (!name || strcmp(name, "grad") != 0 || !lua_isnil(L, 3))
        return mw_lua_wrong(L, "a tensor cannot be changed; only its gradient be taken off: t.grad = nil");
    bool opened = mw_lua_tape_open(s);
    mw_gathered_forget(s->c, h->t);
    mw_lua_tape_close(s, opened);
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
