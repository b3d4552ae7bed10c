// family_lora.c: op lora_apply: a model's outputs with a LoRA and without it, and some changes of weights
// alone.
#include "tests/golden_runner/model_parts.h"

#include "nodes/nets/lora/lora.h"

#include <stdlib.h>
#include <string.h>

static const char *after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

// delta.<part>.<module>
static void give_change(mw_ctx *c, golden_case *k, const mw_lora *l, double scale, const mw_st_entry *e)
{
    const char *name = after(e->name, "delta."), *module = after(name, "unet.");
    int part = module ? 0 : 1;
    module = module ? module : after(name, "text_encoder.");
    const char *plain = module ? after(module, "text_model.") : NULL;
    const char *weight = module ? golden_text(c, k, "%s.weight", plain ? plain : module) : NULL;
    float *values = weight ? mw_alloc(c, (size_t)e->count * sizeof *values) : NULL;
    if (values && mw_lora_add(c, l, part, scale, weight, e->ndim, e->shape, values) == MW_OK)
        golden_give_f32(c, k, e->name, e->ndim, e->shape, values);
    free(values);
}

static void run_both(mw_ctx *c, golden_case *k, mw_checkpoint *base, mw_checkpoint *changed)
{
    double t = mw_json_number(c, k->name, k->params, "timestep");
    mw_tensor *states = golden_model_states(c, k, base, "text_states_base");
    golden_model_noise(c, k, base, t, states, "noise_base");
    states = golden_model_states(c, k, changed, "text_states");
    golden_model_noise(c, k, changed, t, states, "noise");
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    const char *file = mw_json_string(c, k->name, k->params, "file");
    double scale = mw_json_number(c, k->name, k->params, "scale");
    const mw_st_entry *e;
    mw_checkpoint *base = golden_checkpoint(c, k, golden_model(c, k, NULL), NULL);
    mw_lora *l = base ? mw_lora_open(c, golden_path(c, k, file), base) : NULL;
    mw_checkpoint *changed = mw_lora_apply(c, l, base, scale, scale);
    for (size_t i = 0; l && (e = mw_st_at(k->expected, i)); i++)
        if (after(e->name, "delta."))
            give_change(c, k, l, scale, e);
    if (changed) {
        run_both(c, k, base, changed);
        mw_object_release(&changed->base);
    }
    mw_lora_release(l);
    if (base)
        mw_object_release(&base->base);
    return mw_err(c);
}

const golden_family golden_lora = {{"lora_apply"}, true, run};
