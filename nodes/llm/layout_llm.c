// layout_llm.c: a layout from a prompt, by a language model.
#include "core/base/text.h"
#include "core/graph/node.h"
#include "core/graph/seed.h"
#include "nodes/nets/layout/layout_filter.h"
#include "nodes/nets/layout/layout_names.h"
#include "nodes/nets/layout/layout_parse.h"
#include "nodes/nets/layout/layout_rounds.h"
#include "nodes/nets/layout/layout_template.h"
#include "nodes/nets/layout/layout_value.h"
#include "nodes/nets/llm/llm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LLM, PROMPT, TEMPLATE, EXAMPLES, TEMPERATURE, MAX_TOKENS, GRAMMAR, SEED, RETRIES, PREVIOUS };
static const mw_port in[] = {
    [LLM] = {.name = "llm", .type = "llm", .doc = "the model"},
    [PROMPT] = {.name = "prompt",
                .type = "text",
                .doc = "a caption, in any language that the model knows; with `previous` an instruction"},
    [TEMPLATE] =
        {.name = "template",
         .type = "path",
         .def = "\"auto\"",
         .doc = "what the model is told: a file with {prompt} in it (perhaps {examples}, {previous}), or "
                "\"lmd\", the program's own (scripts/templates); auto: the layout_template.txt beside the "
                "model's config where there is one, else lmd"},
    [EXAMPLES] = {.name = "examples",
                  .type = "list",
                  .def = "null",
                  .doc =
                      "further examples for the template: { { caption = \"a cat\", layout = {...} }, ... }"},
    [TEMPERATURE] = {.name = "temperature",
                     .type = "number",
                     .def = "0",
                     .min = 0,
                     .max = 100,
                     .doc = "0: the likeliest token each time; above: drawn, the higher the more freely"},
    [MAX_TOKENS] = {.name = "max_tokens",
                    .type = "integer",
                    .def = "512",
                    .min = 1,
                    .max = 1000000,
                    .doc = "the longest answer"},
    [GRAMMAR] =
        {.name = "grammar",
         .type = "choice",
         .def = "\"none\"",
         .choices = "none|layout|layout_of_prompt",
         .doc = "layout: the answer is always one, its boxes on the canvas; layout_of_prompt: with names "
                "made of the prompt's words only; for models that run here"},
    [SEED] = {.name = "seed", .type = "seed", .def = "null", .doc = "of what is drawn"},
    [RETRIES] = {.name = "retries",
                 .type = "integer",
                 .def = "3",
                 .min = 0,
                 .max = 100,
                 .doc =
                     "how often to ask again when an answer is no layout, at a temperature of 0.25 at least, "
                     "with the next seed"},
    [PREVIOUS] =
        {.name = "previous",
         .type = "layout",
         .def = "null",
         .doc = "a layout that the prompt is an instruction for; objects that stay keep box and seed. A "
                "template without {previous} is told the prompt alone: then it is the whole new caption"},
    {.name = NULL},
};

enum { LAYOUT, COMPLETION };
static const mw_out out[] = {
    [LAYOUT] = {.name = "layout",
                .type = "layout",
                .doc =
                    "{objects = {{phrase, box = {x, y, width, height}}, ...}, background, negative, canvas}"},
    [COMPLETION] = {.name = "completion", .type = "text", .doc = "the answer as the model gave it"},
    {.name = NULL},
};
static const mw_out emits[] = {
    {.name = "token", .type = "text", .doc = "the answer, piece by piece as it is made"},
    {.name = NULL},
};

// What a run asks with.
typedef struct asking {
    mw_ctx *c;
    mw_value *const *in;
    mw_llm *llm;
    mw_layout previous; // all zero: none
    bool follows, told; // a round after another; the model sees the layout before
    char *question;
    mw_grammar *grammar;
    char *where, *name; // of the answer, for warnings and errors
} asking;

// ---- the question

static void read_previous(asking *a)
{
    mw_layout_source from = {"'previous'", MW_E_SCRIPT, a->where};
    a->follows = mw_value_kind(a->in[PREVIOUS]) != MW_NIL;
    if (a->follows && mw_layout_from_value(a->c, &from, a->in[PREVIOUS], MW_STRICT, &a->previous) == MW_OK &&
        (a->previous.canvas[0] != MW_LAYOUT_CANVAS || a->previous.canvas[1] != MW_LAYOUT_CANVAS))
        mw_fail(a->c, MW_E_SCRIPT,
                "'previous' must be on a canvas of %g x %g, which models are told of, got %g x %g",
                MW_LAYOUT_CANVAS, MW_LAYOUT_CANVAS, a->previous.canvas[0], a->previous.canvas[1]);
}

