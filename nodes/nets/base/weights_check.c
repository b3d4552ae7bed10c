// weights_check.c: the end of a network's dry run: what is missing, misshapen or not used.
#include "nodes/nets/base/weights_internal.h"

#include <stdio.h>
#include <string.h>

void mw_few_add(mw_few *l, const char *sentence)
{
    size_t length = strlen(l->text);
    if (l->n++ < MW_WEIGHTS_LISTED)
        snprintf(l->text + length, sizeof l->text - length, "%s%s", length ? "; " : "", sentence);
}

// Does the file hold `unread` in the module of the weight, or below it?
static bool in_module(const char *unread, const char *weight)
{
    const char *dot = strrchr(weight, '.');
    size_t n = dot ? (size_t)(dot - weight) + 1 : 0;
    return n && strncmp(unread, weight, n) == 0;
}

// A weight of integers or 8-bit floats is not what it seems where something beside it was not read.
static void fail_coarse(mw_ctx *c, const mw_weights *w, const char *unread)
{
    const mw_weight_source *s = &w->source;
    bool coarse = false;
    if (!s->stored_as)
        return;
    const char *file_name = s->stored_as(s->user, unread, &coarse);
    for (size_t i = 0; i < w->n && mw_err(c) == MW_OK; i++) {
        const char *weight = s->stored_as(s->user, w->entries[i].name, &coarse);
        if (coarse && in_module(file_name, weight))
            mw_fail(c, MW_E_FILE,
                    "%s: %s: tensor '%s' is of integers or 8-bit floats, and '%s' beside it is of no known "
                    "kind or "
                    "shape, so that the true weight can't be told: such a quantization is not supported",
                    w->path, w->label, weight, file_name);
    }
}

static void check_unused(mw_ctx *c, const mw_weights *w, bool (*ignorable)(const char *name))
{
    mw_few unused = {.n = 0};
    const char *name;
    for (size_t i = 0; mw_err(c) == MW_OK && (name = w->source.name_at(w->source.user, i)); i++)
        if (!mw_weights_lookup(w, name) && !(ignorable && ignorable(name))) {
            fail_coarse(c, w, name);
            mw_few_add(&unused, name);
        }
    if (unused.n && mw_err(c) == MW_OK)
        mw_warn(c, "%s: %s: %d tensor%s of the file %s not used: %s%s", w->path, w->label, unused.n,
                unused.n > 1 ? "s" : "", unused.n > 1 ? "are" : "is", unused.text,
                unused.n > MW_WEIGHTS_LISTED ? "; ..." : "");
}

static void fail_problems(mw_ctx *c, const mw_weights *w)
{
    char more[64] = "";
    if (w->problems.n > MW_WEIGHTS_LISTED)
        snprintf(more, sizeof more, "; and %d more of this kind", w->problems.n - MW_WEIGHTS_LISTED);
    mw_fail(c, MW_E_FILE, "%s: %s: %s%s", w->path, w->label, w->problems.text, more);
}

mw_status mw_weights_load(mw_ctx *c, mw_weights *w, bool (*ignorable)(const char *name))
{
    if (w->problems.n)
        fail_problems(c, w);
    for (size_t i = 0; i < w->n; i++) {
        const mw_weight_entry *e = &w->entries[i];
        w->count += mw_weight_numel(e);
        w->bytes += mw_weight_bytes(c, e);
    }
    if (mw_err(c) == MW_OK && w->source.name_at)
        check_unused(c, w, ignorable);
    return mw_err(c);
}
