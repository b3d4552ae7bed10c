// family_lmd_energy.c: op lmd.energy: energies on given attention maps, and their gradients there.
#include "tests/golden_runner/lmd_layout.h"
#include "core/ops.h"

#include "core/tensor/tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 16 };

static double number(const json_t *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static bool flag(const json_t *o, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static mw_energy_options options(const json_t *variant)
{
    const json_t *kw = json_object_get(variant, "kwargs");
    const char *energy = json_string_value(json_object_get(variant, "energy"));
    mw_energy_form form = energy && strcmp(energy, "boxdiff") == 0 ? MW_ENERGY_BOXDIFF
        : flag(kw, "use_ratio_based_loss", true)                   ? MW_ENERGY_RATIO
                                                                   : MW_ENERGY_CODE;
    mw_energy_options o = mw_energy_defaults(form);
    o.wrapped_boxes = true;
    o.fg_top_p = number(kw, "fg_top_p", number(kw, "P", o.fg_top_p));
    o.bg_top_p = number(kw, "bg_top_p", number(kw, "P", o.bg_top_p));
    o.fg_weight = number(kw, "fg_weight", 1);
    o.omega = number(kw, "bg_weight", 1);
    o.lambda = number(kw, "ref_ca_loss_weight", 0);
    o.transfer = flag(kw, "ref_ca_word_token_only", true) ? MW_TRANSFER_WORD
        : flag(kw, "ref_ca_last_token_only", true)        ? MW_TRANSFER_LAST
                                                          : MW_TRANSFER_ALL;
    o.corner = (int)number(kw, "L", o.corner);
    o.sigma = flag(kw, "smooth_attentions", true) ? number(kw, "sigma", o.sigma) : 0;
    return o;
}

// Columns of a gradient [heads,cells,L] for the variant's tokens: [heads,cells,n].
static mw_tensor *columns(mw_ctx *c, const json_t *tokens, mw_tensor *grad)
{
    mw_tensor *all = NULL;
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        mw_tensor *one = mw_slice(c, grad, 2, json_integer_value(json_array_get(tokens, i)), 1);
        mw_tensor *parts[2] = {all, one};
        all = all ? mw_concat(c, 2, parts, 2) : one;
    }
    return all;
}

// How much of the gradient lies in no column of the variant's tokens; it must be none.
static void check_others(mw_ctx *c, const json_t *tokens, mw_tensor *grad)
{
    mw_tensor *rest = mw_sub(c, mw_sum(c, mw_abs(c, grad), -1, false),
                             mw_sum(c, mw_abs(c, columns(c, tokens, grad)), -1, false));
    int64_t n = mw_numel(rest);
    float *v = mw_alloc(c, (size_t)n * sizeof *v);
    if (v && mw_tensor_read_f32(c, rest, v) == MW_OK)
        for (int64_t i = 0; i < n; i++)
            if (fabsf(v[i]) > 1e-6F)
                mw_fail(c, MW_E_NUMBER, "the gradient reaches tokens that no phrase has: %g", (double)v[i]);
    free(v);
}

static void give_gradients(mw_ctx *c, golden_case *k, const json_t *v, mw_tensor *const *map,
                           const char *const *key, int n)
{
    const char *variant = json_string_value(json_object_get(v, "name"));
    const json_t *tokens = json_object_get(v, "grad_tokens");
    for (int i = 0; i < n && mw_err(c) == MW_OK; i++) {
        mw_tensor *g = mw_reshape(c, map[i], MW_SHAPE(mw_dim(map[i], 1), mw_dim(map[i], 2), -1));
        if (tokens) {
            check_others(c, tokens, g);
            golden_give_tensor(c, k, golden_text(c, k, "grad/%s/%s", variant, key[i]), columns(c, tokens, g));
        } else if (i == 0) {
            golden_give_tensor(c, k, golden_text(c, k, "grad/%s", variant),
                               mw_reshape(c, mw_slice(c, g, 0, 0, 1), MW_SHAPE(mw_dim(g, 1), -1)));
        }
    }
}

// The distinct maps of a variant, and which of them each of its keys is.
typedef struct {
    const char *key[LAYERS];
    mw_tensor *map[LAYERS];
    mw_tensor *of_layer[LAYERS];
    mw_energy_layer layer[LAYERS];
    int n, nlayers;
} maps;

static void read_maps(mw_ctx *c, golden_case *k, const json_t *v, const mw_energy_options *o,
                      const golden_phrases *p, maps *m)
{
    const json_t *keys = json_object_get(v, "keys");
    const char *infix =
        golden_text(c, k, "%lld/", (long long)json_integer_value(json_object_get(v, "index")));
    m->nlayers = (int)json_array_size(keys);
    for (int i = 0; i < m->nlayers && i < LAYERS && mw_err(c) == MW_OK; i++) {
        const char *key = json_string_value(json_array_get(keys, (size_t)i));
        int side = (int)json_integer_value(json_object_get(json_object_get(k->params, "maps"), key)), at = 0;
        while (at < m->n && strcmp(m->key[at], key) != 0)
            at++;
        if (at == m->n) {
            m->key[at] = key;
            m->map[m->n++] = golden_input_tensor(c, k, golden_text(c, k, "attn/%s", key), MW_F32);
        }
        m->of_layer[i] = m->map[at];
        m->layer[i] =
            (mw_energy_layer){side, side, o->lambda != 0 ? golden_lmd_reference(c, k, p, infix, key) : NULL};
    }
}

static void one(mw_ctx *c, golden_case *k, const json_t *v)
{
    mw_energy_options o = options(v);
    maps m = {0};
    mw_tensor *grad[LAYERS];
    golden_phrases p = golden_phrases_of(c, k, json_object_get(v, "boxes"), json_object_get(v, "positions"),
                                         json_object_get(v, "word_token_indices"));
    read_maps(c, k, v, &o, &p, &m);
    mw_energy_targets *plan = mw_energy_targets_new(c, &o, &(mw_energy_picture){p.phrase, p.n}, 1,
                                                    mw_dim(m.map[0], 3), m.layer, m.nlayers);
    if (!plan || mw_tape_begin(c, false) != MW_OK) {
        mw_energy_targets_free(plan);
        return;
    }
    for (int i = 0; i < m.n; i++)
        mw_watch(c, m.map[i]);
    mw_tensor *e = mw_energy(c, plan, m.of_layer);
    golden_give_tensor(c, k, golden_text(c, k, "loss/%s", json_string_value(json_object_get(v, "name"))), e);
    if (mw_backward(c, 1, &e, NULL, m.n, m.map, grad) == MW_OK)
        give_gradients(c, k, v, grad, m.key, m.n);
    mw_tape_end(c);
    mw_energy_targets_free(plan);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(k->params, "variants"), i, v)
    {
        mw_scope_begin(c);
        if (mw_err(c) == MW_OK)
            one(c, k, v);
        mw_scope_end(c, NULL);
    }
    return mw_err(c);
}

const golden_family golden_lmd_energy = {{"lmd.energy"}, true, run};