// "Caption: ...", three lines and a blank line for each; free() it.
static char *examples_text(asking *a, const mw_value *list)
{
    char *all = mw_strdup(a->c, "");
    for (size_t i = 0; i < mw_value_count(list) && all && !mw_err(a->c); i++) {
        const mw_value *caption = mw_value_get(mw_value_at(list, i), "caption");
        mw_layout l = {0};
        mw_layout_source from = {"the layout of an example", MW_E_SCRIPT, a->where};
        if (mw_value_kind(caption) != MW_TEXT)
            mw_fail(a->c, MW_E_SCRIPT, "example %zu must be { caption = \"...\", layout = {...} }", i + 1);
        else
            mw_layout_from_value(a->c, &from, mw_value_get(mw_value_at(list, i), "layout"), MW_STRICT, &l);
        char *written = mw_err(a->c) ? NULL : mw_layout_written(a->c, &l);
        char *more =
            written ? mw_format(a->c, "%sCaption: %s\n%s\n", all, mw_value_as_text(caption), written) : NULL;
        free(all);
        all = more;
        free(written);
        mw_layout_free(&l);
    }
    return all;
}

static void write_question(asking *a)
{
    char *template = mw_layout_template(a->c, mw_value_as_text(a->in[TEMPLATE]), a->llm->folder, a->follows);
    char *examples = NULL, *previous = NULL;
    bool given = mw_value_kind(a->in[EXAMPLES]) != MW_NIL;
    if (template && given && !mw_layout_template_has(template, "examples"))
        mw_fail(a->c, MW_E_SCRIPT, "the template has no place for 'examples' ({examples})");
    if (template && given)
        examples = examples_text(a, a->in[EXAMPLES]);
    a->told = template && a->follows && mw_layout_template_has(template, "previous");
    if (a->told)
        previous = mw_layout_written(a->c, &a->previous);
    if (previous)
        previous[strlen(previous) - 1] = 0; // the template ends the line
    if (!mw_err(a->c))
        a->question =
            mw_layout_template_fill(a->c, template, mw_value_as_text(a->in[PROMPT]), examples, previous);
    free(template);
    free(examples);
    free(previous);
}

// Names of what stays may be used again.
static void grammar_of_prompt(asking *a, const int canvas[2])
{
    size_t n = 0;
    mw_english *e = mw_english_load(a->c);
    char **names = e ? mw_layout_names(a->c, e, mw_value_as_text(a->in[PROMPT]), &n) : NULL;
    const char **all = names ? mw_alloc(a->c, (n + a->previous.n + 1) * sizeof *all) : NULL;
    for (size_t i = 0; all && i < n; i++)
        all[i] = names[i];
    for (size_t i = 0; all && i < a->previous.n; i++)
        all[n + i] = a->previous.object[i].phrase;
    if (all && n + a->previous.n == 0)
        mw_fail(a->c, MW_E_ARG, "the prompt has no words that an object could be called by ('grammar')");
    if (all && !mw_err(a->c))
        a->grammar = mw_grammar_layout(a->c, canvas, all, n + a->previous.n);
    free(all);
    mw_layout_names_free(names, n);
    mw_english_free(e);
}

static void make_grammar(asking *a)
{
    static const int canvas[2] = {(int)MW_LAYOUT_CANVAS, (int)MW_LAYOUT_CANVAS};
    const char *kind = mw_value_as_text(a->in[GRAMMAR]);
    if (!strcmp(kind, "layout"))
        a->grammar = mw_grammar_layout(a->c, canvas, NULL, 0);
    else if (!strcmp(kind, "layout_of_prompt"))
        grammar_of_prompt(a, canvas);
}

// ---- the answer

static void emit(void *user, const char *utf8, size_t length)
{
    mw_ctx *c = user;
    mw_emit(c, "token", mw_value_text(c, utf8, length));
}

