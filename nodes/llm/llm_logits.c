// llm_logits.c: what a language model thinks comes next: the logits of all tokens.
#include "core/graph/node.h"
#include "nodes/nets/llm/local.h"

#include <math.h>
#include <stdlib.h>

enum { LLM, PROMPT, IDS, LAST };
static const mw_port in[] = {
    [LLM] = {.name = "llm", .type = "llm", .doc = "a model that runs here"},
    [PROMPT] = {.name = "prompt",
                .type = "text",
                .def = "null",
                .doc = "a text; the model's begin token is put in front, where it has one"},
    [IDS] = {.name = "ids", .type = "list", .def = "null", .doc = "or its tokens, as they are"},
    [LAST] = {.name = "last",
              .type = "integer",
              .def = "1",
              .min = 1,
              .max = 1 << 24,
              .doc =
                  "so many rows: the logits behind each of the last tokens (at most as many as there are)"},
    {.name = NULL},
};

enum { LOGITS, OUT_IDS };
static const mw_out out[] = {
    [LOGITS] = {.name = "logits",
                .type = "tensor",
                .doc = "[last,vocabulary] f32: row i says what comes behind that token"},
    [OUT_IDS] = {.name = "ids", .type = "list", .doc = "the tokens that were read"},
    {.name = NULL},
};

static void read_ids(mw_ctx *c, const mw_value *list, mw_llm_ids *ids)
{
    ids->n = mw_value_count(list);
    ids->id = mw_alloc(c, (ids->n + 1) * sizeof *ids->id);
    if (!ids->n)
        mw_fail(c, MW_E_ARG, "'ids' is an empty list");
    for (size_t i = 0; ids->id && i < ids->n; i++) {
        const mw_value *v = mw_value_at(list, i);
        double x = mw_value_as_number(v);
        if (mw_value_kind(v) != MW_NUMBER || x != floor(x) || fabs(x) > INT32_MAX) {
            mw_fail(c, MW_E_ARG, "entry %zu of 'ids' is no whole number", i + 1);
            return;
        }
        ids->id[i] = (int32_t)x;
    }
}

static void read_input(mw_ctx *c, const mw_llm_local *m, mw_value *const *i, mw_llm_ids *ids)
{
    bool text = mw_value_kind(i[PROMPT]) != MW_NIL, list = mw_value_kind(i[IDS]) != MW_NIL;
    if (text == list) {
        mw_fail(c, MW_E_ARG, "one of 'prompt' and 'ids' is expected, got %s", text ? "both" : "neither");
    } else if (list) {
        read_ids(c, i[IDS], ids);
    } else {
        mw_llm_request r = mw_llm_request_default();
        r.prompt = mw_value_as_text(i[PROMPT]);
        mw_llm_local_encode(c, m, &r, ids);
    }
    if (mw_err(c) == MW_OK)
        mw_llm_local_fits(c, m, ids->n, 0);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_llm_ids ids = {0};
    mw_llm_local *m = mw_llm_local_of(c, mw_llm_of(i[LLM]), "llm_logits");
    if (!m)
        return mw_err(c);
    read_input(c, m, i, &ids);
    if (mw_err(c) == MW_OK) {
        size_t last = (size_t)mw_value_as_number(i[LAST]);
        o[LOGITS] = mw_value_tensor(c, mw_llm_local_logits(c, m, ids.id, ids.n, last < ids.n ? last : ids.n));
        o[OUT_IDS] = mw_value_list(c);
        for (size_t k = 0; k < ids.n; k++)
            mw_value_push(c, o[OUT_IDS], mw_value_number(c, ids.id[k]));
    }
    mw_llm_ids_free(&ids);
    return mw_err(c);
}

const mw_node_type mw_node_llm_logits = {
    .name = "llm_logits",
    .version = 1,
    .doc = "The logits of all tokens behind a text: what a language model thinks comes next.",
    .in = in,
    .out = out,
    .run = run,
};
