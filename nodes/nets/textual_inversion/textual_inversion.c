// textual_inversion.c: a model that learns a token more: its text, and its rows in the text encoders' tables.
#include "nodes/nets/textual_inversion/textual_inversion.h"

#include "core/base/text.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/textual_inversion/inversion_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "embeddings.token_embedding.weight"

// Rows of the table, as a change of a text encoder's source.
typedef struct {
    int64_t first;
    mw_inversion_rows of; // owned
} change;

static mw_status apply(mw_ctx *c, void *user, const char *name, int ndim, const int64_t *shape, float *values)
{
    const change *x = user;
    if (strcmp(name, TABLE) == 0 && ndim == 2)
        memcpy(values + x->first * shape[1], x->of.values,
               (size_t)x->of.n * (size_t)x->of.width * sizeof *values);
    return mw_err(c);
}

static int64_t rows(void *user, const char *name, int64_t n)
{
    const change *x = user;
    return strcmp(name, TABLE) == 0 && n < x->first + x->of.n ? x->first + x->of.n : n;
}

static void free_change(void *user)
{
    change *x = user;
    free(x->of.values);
    free(x);
}

// Encoder i with the rows, which are taken over.
static void add_rows(mw_ctx *c, const mw_checkpoint *k, int i, const char *token, mw_inversion_rows *r,
                     mw_source **source, mw_tokenizer **tokenizer)
{
    const mw_clip_tokenizer *old = k->tokenizer[i]->tokenizer;
    if (mw_clip_tokenizer_size(old) > k->text_config[i].vocab)
        mw_fail(c, MW_E_FILE, "%s: the text encoder has %d tokens, but its tokenizer %d: none can be added",
                k->path, k->text_config[i].vocab, mw_clip_tokenizer_size(old));
    mw_clip_tokenizer *t = mw_clip_tokenizer_with(c, old, token, r->n);
    *tokenizer = t ? mw_tokenizer_new(c, t) : NULL;
    change *x = *tokenizer ? mw_alloc(c, sizeof *x) : NULL;
    if (!x)
        return;
    *x = (change){mw_clip_tokenizer_size(old), *r};
    r->values = NULL;
    *source = mw_source_patched(c, k->text_source[i],
                                (mw_patch){.user = x, .apply = apply, .free = free_change, .rows = rows});
}

static mw_status fail_width(mw_ctx *c, const mw_checkpoint *k, const mw_inversion_file *e, int width)
{
    char widths[40];
    snprintf(widths, sizeof widths, k->ntext > 1 ? "%d or %d" : "%d", k->text_config[0].width,
             k->text_config[1].width);
    return mw_fail(c, MW_E_FILE,
                   "%s: its vectors have the width %d, but this model's text encoders take %s: it is for "
                   "another family",
                   e->path, width, widths);
}

// Which encoder each set of vectors is for: where[i] is the set of encoder i, or -1.
static mw_status place(mw_ctx *c, const mw_checkpoint *k, const mw_inversion_file *e, int where[2])
{
    bool placed[2] = {!e->rows[0].n, !e->rows[1].n};
    if (e->sdxl && k->ntext == 1)
        return mw_fail(c, MW_E_FILE, "%s: its vectors are for the text encoders of SDXL, but the model is %s",
                       e->path, k->kind);
    for (int i = 0; i < 2; i++) {
        where[i] = -1;
        for (int s = 0; s < 2 && i < k->ntext && where[i] < 0; s++)
            if (e->rows[s].n && !placed[s] && (!e->sdxl || s == i) &&
                e->rows[s].width == k->text_config[i].width) {
                where[i] = s;
                placed[s] = true;
            }
    }
    for (int s = 0; s < 2; s++)
        if (!placed[s])
            return fail_width(c, k, e, e->rows[s].width);
    if (e->rows[0].n && e->rows[1].n && e->rows[0].n != e->rows[1].n)
        return mw_fail(c, MW_E_FILE, "%s: clip_l has %d vectors, but clip_g %d", e->path, e->rows[0].n,
                       e->rows[1].n);
    return mw_err(c);
}

static mw_checkpoint *learn(mw_ctx *c, mw_checkpoint *k, mw_inversion_file *e, const char *token)
{
    static const char *const ordinals[] = {"first", "second"};
    mw_source *text[2] = {NULL, NULL};
    mw_tokenizer *tokenizer[2] = {NULL, NULL};
    int where[2];
    char shown[80];
    if (place(c, k, e, where) != MW_OK)
        return NULL;
    for (int i = 0; i < k->ntext && mw_err(c) == MW_OK; i++)
        if (where[i] >= 0)
            add_rows(c, k, i, token, &e->rows[where[i]], &text[i], &tokenizer[i]);
        else
            mw_warn(c, "%s: holds no vectors for the %s text encoder, which reads the letters of '%s'",
                    e->path, ordinals[i], mw_printable(token, shown, sizeof shown));
    if (mw_err(c) == MW_OK)
        return mw_checkpoint_with(c, k, NULL, text, tokenizer);
    for (int i = 0; i < 2; i++) {
        mw_source_release(text[i]);
        if (tokenizer[i])
            mw_object_release(&tokenizer[i]->base);
    }
    return NULL;
}

mw_checkpoint *mw_textual_inversion_apply(mw_ctx *c, mw_checkpoint *model, const char *path,
                                          const char *token)
{
    mw_inversion_file e;
    mw_checkpoint *k = NULL;
    if (mw_inversion_read(c, path, &e) == MW_OK && model) {
        const char *name = token && *token ? token : e.token;
        if (!name)
            mw_fail(c, MW_E_ARG, "%s: names no token; 'token' must say which", e.path);
        else
            k = learn(c, model, &e, name);
    }
    mw_inversion_free(&e);
    return k;
}
