// layout_phrases.c: what a layout asks to be drawn: prompts, and where each phrase's tokens are in them.
#include "core/graph/node.h"
#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/guidance/layout_phrases.h"
#include "nodes/nets/layout/layout_value.h"
#include "nodes/nets/checkpoint/model.h"

#include <stdlib.h>
#include <string.h>

enum { LAYOUT, MODEL, PROMPT, FORM, CENTER, PAD, MODE };

static const mw_port in[] = {
    [LAYOUT] = {.name = "layout", .type = "layout", .doc = "the captioned boxes"},
    [MODEL] = {.name = "model", .type = "tokenizer", .doc = "a checkpoint, or its tokenizer"},
    [PROMPT] =
        {.name = "prompt",
         .type = "text",
         .def = "null",
         .doc =
             "for the whole picture instead of one made of the phrases; those it lacks are added after bars"},
    [FORM] =
        {.name = "form",
         .type = "text",
         .def = "\"{background} with {phrases}\"",
         .doc =
             "how prompts are put together of the background and the phrases; without a background it is the "
             "phrases, "
             "without objects the background"},
    [CENTER] = {.name = "center",
                .type = "choice",
                .def = "\"floor\"",
                .choices = "none|horizontal|both|floor",
                .doc = "where an object is drawn alone: in its box; in the middle from left to right; in the "
                       "middle; in the "
                       "middle "
                       "from left to right with its lower edge near the ground"},
    [PAD] = {.name = "pad",
             .type = "number",
             .def = "0.2",
             .max = 1,
             .alias = "so_floor_padding",
             .doc = "share of the canvas that is ground"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc = "faithful finds plurals and tokens as the published code does, its slips included"},
    {.name = NULL},
};

enum { OUT_PROMPT, OUT_OBJECTS, OUT_PHRASES };
static const mw_out out[] = {
    [OUT_PROMPT] = {.name = "prompt", .type = "text", .doc = "of the whole picture"},
    [OUT_OBJECTS] = {.name = "objects",
                     .type = "list",
                     .doc = "by name: {prompt, phrase, word, box = {x, y, width, height}, alone (the box "
                            "while it is drawn alone), "
                            "place (in the layout, from 1), ordinal "
                            "(among "
                            "its name's, from 1), token (of the word, in its own prompt)}"},
    [OUT_PHRASES] = {.name = "phrases",
                     .type = "list",
                     .doc = "of the whole picture's prompt: {phrase, word, objects (which, from 1), tokens, "
                            "token (of the word)}"},
    {.name = NULL},
};

// ---- prompts

// `form` with the two names filled in; free() it.
static char *filled(mw_ctx *c, const char *form, const char *background, const char *phrases)
{
    if (!*background || !*phrases)
        return mw_strdup(c, *phrases ? phrases : background);
    char *text = mw_strdup(c, form);
    const struct {
        const char *name, *value;
    } part[] = {{"{background}", background}, {"{phrases}", phrases}};
    for (size_t i = 0; i < 2 && text; i++) {
        char *at = strstr(text, part[i].name);
        if (!at) {
            mw_fail(c, MW_E_ARG, "'form' must have %s in it, got \"%s\"", part[i].name, form);
            break;
        }
        char *more =
            mw_format(c, "%.*s%s%s", (int)(at - text), text, part[i].value, at + strlen(part[i].name));
        free(text);
        text = more;
    }
    if (mw_err(c) == MW_OK)
        return text;
    free(text);
    return NULL;
}

// "two cats, a dog"; free() it.
static char *joined(mw_ctx *c, const mw_layout_spec *s)
{
    char *all = mw_strdup(c, "");
    for (size_t i = 0; all && i < s->ngroups; i++) {
        char *more = mw_format(c, "%s%s%s", all, i ? ", " : "", s->group[i].phrase);
        free(all);
        all = more;
    }
    return all;
}

// ---- values

static void set_text(mw_ctx *c, mw_value *map, const char *key, const char *text)
{
    mw_value_set(c, map, key, mw_value_text(c, text, strlen(text)));
}

static void set_number(mw_ctx *c, mw_value *map, const char *key, double x)
{
    mw_value_set(c, map, key, mw_value_number(c, x));
}

// The place of an object's word in its own prompt, to which the phrase is added where its tokens are not in
// it
// ("!!!" and a comma behind it are one token).
static int word_alone(mw_ctx *c, const mw_clip_tokenizer *t, const mw_spec_object *o, char **prompt,
                      mw_layout_mode mode)
{
    mw_prompt_tokens found = {0};
    mw_phrase_options options = {.mode = mode, .need_words = true, .limit = mw_clip_tokenizer_length(t)};
    const char *phrase = o->phrase, *word = o->word;
    mw_prompt_tokens_find(c, t, *prompt, &phrase, &word, 1, &options, &found);
    int at = mw_err(c) == MW_OK ? found.phrase[0].word : 0;
    if (mw_err(c) == MW_OK) {
        free(*prompt);
        *prompt = found.prompt;
        found.prompt = NULL;
    }
    mw_prompt_tokens_free(&found);
    return at;
}

