// llm_config_rope.c: how a language model's heads are rotated, from a transformers config.json.
#include "core/base/text.h"
#include "core/io/json.h"
#include "nodes/nets/llm/llm_config_internal.h"

#include <math.h>
#include <string.h>

// One rule: an object of the config, under `key`.
typedef struct rule {
    mw_config *cfg;
    const char *key, *name;
    const json_t *o;
} rule;

// A number above 0; `def` (0: it must be there) where there is none.
static double positive(const rule *r, const char *key, double def)
{
    char got[60];
    const json_t *v = json_object_get(r->o, key);
    double x = json_number_value(v);
    if (json_is_number(v) && x > 0)
        return x;
    if ((!v || json_is_null(v)) && def > 0)
        return def;
    mw_config_fail(r->cfg, r->key, "the rule %s needs '%s', a number above 0, got %s", r->name, key,
                   v ? mw_json_text_of(v, got, sizeof got) : "none");
    return 1;
}

double mw_rope_yarn_attention(double factor) { return factor <= 1 ? 1 : 0.1 * log(factor) + 1; }

static void read_llama3(const rule *r, mw_rope_settings *out)
{
    out->rule = MW_ROPE_LLAMA3;
    out->factor = positive(r, "factor", 0);
    out->original = positive(r, "original_max_position_embeddings", 0);
    out->low = positive(r, "low_freq_factor", 0);
    out->high = positive(r, "high_freq_factor", 0);
    if (mw_err(r->cfg->c) == MW_OK && out->high <= out->low)
        mw_config_fail(r->cfg, r->key, "high_freq_factor %g must be above low_freq_factor %g", out->high,
                       out->low);
}

static void read_yarn(const rule *r, int context, mw_rope_settings *out)
{
    out->rule = MW_ROPE_YARN;
    out->factor = positive(r, "factor", 0);
    out->original = positive(r, "original_max_position_embeddings", context);
    out->beta_fast = positive(r, "beta_fast", 32);
    out->beta_slow = positive(r, "beta_slow", 1);
    out->truncate = !json_is_false(json_object_get(r->o, "truncate"));
    out->attention = positive(r, "attention_factor", mw_rope_yarn_attention(out->factor));
    static const char *const others[] = {"mscale", "mscale_all_dim"};
    for (int i = 0; i < 2; i++)
        if (mw_json_has(r->o, others[i]))
            mw_config_fail(r->cfg, r->key, "'%s' is not supported", others[i]);
}

static void read_rule(mw_config *cfg, const char *key, const json_t *o, int context, mw_rope_settings *out)
{
    char got[60];
    const json_t *kind = json_object_get(o, "rope_type");
    kind = kind ? kind : json_object_get(o, "type");
    rule r = {cfg, key, json_string_value(kind), o};
    if (!r.name) {
        mw_config_fail(cfg, key, "must be an object with 'rope_type', got %s",
                       mw_json_text_of(o, got, sizeof got));
        return;
    }
    if (!strcmp(r.name, "linear")) {
        out->rule = MW_ROPE_LINEAR;
        out->factor = positive(&r, "factor", 0);
    } else if (!strcmp(r.name, "llama3")) {
        read_llama3(&r, out);
    } else if (!strcmp(r.name, "yarn")) {
        read_yarn(&r, context, out);
    } else if (strcmp(r.name, "default") != 0) {
        mw_config_fail(cfg, key,
                       "the rule \"%s\" is not supported, only default, linear, llama3 and yarn are",
                       mw_printable(r.name, got, sizeof got));
    }
    if (mw_json_has(o, "rope_theta") && mw_err(cfg->c) == MW_OK)
        out->base = positive(&r, "rope_theta", 0);
    const json_t *partial = json_object_get(o, "partial_rotary_factor");
    if (json_is_number(partial) && json_number_value(partial) != 1)
        mw_config_fail(cfg, key, "'partial_rotary_factor' is not supported");
}

void mw_llm_config_read_rope(mw_config *cfg, const mw_llm_family *f, mw_llm_config *m)
{
    static const char *const keys[] = {"rope_scaling", "rope_parameters"}; // of older files, of newer ones
    double base = mw_config_number(cfg, "rope_theta", f->base > 0 ? f->base : 10000, 1, 1e12);
    m->rope = (mw_rope_settings){.width = m->head, .base = base, .factor = 1, .attention = 1};
    m->rope_windowed = m->rope;
    if (!strcmp(f->type, "gemma3"))
        m->rope_windowed.base = mw_config_number(cfg, "rope_local_base_freq", 10000, 1, 1e12);
    for (int i = 0; i < 2 && mw_err(cfg->c) == MW_OK; i++) {
        const json_t *o = mw_config_raw(cfg, keys[i]), *full = json_object_get(o, "full_attention");
        const json_t *windowed = json_object_get(o, "sliding_attention");
        if (o)
            read_rule(cfg, keys[i], full ? full : o, m->context, &m->rope);
        if (windowed && mw_err(cfg->c) == MW_OK)
            read_rule(cfg, keys[i], windowed, m->context, &m->rope_windowed);
    }
    if (strcmp(f->type, "gemma3") != 0)
        m->rope_windowed = m->rope;
}
