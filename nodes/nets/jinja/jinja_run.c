// jinja_run.c: writes a template out: statements, macros, what a run starts with.
#include "nodes/nets/jinja/jinja_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS UINT64_C(5000000) // a second; a long conversation takes a hundredth
enum { STAYS, BREAKS, CONTINUES };

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_node node;

value mw_jinja_wrong(run *r, const char *fmt, ...)
{
    char why[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    if (!mw_err(r->c))
        mw_fail(r->c, MW_E_ARG, "%s, line %d: %s", r->t->name, r->line, why);
    return (value){0};
}

bool mw_jinja_stopped(run *r)
{
    if (!mw_err(r->c) && ++r->steps > MAX_STEPS)
        mw_jinja_wrong(r, "the template runs on and on");
    return mw_err(r->c) || (r->steps % 4096 == 0 && mw_cancelled(r->c));
}

// ---- names

static mw_jinja_scope *enter(run *r, mw_jinja_scope *outer)
{
    mw_jinja_scope *s = mw_jinja_alloc(&r->m, sizeof *s);
    if (s) {
        s->outer = outer;
        r->scope = s;
    }
    return s;
}

static void define(run *r, const char *name, value v)
{
    mw_jinja_set(&r->m, &r->scope->names, mw_jinja_words(r, name), v);
}

static void assign(run *r, const node *target, value v)
{
    if (target->kind == MW_JINJA_NAME) {
        define(r, target->name, v);
    } else if (target->kind == MW_JINJA_ATTRIBUTE) {
        value of = mw_jinja_eval(r, target->a);
        if (of.kind != MW_JINJA_NAMESPACE)
            mw_jinja_wrong(r, "only a namespace's parts can be set, not those of %s", mw_jinja_kind_name(of));
        else
            mw_jinja_set(&r->m, of.dict, mw_jinja_words(r, target->name), v);
    } else {
        const mw_jinja_list *items = mw_jinja_items_of(r, v);
        if (!mw_err(r->c) && items->n != target->n)
            mw_jinja_wrong(r, "%zu values for %zu names", items->n, target->n);
        for (size_t i = 0; i < target->n && !mw_err(r->c); i++)
            assign(r, target->list[i], items->item[i]);
    }
}

// ---- statements

// The items of a loop: those that its condition is true of.
static mw_jinja_list *kept(run *r, const node *n)
{
    value v = mw_jinja_eval(r, n->a);
    const mw_jinja_list *all = mw_jinja_items_of(r, v);
    value out = mw_jinja_list_new(&r->m);
    mw_jinja_scope *outer = r->scope;
    for (size_t i = 0; i < all->n && !mw_jinja_stopped(r); i++) {
        if (n->c && enter(r, outer))
            assign(r, n->b, all->item[i]);
        if (!n->c || mw_jinja_true(mw_jinja_eval(r, n->c)))
            mw_jinja_push(&r->m, out, all->item[i]);
    }
    r->scope = outer;
    return out.kind == MW_JINJA_LIST ? out.list : NULL;
}

static void run_for(run *r, const node *n)
{
    mw_jinja_scope *outer = r->scope;
    mw_jinja_list *items = kept(r, n);
    mw_jinja_loop *loop = mw_jinja_alloc(&r->m, sizeof *loop);
    int leaving = STAYS;
    if (!items || !loop)
        return;
    *loop = (mw_jinja_loop){items, 0};
    for (; loop->at < items->n && leaving != BREAKS && !mw_jinja_stopped(r); loop->at++) {
        if (!enter(r, outer))
            break;
        define(r, "loop", (value){.kind = MW_JINJA_LOOP, .loop = loop});
        assign(r, n->b, items->item[loop->at]);
        leaving = STAYS;
        mw_jinja_exec(r, n->list, n->n, &leaving);
    }
    r->scope = outer;
    if (items->n == 0)
        mw_jinja_exec(r, n->more, n->nmore, &leaving);
}

static value captured(run *r, node *const *list, size_t n, int *leaving)
{
    mw_jinja_writer own = {0}, *outer = r->out;
    r->out = &own;
    mw_jinja_exec(r, list, n, leaving);
    r->out = outer;
    return mw_jinja_written(r, &own);
}

static void run_capture(run *r, const node *n, int *leaving)
{
    mw_jinja_scope *outer = r->scope;
    if (!enter(r, outer))
        return;
    value text = captured(r, n->list, n->n, leaving);
    define(r, MW_JINJA_WRITTEN, text);
    text = mw_jinja_eval(r, n->a);
    r->scope = outer;
    assign(r, n->b, text);
}

static void run_define(run *r, const node *n)
{
    mw_jinja_macro *m = mw_jinja_alloc(&r->m, sizeof *m);
    if (!m)
        return;
    *m = (mw_jinja_macro){n, r->scope};
    define(r, n->name, (value){.kind = MW_JINJA_MACRO, .macro = m});
}

value mw_jinja_call_macro(run *r, const mw_jinja_macro *macro, const mw_jinja_arguments *a)
{
    const node *n = macro->node;
    mw_jinja_scope *caller = r->scope;
    int leaving = STAYS;
    if (a->n > n->nmore)
        return mw_jinja_wrong(r, "the macro '%s' takes %zu values, not %zu", n->name, n->nmore, a->n);
    for (size_t i = 0; i < a->nkeywords; i++) {
        bool known = false;
        for (size_t k = 0; k < n->nmore; k++)
            known |= strcmp(n->more[k]->name, a->keyword[i]) == 0;
        if (!known)
            return mw_jinja_wrong(r, "the macro '%s' has no parameter '%s'", n->name, a->keyword[i]);
    }
    if (!enter(r, macro->scope))
        return (value){0};
    for (size_t i = 0; i < n->nmore && !mw_err(r->c); i++) {
        value v = mw_jinja_argument(a, i, n->more[i]->name);
        if (v.kind == MW_JINJA_UNDEFINED && n->more[i]->a)
            v = mw_jinja_eval(r, n->more[i]->a);
        define(r, n->more[i]->name, v);
    }
    value text = captured(r, n->list, n->n, &leaving);
    r->scope = caller;
    return text;
}

static void run_one(run *r, const node *n, int *leaving)
{
    switch (n->kind) {
    case MW_JINJA_TEXT: mw_jinja_put_value(r, r->out, n->value); break;
    case MW_JINJA_PRINT: mw_jinja_put_value(r, r->out, mw_jinja_eval(r, n->a)); break;
    case MW_JINJA_IF:
        if (mw_jinja_true(mw_jinja_eval(r, n->a)))
            mw_jinja_exec(r, n->list, n->n, leaving);
        else
            mw_jinja_exec(r, n->more, n->nmore, leaving);
        break;
    case MW_JINJA_FOR: run_for(r, n); break;
    case MW_JINJA_SET: assign(r, n->b, mw_jinja_eval(r, n->a)); break;
    case MW_JINJA_CAPTURE: run_capture(r, n, leaving); break;
    case MW_JINJA_DEFINE: run_define(r, n); break;
    case MW_JINJA_BREAK: *leaving = BREAKS; break;
    case MW_JINJA_CONTINUE: *leaving = CONTINUES; break;
    case MW_JINJA_GROUP: mw_jinja_exec(r, n->list, n->n, leaving); break;
    default: break;
    }
}

void mw_jinja_exec(run *r, node *const *list, size_t n, int *leaving)
{
    if (++r->depth > 5 * MW_JINJA_DEPTH)
        mw_jinja_wrong(r, "calls nested too deep");
    for (size_t i = 0; i < n && *leaving == STAYS && !mw_jinja_stopped(r); i++) {
        r->line = list[i]->line;
        run_one(r, list[i], leaving);
    }
    r->depth--;
}

// ---- a run

static void define_all(run *r, const json_t *o, bool foreign)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v) define(r, key, mw_jinja_of_json(&r->m, v, foreign));
}

