// text_encoder.c: prompts to the text states that a UNet attends to.
#include "core/base/text.h"
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/clip/prompt_markup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL, PROMPT, CLIP_SKIP, NEGATIVE };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "text_encoder", .doc = "a checkpoint, or its text_encoder"},
    [PROMPT] = {.name = "prompt", .type = "texts", .doc = "one text, or a list of them for a batch"},
    [CLIP_SKIP] = {.name = "clip_skip",
                   .type = "integer",
                   .def = "0",
                   .max = 256,
                   .unit = "layers",
                   .doc = "0: the last layer; n: n layers earlier (of SDXL: before the last but one)"},
    [NEGATIVE] =
        {.name = "negative",
         .type = "bool",
         .def = "false",
         .doc =
             "this is the negative prompt: an empty one gives zeros where the model was trained so (SDXL)"},
    {.name = NULL},
};

enum { OUT_EMBEDDING, OUT_POOLED, OUT_TOKENS };
static const mw_out out[] = {
    [OUT_EMBEDDING] = {.name = "embedding", .type = "embedding", .doc = "[B,77,D] text states"},
    [OUT_POOLED] = {.name = "pooled",
                    .type = "embedding",
                    .doc = "[B,P] one vector for each prompt (SDXL takes it beside the states)"},
    [OUT_TOKENS] = {.name = "tokens",
                    .type = "tokens",
                    .doc = "a list, one entry for each prompt: { text, ids (77, with begin, end and "
                           "padding), used (ids up to the "
                           "end), "
                           "pieces (the text of each token between begin and end) }"},
    {.name = NULL},
};

// The prompts of one call.
typedef struct {
    mw_ctx *c;
    const mw_text_encoder *m;
    mw_value *const *text; // B values
    int64_t B, L;
    int skip;
    bool zero_empty;
} job;

// How a message names prompt b.
static const char *which(const job *j, int64_t b, char buf[64])
{
    if (j->B == 1)
        return "the prompt";
    snprintf(buf, 64, "prompt %lld of %lld", (long long)b + 1, (long long)j->B);
    return buf;
}

static void warn_lost(const job *j, int64_t b, size_t lost)
{
    char name[64], shown[240];
    size_t size = mw_value_text_length(j->text[b]);
    mw_warn(j->c, "%s is longer than %d tokens; lost: \"%s\"", which(j, b, name), (int)j->L,
            mw_printable_n(mw_value_as_text(j->text[b]) + lost, size - lost, shown, sizeof shown));
}

static bool came_before(const job *j, int64_t b)
{
    for (int64_t i = 0; i < b; i++)
        if (mw_value_text_length(j->text[i]) == mw_value_text_length(j->text[b]) &&
            memcmp(mw_value_as_text(j->text[i]), mw_value_as_text(j->text[b]),
                   mw_value_text_length(j->text[b])) == 0)
            return true;
    return false;
}

static void warn_markup(const job *j, int64_t b)
{
    char name[64], shown[100];
    const char *text = mw_value_as_text(j->text[b]);
    size_t begin, end;
    if (!came_before(j, b) && mw_prompt_markup(text, mw_value_text_length(j->text[b]), &begin, &end))
        mw_warn(j->c,
                "%s: \"%s\" is read literally: prompts hold no weights, switches or files here (mw.lora and "
                "mw.textual_inversion load files)",
                which(j, b, name), mw_printable_n(text + begin, end - begin, shown, sizeof shown));
}

// Ids of all prompts for encoder e, B*L of them; free() them. mask (may be NULL): room for as many, 1 for ids
// of the text and 0 for padding.
static int32_t *encode(const job *j, int e, int32_t *mask)
{
    const mw_clip_tokenizer *t = j->m->tokenizer[e]->tokenizer;
    int32_t *ids = mw_alloc(j->c, (size_t)(j->B * j->L) * sizeof *ids);
    for (int64_t b = 0; ids && b < j->B; b++) {
        const char *text = mw_value_as_text(j->text[b]);
        size_t size = mw_value_text_length(j->text[b]);
        mw_clip_fit fit = {.lost = size};
        mw_clip_encode(j->c, t, text, size, ids + b * j->L, &fit);
        if (e == 0 && fit.lost < size && mw_err(j->c) == MW_OK)
            warn_lost(j, b, fit.lost);
        for (int64_t i = 0; mask && i < j->L; i++)
            mask[b * j->L + i] = i >= fit.first && i < fit.first + fit.count;
    }
    return ids;
}

// 1 for each prompt that counts, 0 for one that gives zeros: [B,1,1]; NULL when all count.
static mw_tensor *kept(const job *j)
{
    bool all = true;
    float *v = mw_alloc(j->c, (size_t)j->B * sizeof *v);
    for (int64_t b = 0; v && b < j->B; b++) {
        v[b] = !j->zero_empty || mw_value_text_length(j->text[b]) > 0;
        all = all && v[b] > 0;
    }
    mw_tensor *t = v && !all ? mw_tensor_from_f32(j->c, MW_F32, MW_SHAPE(j->B, 1, 1), v) : NULL;
    free(v);
    return t;
}

