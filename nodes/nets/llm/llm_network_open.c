// llm_network_open.c: a language model's network from a transformers folder or a GGUF file.
#include "nodes/nets/llm/llm_network.h"

#include "core/base/pathname.h"
#include "nodes/nets/base/hf_folder.h"
#include "nodes/nets/base/nn.h"
#include "nodes/nets/llm/gguf_source.h"
#include "nodes/nets/llm/llm_config_gguf.h"
#include "nodes/nets/llm/norms_from_one.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- names

// Where a model of several parts keeps the one of language, in the spelling of older and newer transformers.
static bool translate(const mw_name_rule *r, const char *stored, int piece, mw_name_piece *how, char *out,
                      size_t size)
{
    static const struct {
        const char *stored, *name;
    } prefixes[] = {{"language_model.model.", "model."},
                    {"language_model.lm_head.", "lm_head."},
                    {"model.language_model.", "model."}};
    (void)r, (void)piece, (void)how;
    const char *front = "", *rest = stored;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(stored, prefixes[i].stored, strlen(prefixes[i].stored)) == 0) {
            front = prefixes[i].name;
            rest = stored + strlen(prefixes[i].stored);
            break;
        }
    return (size_t)snprintf(out, size, "%s%s", front, rest) < size;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

// The parts of a model with pictures that see them.
static bool of_other_parts(const mw_name_rule *r, const char *stored)
{
    static const char *const parts[] = {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                                        "model.multi_modal_projector."};
    (void)r;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strncmp(stored, parts[i], strlen(parts[i])) == 0)
            return true;
    return false;
}

static const mw_name_rule rule = {.prefix = "", .translate = translate, .ignore = of_other_parts};

// Frequencies follow from the config (older files hold them as well), a GGUF's divisors of them and the
// embedding's rows are read on the host; a head that is the embedding again is not used.
static bool ignorable(const char *name)
{
    return ends_with(name, ".rotary_emb.inv_freq") || !strcmp(name, "rope_freqs.weight") ||
        !strcmp(name, "model.embed_tokens.weight") || !strcmp(name, "lm_head.weight");
}

// ---- the embedding's rows

static const char table_name[] = "model.embed_tokens.weight";

static void open_table(mw_ctx *c, mw_llm_network *n)
{
    const mw_llm_config *f = &n->config;
    const mw_weight_source *s = &n->source;
    int ndim = 0;
    int64_t shape[4] = {0};
    if (!s->find(s->user, table_name, &ndim, shape))
        mw_fail(c, MW_E_FILE, "%s: tensor '%s' is missing", s->path, table_name);
    else if (ndim != 2 || shape[0] != f->vocab || shape[1] != f->width)
        mw_fail(c, MW_E_FILE, "%s: tensor '%s' is not [%d,%d], as the config asks", s->path, table_name,
                f->vocab, f->width);
    if (mw_err(c) != MW_OK || (s->blocks && s->blocks(s->user, table_name, &n->table)))
        return;
    n->plain_table = mw_alloc(c, (size_t)f->vocab * (size_t)f->width * sizeof *n->plain_table);
    if (n->plain_table)
        s->read_f32(c, s->user, table_name, n->plain_table);
}

// ---- rotation

// A GGUF's divisors of the frequencies; free() them. NULL where it has none.
static float *divisors_of(mw_ctx *c, const mw_llm_network *n)
{
    const mw_weight_source *s = &n->source;
    const char *name = "rope_freqs.weight";
    int ndim = 0;
    int64_t shape[4] = {0};
    if (!s->find(s->user, name, &ndim, shape))
        return NULL;
    int pairs = n->config.rope.width / 2;
    if (ndim != 1 || shape[0] != pairs) {
        mw_fail(c, MW_E_FILE, "%s: tensor '%s' must hold %d numbers, one for each pair", s->path, name,
                pairs);
        return NULL;
    }
    float *v = mw_alloc(c, (size_t)pairs * sizeof *v);
    if (v && s->read_f32(c, s->user, name, v) == MW_OK)
        for (int i = 0; i < pairs; i++)
            if (!(v[i] > 0) || v[i] > 1e9f)
                mw_fail(c, MW_E_FILE, "%s: tensor '%s': %g is no divisor of a frequency", s->path, name,
                        (double)v[i]);
    return v;
}

