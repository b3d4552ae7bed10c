// lmd_layout.c: phrases with boxes and tokens as the cases of layout guidance write them.
#include "tests/golden_runner/lmd_layout.h"
#include "core/ops.h"

#include "tests/golden_runner/runner.h"

static void read_box(const json_t *v, double box[4])
{
    for (size_t i = 0; i < 4; i++)
        box[i] = json_number_value(json_array_get(v, i));
}

static void read_boxes(mw_ctx *c, golden_case *k, const json_t *v, mw_energy_phrase *f)
{
    bool one = json_is_number(json_array_get(v, 0));
    size_t n = one ? 1 : json_array_size(v);
    double(*box)[4] = golden_own(c, k, mw_alloc(c, (n + 1) * sizeof *box));
    for (size_t i = 0; box && i < n; i++)
        read_box(one ? v : json_array_get(v, i), box[i]);
    f->box = (const double(*)[4])box;
    f->nboxes = (int)n;
}

static void read_tokens(mw_ctx *c, golden_case *k, const json_t *v, mw_energy_phrase *f)
{
    size_t n = json_array_size(v);
    int *token = golden_own(c, k, mw_alloc(c, (n + 1) * sizeof *token));
    for (size_t i = 0; token && i < n; i++)
        token[i] = (int)json_integer_value(json_array_get(v, i));
    f->token = token;
    f->ntokens = (int)n;
}

golden_phrases golden_phrases_of(mw_ctx *c, golden_case *k, const json_t *boxes, const json_t *positions,
                                 const json_t *words)
{
    golden_phrases p = {.n = (int)json_array_size(boxes)};
    p.phrase = golden_own(c, k, mw_alloc(c, (size_t)(p.n + 1) * sizeof *p.phrase));
    for (int i = 0; p.phrase && i < p.n; i++) {
        read_boxes(c, k, json_array_get(boxes, (size_t)i), &p.phrase[i]);
        read_tokens(c, k, json_array_get(positions, (size_t)i), &p.phrase[i]);
        p.phrase[i].word = (int)json_integer_value(json_array_get(words, (size_t)i));
    }
    return p;
}

mw_tensor *golden_lmd_reference(mw_ctx *c, golden_case *k, const golden_phrases *p, const char *infix,
                                const char *key)
{
    mw_tensor *all = NULL;
    for (int i = 0; i < p->n; i++)
        for (int b = 0; b < p->phrase[i].nboxes; b++) {
            const char *name = golden_text(c, k, "ref/%d/%d/%s%s", i, b, infix, key);
            mw_tensor *one = golden_input_tensor(c, k, name, MW_F32);
            one = mw_reshape(c, one, MW_SHAPE(mw_dim(one, 1), 1, mw_dim(one, 2)));
            mw_tensor *parts[2] = {all, one};
            all = all ? mw_concat(c, 2, parts, 1) : one;
        }
    return all;
}