// Try number k, from 0.
static mw_status ask(asking *a, int k, mw_llm_answer *answer)
{
    static const char *const blank_line[] = {"\n\n"};
    mw_llm_message message = {"user", a->question};
    mw_llm_request r = mw_llm_request_default();
    bool chats = a->llm->chats;
    if (chats) {
        r.messages = &message;
        r.n_messages = 1;
    } else {
        r.prompt = a->question;
    }
    // Who chats may begin with a remark, or with thoughts; whoever goes on with the text has nothing to say
    // behind the blank line.
    r.stop = blank_line;
    r.n_stop = chats ? 0 : 1;
    r.max_tokens = (int)mw_value_as_number(a->in[MAX_TOKENS]);
    r.temperature = mw_value_as_number(a->in[TEMPERATURE]);
    r.temperature = k ? fmax(r.temperature, 0.25) : r.temperature;
    r.seeded = k || mw_value_kind(a->in[SEED]) != MW_NIL;
    r.seed = (mw_value_kind(a->in[SEED]) != MW_NIL ? mw_seed_bits(a->in[SEED]) : 0) + (uint64_t)k;
    r.grammar = a->grammar;
    r.on_text = mw_listened(a->c, "token") ? emit : NULL;
    r.user = a->c;
    return mw_llm_complete(a->c, a->llm, &r, answer);
}

static mw_status read_answer(asking *a, const mw_llm_answer *answer, mw_layout *l)
{
    mw_completion x = {0};
    mw_layout_source from = {a->name, MW_E_FILE, a->where};
    *l = (mw_layout){.canvas = {MW_LAYOUT_CANVAS, MW_LAYOUT_CANVAS}};
    if (mw_completion_read(a->c, &from, MW_STRICT, answer->text, answer->length, &x) == MW_OK) {
        mw_filter_options o = {MW_STRICT, false, x.background};
        l->background = mw_strdup(a->c, x.background);
        l->negative = mw_strdup(a->c, x.negative);
        mw_layout_filter(a->c, &from, x.boxes, &o, l);
    }
    mw_completion_free(&x);
    return mw_err(a->c);
}

// The failure of the last try, with what the model said.
static void tell_failure(asking *a, const mw_llm_answer *answer, int tries)
{
    char *why = strdup(mw_errmsg(a->c));
    const char *cut = answer->reason == MW_LLM_LENGTH ? " (cut off: 'max_tokens')" : "";
    mw_err_clear(a->c);
    mw_fail(a->c, MW_E_FILE, "%s gave no layout in %d tr%s; %s; its last answer%s: %s", a->llm->name, tries,
            tries == 1 ? "y" : "ies", why ? why : "", cut, *answer->text ? answer->text : "nothing at all");
    free(why);
}

// An answer that is no layout, and nothing worse.
static bool is_no_layout(const mw_ctx *c) { return mw_err(c) == MW_E_FILE || mw_err(c) == MW_E_ARG; }

static void ask_until(asking *a, mw_llm_answer *answer, mw_layout *l)
{
    int retries = (int)mw_value_as_number(a->in[RETRIES]);
    for (int k = 0; k <= retries; k++) {
        mw_llm_answer_free(answer);
        if (ask(a, k, answer) != MW_OK || read_answer(a, answer, l) == MW_OK || !is_no_layout(a->c))
            return;
        mw_layout_free(l);
        if (k == retries) {
            tell_failure(a, answer, k + 1);
            return;
        }
        mw_log(a->c, MW_LOG_INFO, "%s: %s; asking again (%d of %d)", a->where, mw_errmsg(a->c), k + 1,
               retries);
        mw_err_clear(a->c);
    }
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    char shown[80];
    asking a = {.c = c, .in = i, .llm = mw_llm_of(i[LLM])};
    mw_llm_answer answer = {0};
    mw_layout l = {0};
    a.where = mw_format(c, "%s: layout_llm", mw_running_where());
    a.name =
        mw_format(c, "the answer to \"%s\"", mw_printable(mw_value_as_text(i[PROMPT]), shown, sizeof shown));
    read_previous(&a);
    if (!mw_err(c))
        write_question(&a);
    if (!mw_err(c))
        make_grammar(&a);
    if (!mw_err(c))
        ask_until(&a, &answer, &l);
    if (!mw_err(c) && a.follows)
        mw_layout_follow(c, &a.previous, mw_value_as_text(i[PROMPT]), a.told, &l);
    if (!mw_err(c)) {
        o[LAYOUT] = mw_layout_value(c, &l);
        o[COMPLETION] = mw_value_text(c, answer.text, answer.length);
    }
    mw_layout_free(&l);
    mw_layout_free(&a.previous);
    mw_llm_answer_free(&answer);
    mw_grammar_free(a.grammar);
    free(a.question);
    free(a.where);
    free(a.name);
    return mw_err(c);
}

const mw_node_type mw_node_layout_llm = {
    .name = "layout_llm",
    .version = 1,
    .doc = "A layout from a prompt, by a language model (LLM-grounded Diffusion, arXiv 2305.13655, stage 1).",
    .in = in,
    .out = out,
    .emits = emits,
    .run = run,
};
