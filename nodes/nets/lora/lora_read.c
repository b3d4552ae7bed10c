// lora_read.c: a LoRA file taken apart: entries to modules with their factors.
#include "nodes/nets/lora/lora_internal.h"

#include "nodes/nets/checkpoint/single_file.h"

#include <stdlib.h>
#include <string.h>

static bool add(mw_ctx *c, mw_lora *l, const mw_st_entry *e)
{
    mw_lora_name name;
    char key[MW_LORA_NAME_MAX];
    const char *why = mw_lora_name_parse(e->name, &name);
    if (why) {
        mw_fail(c, MW_E_FILE, "%s: tensor '%.200s' is %s", l->path, e->name, why);
        return false;
    }
    mw_lora_module_key(name.module, key);
    mw_lora_module *m = &l->modules[l->n++];
    m->part = name.part;
    m->bare = name.bare;
    m->name = mw_strdup(c, name.module);
    m->key = mw_strdup(c, key);
    m->factor[name.role] = e;
    return mw_err(c) == MW_OK;
}

static int by_key(const void *pa, const void *pb)
{
    const mw_lora_module *a = pa, *b = pb;
    return a->part != b->part ? (a->part < b->part ? -1 : 1) : strcmp(a->key, b->key);
}

static bool join(mw_ctx *c, const mw_lora *l, mw_lora_module *into, const mw_lora_module *from)
{
    for (int r = 0; r < MW_LORA_ROLES; r++) {
        if (into->factor[r] && from->factor[r]) {
            mw_fail(c, MW_E_FILE, "%s: tensors '%.200s' and '%.200s' are the same factor of one module",
                    l->path, into->factor[r]->name, from->factor[r]->name);
            return false;
        }
        if (from->factor[r])
            into->factor[r] = from->factor[r];
    }
    return true;
}

// Modules made of one entry each become modules with all their factors.
static void merge(mw_ctx *c, mw_lora *l)
{
    size_t n = 0;
    qsort(l->modules, l->n, sizeof *l->modules, by_key);
    for (size_t i = 0; i < l->n; i++) {
        mw_lora_module *m = &l->modules[i];
        if (n && by_key(&l->modules[n - 1], m) == 0) {
            if (mw_err(c) == MW_OK)
                join(c, l, &l->modules[n - 1], m);
            free(m->name);
            free(m->key);
        } else {
            l->modules[n++] = *m;
        }
    }
    l->n = n;
}

static void check_factors(mw_ctx *c, const mw_lora *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const mw_lora_module *m = &l->modules[i];
        const char *missing = !m->factor[MW_LORA_DOWN] ? "down (A)"
            : !m->factor[MW_LORA_UP]                   ? "up (B)"
                                                       : NULL;
        if (missing) {
            mw_fail(c, MW_E_FILE, "%s: module '%s' of the %s has no %s factor", l->path, m->name,
                    mw_lora_part_name(m->part), missing);
            return;
        }
    }
}

mw_status mw_lora_read(mw_ctx *c, mw_lora *l)
{
    const mw_st *st = mw_files_st(l->files);
    const mw_st_entry *e;
    if (mw_st_count(st) == 0)
        return mw_fail(c, MW_E_FILE, "%s: holds no tensor", l->path);
    if (mw_is_textual_inversion(st))
        return mw_fail(
            c, MW_E_FILE,
            "%s: is no LoRA but a textual inversion: the textual_inversion node adds it to a model", l->path);
    l->modules = mw_alloc(c, mw_st_count(st) * sizeof *l->modules);
    for (size_t i = 0; l->modules && (e = mw_st_at(st, i)) && add(c, l, e); i++)
        ;
    if (l->n)
        merge(c, l);
    if (mw_err(c) == MW_OK)
        check_factors(c, l);
    return mw_err(c);
}
