// family_sampling.c: op llm.sampling: filtered probabilities, and what is drawn of them.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/llm/sampling.h"

#include <stdlib.h>
#include <string.h>

typedef struct job {
    mw_ctx *c;
    golden_case *k;
    size_t n; // tokens
    double *x, *scratch;
    mw_sampling_item *items;
    uint8_t *seen;
    const json_t *settings; // of the row
} job;

static double setting(const job *j, const char *key, double def)
{
    const json_t *v = json_object_get(j->settings, key);
    return v ? json_number_value(v) : def;
}

// One row's probabilities into j->x; temperature at its place, or behind the filters.
static void make(const job *j, const float *logits, bool last)
{
    double temperature = setting(j, "temperature", 1);
    for (size_t i = 0; i < j->n; i++)
        j->x[i] = (double)logits[i];
    mw_sampling_penalise(j->x, j->n, j->seen, setting(j, "repetition_penalty", 1));
    if (!last)
        mw_sampling_temperature(j->x, j->n, temperature);
    mw_sampling_top_k(j->x, j->n, (size_t)setting(j, "top_k", 0), j->scratch);
    mw_sampling_top_p(j->x, j->n, setting(j, "top_p", 1), j->items);
    mw_sampling_min_p(j->x, j->n, setting(j, "min_p", 0));
    if (last)
        mw_sampling_temperature(j->x, j->n, temperature);
    mw_sampling_probabilities(j->x, j->n);
}

// How many are left, and what is drawn of them, must be as the case has it.
static void check_row(const job *j, const json_t *row, size_t r, bool last)
{
    size_t kept = 0, i;
    const json_t *u, *uniforms = json_object_get(j->k->params, "uniforms");
    for (i = 0; i < j->n; i++)
        kept += j->x[i] > 0;
    json_int_t want = json_integer_value(json_object_get(row, last ? "kept_temperature_last" : "kept"));
    if ((json_int_t)kept != want)
        mw_fail(j->c, MW_E_NUMBER, "%s: row %zu keeps %zu tokens, not %d", j->k->name, r, kept, (int)want);
    json_array_foreach(uniforms, i, u)
    {
        json_int_t id = json_integer_value(json_array_get(json_object_get(row, "draws"), i));
        if (!last && mw_sampling_draw(j->x, j->n, json_number_value(u)) != (size_t)id)
            mw_fail(j->c, MW_E_NUMBER, "%s: row %zu, draw %zu is not %d", j->k->name, r, i, (int)id);
    }
}

static void run_rows(job *j, bool last)
{
    json_t *rows = json_object_get(j->k->params, "rows"), *row;
    size_t r, count = json_array_size(rows);
    float *all = mw_alloc(j->c, count * j->n * sizeof *all);
    json_array_foreach(rows, r, row)
    {
        const char *name =
            golden_text(j->c, j->k, "logits.%s", mw_json_string(j->c, j->k->name, row, "logits"));
        const float *logits = golden_input_f32(j->c, j->k, name);
        j->settings = json_object_get(row, "settings");
        if (mw_err(j->c) != MW_OK)
            break;
        make(j, logits, last);
        for (size_t i = 0; i < j->n; i++)
            all[r * j->n + i] = (float)j->x[i];
        check_row(j, row, r, last);
    }
    golden_give_f32(j->c, j->k, last ? "probabilities_temperature_last" : "probabilities", 2,
                    (int64_t[]){(int64_t)count, (int64_t)j->n}, all);
    free(all);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    const mw_st_entry *e = golden_wants(k, "probabilities");
    job j = {.c = c, .k = k, .n = e && e->ndim == 2 ? (size_t)e->shape[1] : 1};
    json_t *past = json_object_get(k->params, "past_ids"), *id;
    size_t i;
    j.x = mw_alloc(c, j.n * sizeof *j.x);
    j.scratch = mw_alloc(c, j.n * sizeof *j.scratch);
    j.items = mw_alloc(c, j.n * sizeof *j.items);
    j.seen = mw_alloc(c, j.n);
    json_array_foreach(past, i, id) if (j.seen && json_integer_value(id) < (json_int_t)j.n)
        j.seen[json_integer_value(id)] = 1;
    for (int last = 0; last < 2 && mw_err(c) == MW_OK; last++)
        run_rows(&j, last);
    free(j.x);
    free(j.scratch);
    free(j.items);
    free(j.seen);
    return mw_err(c);
}

const golden_family golden_sampling = {{"llm.sampling"}, false, run};
