// family_chat.c: op chat.render: conversations written out for six kinds of models, by templates that write
// what llama.cpp's own function for these kinds writes.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/jinja/jinja.h"

#include <string.h>

#define INST(BEFORE, AFTER, ANSWER)                                                                          \
    "{% set turn = namespace(open=false) %}{% for m in messages %}"                                          \
    "{% if m.role != 'assistant' and not turn.open %}{{ '" BEFORE                                            \
    "' }}{% set turn.open = true %}{% endif %}"                                                              \
    "{% if m.role == 'system' %}{{ m.content + '\n\n' }}"                                                    \
    "{% elif m.role == 'user' %}{{ m.content + '" AFTER "' }}"                                               \
    "{% else %}{{ '" ANSWER "' + m.content + '</s>' }}{% set turn.open = false %}{% endif %}{% endfor %}"

static const struct {
    const char *name, *text;
} templates[] = {
    {"llama2-sys",
     "{% set turn = namespace(open=false) %}{% for m in messages %}"
     "{% if m.role != 'assistant' and not turn.open %}{{ '[INST] ' }}{% set turn.open = true %}{% endif %}"
     "{% if m.role == 'system' %}{{ '<<SYS>>\n' ~ m.content ~ '\n<</SYS>>\n\n' }}"
     "{% elif m.role == 'user' %}{{ m.content ~ ' [/INST]' }}"
     "{% else %}{{ m.content ~ '</s>' }}{% set turn.open = false %}{% endif %}{% endfor %}"},
    {"llama3",
     "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim "
     "}}<|eot_id|>{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"},
    {"chatml",
     "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"},
    {"vicuna",
     "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + '\n\n' }}"
     "{% elif m.role == 'user' %}{{ 'USER: ' + m.content + '\n' }}"
     "{% else %}{{ 'ASSISTANT: ' + m.content + '</s>\n' }}{% endif %}{% endfor %}"
     "{% if add_generation_prompt %}ASSISTANT:{% endif %}"},
    {"mistral-v1", INST(" [INST] ", " [/INST]", " ")},
    {"mistral-v3", INST("[INST] ", "[/INST]", " ")},
};

static json_t *render(mw_ctx *c, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "template")), *text = NULL;
    for (size_t i = 0; name && i < sizeof templates / sizeof *templates; i++)
        if (strcmp(templates[i].name, name) == 0)
            text = templates[i].text;
    mw_jinja *t = mw_jinja_parse(c, text ? text : "{{ raise_exception('of no known kind') }}",
                                 strlen(text ? text : ""), "template");
    json_t *own = json_pack("{s:O}", "add_generation_prompt", json_object_get(row, "add_generation_prompt"));
    json_t *foreign = json_pack("{s:O}", "messages", json_object_get(row, "messages"));
    mw_jinja_text out = {0};
    if (t)
        mw_jinja_render(c, t, own, foreign, &out);
    json_t *done = json_copy((json_t *)row);
    json_object_set_new(done, "text", json_stringn(out.text ? out.text : "", out.size));
    mw_jinja_text_free(&out);
    mw_jinja_free(t);
    json_decref(own);
    json_decref(foreign);
    return done;
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    json_t *rows = json_array(), *row;
    size_t i;
    json_array_foreach(json_object_get(k->expected_json, "rows"), i, row)
        json_array_append_new(rows, render(c, row));
    return golden_give_json(c, k, json_pack("{s:o}", "rows", rows));
}

const golden_family golden_chat = {{"chat.render"}, false, run};
