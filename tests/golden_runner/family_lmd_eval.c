// family_lmd_eval.c: the layout benchmark: suppressed boxes, tasks read from prompts, layouts judged.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/owlvit/detections.h"
#include "nodes/nets/layout/layout_eval.h"

#include <stdlib.h>

// ---- suppression

// Detections as arrays.
typedef struct {
    size_t n;
    double (*box)[4], *score;
    int *label;
} detections;

static detections read_detections(mw_ctx *c, golden_case *k, const json_t *in)
{
    const json_t *box = mw_json_list(c, k->name, in, "boxes"),
                 *score = mw_json_list(c, k->name, in, "scores");
    const json_t *label = mw_json_list(c, k->name, in, "labels");
    detections d = {.n = json_array_size(box)};
    d.box = mw_alloc(c, (d.n + 1) * sizeof *d.box);
    d.score = mw_alloc(c, (d.n + 1) * sizeof *d.score);
    d.label = mw_alloc(c, (d.n + 1) * sizeof *d.label);
    for (size_t i = 0; i < d.n && !mw_err(c); i++) {
        for (size_t j = 0; j < 4; j++)
            d.box[i][j] = json_number_value(json_array_get(json_array_get(box, i), j));
        d.score[i] = json_number_value(json_array_get(score, i));
        d.label[i] = (int)json_integer_value(json_array_get(label, i));
    }
    return d;
}

static json_t *kept_json(mw_ctx *c, const detections *d, bool by_label, double threshold, const json_t *in)
{
    size_t *kept = mw_alloc(c, (d->n + 1) * sizeof *kept);
    size_t n = kept ? mw_suppress(c, (const double(*)[4])d->box, d->score, by_label ? d->label : NULL, d->n,
                                  threshold, kept)
                    : 0;
    json_t *out = json_object();
    static const char *const keys[] = {"boxes", "scores", "labels"};
    for (int j = 0; j < 3; j++) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append(list, json_array_get(json_object_get(in, keys[j]), kept[i]));
        json_object_set_new(out, keys[j], list);
    }
    free(kept);
    return out;
}

static json_t *suppression_row(mw_ctx *c, golden_case *k, const json_t *in)
{
    detections d = read_detections(c, k, in);
    double threshold = mw_json_number(c, k->name, in, "threshold");
    json_t *row = mw_err(c) ? NULL
                            : json_pack("{s:o,s:o}", "nms", kept_json(c, &d, false, threshold, in),
                                        "class_aware", kept_json(c, &d, true, threshold, in));
    free(d.box);
    free(d.score);
    free(d.label);
    return row;
}

// ---- tasks

static bool passes(mw_ctx *c, const mw_eval_task *t, const json_t *boxes)
{
    size_t n = json_array_size(boxes);
    mw_layout_object *box = mw_alloc(c, (n + 1) * sizeof *box);
    for (size_t i = 0; box && i < n; i++) {
        const json_t *b = json_array_get(boxes, i);
        box[i].phrase = (char *)json_string_value(json_object_get(b, "name"));
        for (size_t j = 0; j < 4; j++)
            box[i].box[j] = json_number_value(json_array_get(json_object_get(b, "bounding_box"), j));
    }
    bool ok = box && mw_eval_passes(t, box, n);
    free(box);
    return ok;
}

static json_t *task_row(mw_ctx *c, golden_case *k, const mw_english *e, const json_t *in)
{
    const json_t *layouts = mw_json_list(c, k->name, in, "layouts");
    const char *prompt = mw_json_string(c, k->name, in, "prompt");
    mw_eval_task t = {0};
    json_t *row = NULL;
    if (prompt)
        mw_eval_read(c, e, prompt, MW_FAITHFUL, &t);
    if (mw_err(c) == MW_E_ARG) { // a failure that the case may expect
        row = json_pack("{s:s}", "error", mw_errmsg(c));
        mw_err_clear(c);
    } else if (!mw_err(c)) {
        json_t *queries = json_array(), *success = json_array();
        for (int i = 0; i < t.n; i++)
            json_array_append_new(queries, json_string(t.query[i]));
        for (size_t i = 0; i < json_array_size(layouts); i++)
            json_array_append_new(success, json_boolean(passes(c, &t, json_array_get(layouts, i))));
        row = json_pack("{s:o,s:s,s:o}", "queries", queries, "type", mw_eval_kind_name(t.kind), "success",
                        success);
    }
    mw_eval_task_free(&t);
    return row;
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    json_t *suppressed = json_array(), *rows = json_array();
    const json_t *boxes = mw_json_list(c, k->name, k->inputs_json, "nms");
    const json_t *tasks = mw_json_list(c, k->name, k->inputs_json, "rows");
    mw_english *e = mw_english_load(c);
    for (size_t i = 0; i < json_array_size(boxes) && !mw_err(c); i++)
        json_array_append_new(suppressed, suppression_row(c, k, json_array_get(boxes, i)));
    for (size_t i = 0; i < json_array_size(tasks) && !mw_err(c); i++)
        json_array_append_new(rows, task_row(c, k, e, json_array_get(tasks, i)));
    mw_english_free(e);
    json_t *all = json_pack("{s:o,s:o}", "nms", suppressed, "rows", rows);
    if (!mw_err(c))
        return golden_give_json(c, k, all);
    json_decref(all);
    return mw_err(c);
}

const golden_family golden_lmd_eval = {{"lmd.eval_layout"}, false, run};
