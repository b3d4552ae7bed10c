// family_lmd_parse.c: completions read as layouts: boxes, filtered boxes, prompts and phrases.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/layout/layout_filter.h"
#include "nodes/nets/layout/layout_parse.h"
#include "nodes/nets/layout/layout_spec.h"

static const mw_layout_source source = {"completion", MW_E_ARG, NULL};

// {"error": sentence} for a failure that the case may expect; the failure is then forgotten. Others stay.
static json_t *error_of(mw_ctx *c)
{
    if (mw_err(c) != MW_E_ARG)
        return NULL;
    json_t *j = json_pack("{s:s}", "error", mw_errmsg(c));
    mw_err_clear(c);
    return j;
}

static json_t *box_json(const double box[4])
{
    return json_pack("[f,f,f,f]", box[0], box[1], box[2], box[3]);
}

static json_t *filtered_json(const mw_layout *l, bool maps)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < l->n; i++) {
        const mw_layout_object *o = &l->object[i];
        json_array_append_new(
            rows,
            maps ? json_pack("{s:s,s:o}", "name", o->phrase, "bounding_box", box_json(o->box))
                 : json_pack("[s,o]", o->phrase, box_json(o->box)));
    }
    return rows;
}

static json_t *spec_json(const mw_layout_spec *s)
{
    json_t *objects = json_array(), *phrases = json_array();
    for (size_t i = 0; i < s->n; i++) {
        const mw_spec_object *o = &s->object[i];
        json_array_append_new(objects,
                              json_pack("[s,s,s,o]", o->prompt, o->phrase, o->word, box_json(o->box)));
    }
    for (size_t i = 0; i < s->ngroups; i++) {
        json_t *boxes = json_array();
        for (size_t k = 0; k < s->group[i].n; k++)
            json_array_append_new(boxes, box_json(s->object[s->group[i].first + k].box));
        json_array_append_new(phrases, json_pack("[s,s,o]", s->group[i].phrase, s->group[i].word, boxes));
    }
    return json_pack("{s:o,s:s,s:o}", "objects", objects, "overall_prompt", s->prompt, "overall_phrases",
                     phrases);
}

// The filter's result under `key` of the row; of the scaled one also what it asks to be drawn.
static void filter_row(mw_ctx *c, const mw_english *e, const mw_completion *x, bool scale, const char *key,
                       json_t *row)
{
    mw_layout l = {.canvas = {MW_LAYOUT_CANVAS, MW_LAYOUT_CANVAS}};
    mw_layout_spec s = {0};
    bool maps = json_is_object(json_array_get(x->boxes, 0));
    mw_layout_filter(c, &source, x->boxes, &(mw_filter_options){MW_FAITHFUL, scale, x->background}, &l);
    json_object_set_new(row, key, mw_err(c) ? error_of(c) : filtered_json(&l, maps));
    l.background = mw_strdup(c, x->background);
    l.negative = mw_strdup(c, x->negative);
    if (scale && !maps && !json_object_get(json_object_get(row, key), "error") &&
        mw_layout_spec_make(c, e, &l, MW_FAITHFUL, &s) == MW_OK)
        json_object_set_new(row, "spec", spec_json(&s));
    mw_layout_spec_free(&s);
    mw_layout_free(&l);
}

// What Python calls the type of the boxes.
static const char *type_name(const mw_completion *x)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "dict", [JSON_ARRAY] = "list", [JSON_STRING] = "str", [JSON_INTEGER] = "int",
        [JSON_REAL] = "float",  [JSON_TRUE] = "bool",  [JSON_FALSE] = "bool", [JSON_NULL] = "NoneType"};
    return x->tuple ? "tuple" : names[json_typeof(x->boxes)];
}

static json_t *parse_row(mw_ctx *c, const mw_english *e, const json_t *text)
{
    mw_completion x;
    json_t *row = json_object();
    mw_completion_read(c, &source, MW_FAITHFUL, json_string_value(text), json_string_length(text), &x);
    if (mw_err(c)) {
        json_object_set_new(row, "parse", error_of(c));
    } else {
        json_object_set_new(row, "parse",
                            json_pack("{s:O,s:s,s:s,s:s}", "boxes", x.boxes, "boxes_type", type_name(&x),
                                      "background", x.background, "negative", x.negative));
        filter_row(c, e, &x, false, "filter", row);
        filter_row(c, e, &x, true, "filter_scaled", row);
    }
    mw_completion_free(&x);
    return row;
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    json_t *rows = json_array();
    const json_t *texts = mw_json_list(c, k->name, k->inputs_json, "completions");
    mw_english *e = mw_english_load(c);
    for (size_t i = 0; i < json_array_size(texts) && !mw_err(c); i++)
        json_array_append_new(rows, parse_row(c, e, json_array_get(texts, i)));
    mw_english_free(e);
    json_t *all = json_pack("{s:o}", "rows", rows);
    if (!mw_err(c))
        return golden_give_json(c, k, all);
    json_decref(all);
    return mw_err(c);
}

const golden_family golden_lmd_parse = {{"lmd.parse_layout"}, false, run};