// States of all encoders side by side, and the last one's pooled vector.
static void states(const job *j, mw_tensor **embedding, mw_tensor **pooled)
{
    mw_ctx *c = j->c;
    mw_tensor *part[2] = {NULL};
    for (int e = 0; e < j->m->n && mw_err(c) == MW_OK; e++) {
        const mw_clip_text_config *f = &j->m->encoder[e].config;
        int32_t *mask =
            f->masks_padding && j->m->n == 1 ? mw_alloc(c, (size_t)(j->B * j->L) * sizeof *mask) : NULL;
        int32_t *ids = encode(j, e, mask);
        mw_clip_text_out r = {.skip = j->skip + j->m->penultimate, .pool = e == j->m->n - 1};
        if (mw_err(c) == MW_OK)
            mw_clip_text_forward(c, &j->m->encoder[e], ids, mask, j->B, j->L, &r);
        free(ids);
        free(mask);
        part[e] = mw_cast(c, j->m->penultimate ? r.last_plain : r.last, MW_F32);
        *pooled = mw_cast(c, r.embeds ? r.embeds : r.pooled, MW_F32);
    }
    *embedding = j->m->n > 1 ? mw_concat(c, j->m->n, part, 2) : part[0];
    mw_tensor *keep = kept(j);
    if (keep) {
        *embedding = mw_mul(c, *embedding, keep);
        *pooled = mw_mul(c, *pooled, mw_reshape(c, keep, MW_SHAPE(j->B, 1)));
    }
}

static mw_value *numbers(mw_ctx *c, const int32_t *v, int64_t n)
{
    mw_value *list = mw_value_list(c);
    for (int64_t i = 0; i < n; i++)
        mw_value_push(c, list, mw_value_number(c, v[i]));
    return list;
}

// { text, ids, used, pieces } of one prompt.
static mw_value *tokens_of(const job *j, const mw_value *text)
{
    mw_ctx *c = j->c;
    const mw_clip_tokenizer *t = j->m->tokenizer[0]->tokenizer;
    const char *s = mw_value_as_text(text);
    size_t size = mw_value_text_length(text);
    mw_clip_fit fit = {0};
    mw_clip_tokens found = {0};
    int32_t *ids = mw_alloc(c, (size_t)j->L * sizeof *ids);
    if (ids && mw_clip_encode(c, t, s, size, ids, &fit) == MW_OK)
        mw_clip_tokenize(c, t, s, size, &found);
    mw_value *map = mw_value_map(c), *pieces = mw_value_list(c);
    for (size_t i = 0; i < found.n && (int)i < fit.count - 2; i++)
        mw_value_push(c, pieces,
                      mw_value_text(c, s + found.token[i].begin, found.token[i].end - found.token[i].begin));
    mw_value_set(c, map, "text", mw_value_text(c, s, size));
    mw_value_set(c, map, "ids", ids ? numbers(c, ids, j->L) : NULL);
    mw_value_set(c, map, "used", mw_value_number(c, fit.first + fit.count));
    mw_value_set(c, map, "pieces", pieces);
    mw_clip_tokens_free(&found);
    free(ids);
    return map;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_text_encoder *m = (const mw_text_encoder *)mw_value_as_object(i[MODEL]);
    bool many = mw_value_kind(i[PROMPT]) == MW_LIST;
    job j = {.c = c, .m = m, .B = many ? (int64_t)mw_value_count(i[PROMPT]) : 1};
    j.L = mw_clip_tokenizer_length(m->tokenizer[0]->tokenizer);
    j.skip = (int)mw_value_as_number(i[CLIP_SKIP]);
    j.zero_empty = m->zero_empty_negative && mw_value_as_bool(i[NEGATIVE]);
    if (j.B < 1)
        return mw_fail(c, MW_E_ARG, "'prompt' is an empty list");
    mw_value **text = mw_alloc(c, (size_t)j.B * sizeof *text);
    if (!text)
        return mw_err(c);
    for (int64_t b = 0; b < j.B; b++)
        text[b] = many ? mw_value_at(i[PROMPT], (size_t)b) : i[PROMPT];
    j.text = text;
    for (int64_t b = 0; b < j.B; b++)
        warn_markup(&j, b);
    mw_tensor *embedding = NULL, *pooled = NULL;
    states(&j, &embedding, &pooled);
    o[OUT_EMBEDDING] = mw_value_tensor(c, embedding);
    o[OUT_POOLED] = mw_value_tensor(c, pooled);
    o[OUT_TOKENS] = mw_value_list(c);
    for (int64_t b = 0; b < j.B && mw_err(c) == MW_OK; b++)
        mw_value_push(c, o[OUT_TOKENS], tokens_of(&j, text[b]));
    free(text);
    return mw_err(c);
}

const mw_node_type mw_node_text_encoder = {
    .name = "text_encoder",
    .version = 1,
    .doc = "Text states of prompts: CLIP's byte-pair tokens, 77 of them, through the model's text encoder "
           "(both of "
           "SDXL).",
    .in = in,
    .out = out,
    .run = run,
};