static mw_value *box_value(mw_ctx *c, const double b[4])
{
    mw_value *list = mw_value_list(c);
    for (int k = 0; k < 4; k++)
        mw_value_push(c, list, mw_value_number(c, b[k]));
    return list;
}

// The box in pixels where an object is drawn alone. Strict: on the canvas also where the object is so high
// that it would begin above.
static mw_value *box_alone(mw_ctx *c, mw_value *const *i, const mw_layout *l, const mw_spec_object *o,
                           mw_layout_mode mode)
{
    static const char *const names[] = {"none", "horizontal", "both", "floor"};
    double b[4];
    int how = 0;
    while (strcmp(mw_value_as_text(i[CENTER]), names[how]) != 0)
        how++;
    mw_box_centered(o->box, (mw_centering)how, mw_value_as_number(i[PAD]), b);
    double up = mode == MW_STRICT && how && b[1] < 0 ? b[1] : 0;
    return box_value(c,
                     (double[]){b[0] * l->canvas[0], (b[1] - up) * l->canvas[1], (b[2] - b[0]) * l->canvas[0],
                                (b[3] - b[1]) * l->canvas[1]});
}

static mw_value *object_value(mw_ctx *c, mw_value *const *i, const mw_layout *l, const mw_spec_object *o,
                              mw_layout_mode mode)
{
    const mw_clip_tokenizer *t = ((const mw_tokenizer *)mw_value_as_object(i[MODEL]))->tokenizer;
    char *prompt = filled(c, mw_value_as_text(i[FORM]), l->background, o->phrase);
    mw_value *map = mw_value_map(c);
    if (prompt) {
        set_number(c, map, "token", word_alone(c, t, o, &prompt, mode));
        set_text(c, map, "prompt", prompt);
    }
    set_text(c, map, "phrase", o->phrase);
    set_text(c, map, "word", o->word);
    mw_value_set(c, map, "box", box_value(c, l->object[o->place].box));
    mw_value_set(c, map, "alone", box_alone(c, i, l, o, mode));
    set_number(c, map, "place", (double)o->place + 1);
    set_number(c, map, "ordinal", (double)o->ordinal + 1);
    free(prompt);
    return map;
}

static mw_value *phrase_value(mw_ctx *c, const mw_spec_group *g, const mw_energy_phrase *p)
{
    mw_value *map = mw_value_map(c), *objects = mw_value_list(c), *tokens = mw_value_list(c);
    for (size_t k = 0; k < g->n; k++)
        mw_value_push(c, objects, mw_value_number(c, (double)(g->first + k) + 1));
    for (int k = 0; k < p->ntokens; k++)
        mw_value_push(c, tokens, mw_value_number(c, p->token[k]));
    set_text(c, map, "phrase", g->phrase);
    set_text(c, map, "word", g->word);
    mw_value_set(c, map, "objects", objects);
    mw_value_set(c, map, "tokens", tokens);
    set_number(c, map, "token", p->word);
    return map;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_layout_mode mode = mw_layout_mode_of(i[MODE]);
    const mw_clip_tokenizer *t = ((const mw_tokenizer *)mw_value_as_object(i[MODEL]))->tokenizer;
    mw_layout l;
    mw_layout_spec s;
    mw_layout_phrases p = {0};
    char *phrases = NULL, *prompt = NULL;
    if (mw_layout_spec_of(c, "'layout'", i[LAYOUT], mode, &l, &s) == MW_OK)
        phrases = joined(c, &s);
    if (phrases)
        prompt = mw_value_kind(i[PROMPT]) == MW_TEXT
            ? mw_strdup(c, mw_value_as_text(i[PROMPT]))
            : filled(c, mw_value_as_text(i[FORM]), l.background, phrases);
    if (prompt && mw_layout_phrases_find(c, t, &s, prompt, mode, &p) == MW_OK) {
        o[OUT_PROMPT] = mw_value_text(c, p.found.prompt, strlen(p.found.prompt));
        o[OUT_OBJECTS] = mw_value_list(c);
        o[OUT_PHRASES] = mw_value_list(c);
        for (size_t k = 0; k < s.n; k++)
            mw_value_push(c, o[OUT_OBJECTS], object_value(c, i, &l, &s.object[k], mode));
        for (size_t k = 0; k < s.ngroups; k++)
            mw_value_push(c, o[OUT_PHRASES], phrase_value(c, &s.group[k], &p.phrase[k]));
    }
    mw_layout_phrases_free(&p);
    mw_layout_spec_free(&s);
    mw_layout_free(&l);
    free(phrases);
    free(prompt);
    return mw_err(c);
}

const mw_node_type mw_node_layout_phrases = {
    .name = "layout_phrases",
    .version = 2,
    .flags = MW_NODE_HOST,
    .doc = "The prompts of a layout, for each object alone and for the whole picture, and where its phrases' "
           "tokens "
           "are. "
           "LLM-grounded Diffusion, section 3.2.",
    .in = in,
    .out = out,
    .run = run,
};