static void make_frequencies(mw_ctx *c, mw_llm_network *n)
{
    const mw_llm_config *f = &n->config;
    float *divisors = divisors_of(c, n);
    for (int i = 0; i < 2 && mw_err(c) == MW_OK; i++) {
        const mw_rope_settings *r = i ? &f->rope_windowed : &f->rope;
        n->frequencies[i] = mw_alloc(c, (size_t)r->width / 2 * sizeof *n->frequencies[i]);
        if (n->frequencies[i])
            mw_rope_frequencies(r, divisors, n->frequencies[i]);
    }
    free(divisors);
}

// ---- opening

static void walk(mw_ctx *c, void *network)
{
    int32_t id = 0;
    mw_llm_pass p = {.batch = 1, .tokens = 1, .ids = &id, .blocks = -1, .want_logits = true};
    mw_llm_forward(c, network, &p);
}

static void load(mw_ctx *c, mw_llm_network *n, mw_weight_source weights, bool norms_from_one)
{
    if (norms_from_one && mw_err(c) == MW_OK)
        weights = mw_norms_from_one(c, weights);
    n->weights = mw_err(c) == MW_OK ? mw_weights_new(c, weights, "llm", n->dtype) : NULL;
    if (!n->weights)
        return;
    open_table(c, n);
    make_frequencies(c, n);
    if (mw_err(c) == MW_OK)
        mw_nn_load(c, n->weights, walk, n, ignorable);
}

static mw_weight_source folder_weights(mw_ctx *c, const char *path)
{
    mw_weight_source w = mw_hf_weights(c, path, &rule);
    w.blocks = mw_source_blocks;
    return w;
}

static void open_folder(mw_ctx *c, const char *path, mw_llm_network *n)
{
    char *file = mw_path_join(c, path, "config.json");
    json_t *json = file ? mw_json_load(c, file) : NULL;
    if (json && mw_llm_config_read(c, json, file, &n->config) == MW_OK)
        n->source = folder_weights(c, path);
    if (json && mw_err(c) == MW_OK)
        load(c, n, folder_weights(c, path), n->config.norms_from_one);
    json_decref(json);
    free(file);
}

static mw_weight_source gguf_weights(mw_ctx *c, const char *path)
{
    mw_weight_source w = {0};
    mw_gguf *g = mw_gguf_open(c, path);
    if (g)
        mw_gguf_source(c, g, &w);
    return w;
}

static void open_gguf(mw_ctx *c, const char *path, mw_llm_network *n)
{
    mw_gguf *g = mw_gguf_open(c, path);
    if (!g)
        return;
    bool ok = mw_llm_config_gguf(c, g, &n->config) == MW_OK;
    mw_gguf_close(g);
    if (ok)
        n->source = gguf_weights(c, path);
    if (mw_err(c) == MW_OK)
        load(c, n, gguf_weights(c, path), false);
}

mw_status mw_llm_network_open(mw_ctx *c, const char *path, mw_dtype dtype, mw_llm_network *out)
{
    out->dtype = dtype;
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (mw_path_is_folder(path))
        open_folder(c, path, out);
    else
        open_gguf(c, path, out);
    return mw_err(c);
}

void mw_llm_network_close(mw_llm_network *n)
{
    mw_weights_free(n->weights);
    if (n->source.free)
        n->source.free(n->source.user);
    free(n->plain_table);
    for (int i = 0; i < 2; i++)
        free(n->frequencies[i]);
    *n = (mw_llm_network){0};
}
