// family_clip_tokenizer.c: op clip_tokenize: strings to CLIP token ids, padded three ways and plain.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/clip/clip_tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *text; // all strings, one after the other
    const int32_t *offset;
    int64_t n;
} strings;

static strings read_strings(mw_ctx *c, golden_case *k)
{
    strings s = {0};
    const mw_st_entry *bytes = golden_input(c, k, "text_bytes"),
                      *offsets = golden_input(c, k, "text_offsets");
    s.offset = golden_input_i32(c, k, "text_offsets");
    if (mw_err(c))
        return s;
    s.text = (const char *)bytes->data;
    s.n = offsets->count - 1;
    for (int64_t i = 0; i < s.n; i++)
        if (s.offset[i] < 0 || s.offset[i] > s.offset[i + 1] || s.offset[i + 1] > bytes->count)
            mw_fail(c, MW_E_FILE, "%s: text_offsets leave text_bytes", k->name);
    if (s.n < 0 || bytes->dtype != MW_ST_U8)
        mw_fail(c, MW_E_FILE, "%s: text_bytes must be bytes, text_offsets at least one offset", k->name);
    return s;
}

// The ids of all strings under `name`, and with `mask` what is text in them. Where pad >= 0 it replaces the
// padding.
static void padded(mw_ctx *c, golden_case *k, const strings *s, const mw_clip_tokenizer *t, const char *name,
                   int32_t pad, const char *mask)
{
    int64_t length = mw_clip_tokenizer_length(t), shape[2] = {s->n, length};
    int32_t *ids = mw_alloc(c, (size_t)(s->n * length) * sizeof *ids + 1);
    int32_t *text = ids ? mw_alloc(c, (size_t)(s->n * length) * sizeof *text + 1) : NULL;
    for (int64_t i = 0; text && i < s->n && !mw_err(c); i++) {
        mw_clip_fit fit = {0};
        int32_t *row = ids + i * length;
        mw_clip_encode(c, t, s->text + s->offset[i], (size_t)(s->offset[i + 1] - s->offset[i]), row, &fit);
        for (int j = 0; j < length; j++) {
            text[i * length + j] = j < fit.count;
            if (pad >= 0 && j >= fit.count)
                row[j] = pad;
        }
    }
    if (text && !mw_err(c)) {
        golden_give_i32(c, k, name, 2, shape, ids);
        if (mask)
            golden_give_i32(c, k, mask, 2, shape, text);
    }
    free(ids);
    free(text);
}

static void plain(mw_ctx *c, golden_case *k, const strings *s, const mw_clip_tokenizer *t)
{
    int32_t *ids = NULL, *offset = mw_alloc(c, (size_t)(s->n + 1) * sizeof *offset);
    size_t n = 0;
    for (int64_t i = 0; offset && i < s->n && !mw_err(c); i++) {
        mw_clip_tokens all;
        mw_clip_tokenize(c, t, s->text + s->offset[i], (size_t)(s->offset[i + 1] - s->offset[i]), &all);
        int32_t *more = mw_err(c) ? NULL : mw_realloc(c, ids, (n + all.n + 1) * sizeof *ids);
        for (size_t j = 0; more && j < all.n; j++)
            more[n++] = all.token[j].id;
        ids = more ? more : ids;
        offset[i + 1] = (int32_t)n;
        mw_clip_tokens_free(&all);
    }
    if (offset && !mw_err(c)) {
        golden_give_i32(c, k, "plain_ids", 1, (int64_t[]){(int64_t)n}, ids);
        golden_give_i32(c, k, "plain_offsets", 1, (int64_t[]){s->n + 1}, offset);
    }
    free(ids);
    free(offset);
}

// The case's vocabulary; the bundled one where the folder is not there, as in a copy of the cases alone.
static mw_clip_tokenizer *load(mw_ctx *c, golden_case *k, const char *pad)
{
    const char *folder = golden_model(c, k, NULL);
    if (!folder)
        return NULL;
    return access(folder, F_OK) == 0 ? mw_clip_tokenizer_load(c, folder, pad)
                                     : mw_clip_tokenizer_bundled(c, pad);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    strings s = read_strings(c, k);
    mw_clip_tokenizer *first = load(c, k, NULL), *second = load(c, k, "!");
    if (first && second) {
        padded(c, k, &s, first, "ids_sd1", -1, "attention_mask");
        padded(c, k, &s, first, "ids_pad0", 0, NULL);
        padded(c, k, &s, second, "ids_sd2", -1, NULL);
        plain(c, k, &s, first);
    }
    mw_clip_tokenizer_free(first);
    mw_clip_tokenizer_free(second);
    return mw_err(c);
}

const golden_family golden_clip_tokenizer = {{"clip_tokenize"}, false, run};