static size_t size_of(const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i, n = 64 + json_string_length(v);
    json_object_foreach((json_t *)v, key, item) n += strlen(key) + size_of(item);
    json_array_foreach(v, i, item) n += size_of(item);
    return n;
}

static bool add_span(mw_ctx *c, mw_jinja_text *out, size_t begin, size_t end)
{
    size_t n = out->nforeign;
    mw_text_span *grown =
        n & (n - 1) ? out->foreign : mw_realloc(c, out->foreign, (n ? 2 * n : 1) * sizeof *grown);
    if (!grown)
        return false;
    out->foreign = grown;
    out->foreign[out->nforeign++] = (mw_text_span){begin, end};
    return true;
}

static void give(mw_ctx *c, const mw_jinja_writer *w, mw_jinja_text *out)
{
    out->text = mw_alloc(c, w->n + 1);
    out->size = w->n;
    if (out->text && w->n)
        memcpy(out->text, w->text, w->n);
    for (size_t i = 0, end; out->text && i < w->n; i = end) {
        for (end = i + 1; end < w->n && w->foreign[end] == w->foreign[i];)
            end++;
        if (w->foreign[i] && !add_span(c, out, i, end))
            return;
    }
}

mw_status mw_jinja_render(mw_ctx *c, const mw_jinja *t, const json_t *own, const json_t *foreign,
                          mw_jinja_text *out)
{
    mw_jinja_writer w = {0};
    run r = {.c = c, .t = t, .out = &w, .line = 1};
    *out = (mw_jinja_text){0};
    r.m = (mw_jinja_memory){.c = c,
                            .limit = 16 * (t->size + size_of(own) + size_of(foreign)) + ((size_t)40 << 20)};
    int leaving = STAYS;
    if (mw_err(c) == MW_OK && enter(&r, NULL)) {
        define_all(&r, own, false);
        define_all(&r, foreign, true);
        mw_jinja_exec(&r, t->list, t->n, &leaving);
    }
    if (mw_err(c) == MW_OK)
        give(c, &w, out);
    mw_jinja_release(&r.m);
    return mw_err(c);
}

void mw_jinja_text_free(mw_jinja_text *t)
{
    free(t->text);
    free(t->foreign);
    *t = (mw_jinja_text){0};
}
