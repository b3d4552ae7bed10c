// family_clip_text.c: op clip_text_forward: every hidden state of a CLIP text encoder, pooled and projected.
#include "tests/golden_runner/parts.h"

#include "nodes/nets/clip/clip_text.h"

#include <stdlib.h>

static void load(mw_ctx *c, golden_case *k, mw_clip_text *m)
{
    const char *folder = golden_model(c, k, NULL);
    char *path;
    json_t *json = golden_config(c, folder, &path);
    if (json && mw_clip_text_config_read(c, json, path, &m->config) == MW_OK) {
        mw_weight_source w = golden_weights(c, folder, "model", &mw_rule_text);
        m->weights = mw_err(c) == MW_OK ? mw_weights_new(c, w, "text_encoder", k->dtype) : NULL;
    }
    if (m->weights)
        mw_clip_text_load(c, m);
    json_decref(json);
    free(path);
}

static void give_all(mw_ctx *c, golden_case *k, const mw_clip_text *m, const int32_t *ids, int64_t B,
                     int64_t L)
{
    mw_tensor **hidden = mw_alloc(c, (size_t)(m->config.layers + 1) * sizeof(mw_tensor *));
    int32_t *position = mw_alloc(c, (size_t)B * sizeof *position);
    mw_clip_text_out r = {.all = true, .pool = true, .hidden = hidden, .position = position};
    if (mw_err(c) == MW_OK && mw_clip_text_forward(c, m, ids, NULL, B, L, &r) == MW_OK) {
        for (int i = 0; i <= m->config.layers; i++)
            golden_give_tensor(c, k, golden_text(c, k, "hidden_states.%d", i), hidden[i]);
        golden_give_tensor(c, k, "last_hidden_state", r.last);
        golden_give_tensor(c, k, "pooled", r.pooled);
        golden_give_i32(c, k, "pooled_position", 1, &B, position);
        if (r.embeds)
            golden_give_tensor(c, k, "text_embeds", r.embeds);
    }
    free(hidden);
    free(position);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_clip_text m = {0};
    const mw_st_entry *e = golden_input(c, k, "input_ids");
    const int32_t *ids = golden_input_i32(c, k, "input_ids"),
                  *mask = golden_input_i32(c, k, "attention_mask");
    load(c, k, &m);
    if (mw_err(c) == MW_OK && e->ndim == 2) {
        int64_t B = e->shape[0], L = e->shape[1];
        give_all(c, k, &m, ids, B, L);
        mw_clip_text_out skipped = {.skip = 1}, masked = {0};
        mw_clip_text_forward(c, &m, ids, NULL, B, L, &skipped);
        golden_give_tensor(c, k, "penultimate_normed", skipped.last);
        mw_clip_text_forward(c, &m, ids, mask, B, L, &masked);
        golden_give_tensor(c, k, "masked.last_hidden_state", masked.last);
    }
    mw_weights_free(m.weights);
    return mw_err(c);
}

const golden_family golden_clip_text = {{"clip_text_forward"}, true, run};
