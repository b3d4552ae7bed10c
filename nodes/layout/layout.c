// layout.c: captioned boxes, written in the script, as a language model's answer, or in a file.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/base/text.h"
#include "core/graph/node.h"
#include "core/graph/value_json.h"
#include "nodes/nets/layout/layout_filter.h"
#include "nodes/nets/layout/layout_parse.h"
#include "nodes/nets/layout/layout_value.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECTS, BACKGROUND, NEGATIVE, CANVAS, TEXT, PATH, SCALE, MODE, PROMPT };
enum { LARGEST_FILE = 16 << 20 };

static const mw_port in[] = {
    [OBJECTS] = {.name = "objects",
                 .type = "list",
                 .def = "null",
                 .doc = "{{phrase = \"a red circle\", box = {x, y, width, height}}, ...}, in pixels from the "
                        "upper left corner; with seed = 7 an object has noise of its own, whatever its place "
                        "in the list"},
    [BACKGROUND] = {.name = "background",
                    .type = "text",
                    .def = "\"\"",
                    .doc = "what is behind the objects; with `text` or `path` it replaces theirs"},
    [NEGATIVE] = {.name = "negative",
                  .type = "text",
                  .def = "\"\"",
                  .doc = "what must not appear; with `text` or `path` it replaces theirs"},
    [CANVAS] = {.name = "canvas",
                .type = "list",
                .def = "[512, 512]",
                .unit = "pixels",
                .doc = "{width, height} that the boxes are meant for"},
    [TEXT] = {.name = "text",
              .type = "text",
              .def = "null",
              .doc = "a language model's answer: [('a cat', [x, y, w, h]), ...], then lines \"Background "
                     "prompt: ...\" "
                     "and \"Negative "
                     "prompt: ...\""},
    [PATH] = {.name = "path",
              .type = "path",
              .def = "null",
              .doc = "a file: JSON of the form that this node gives, or a completion as `text`"},
    [SCALE] =
        {.name = "scale",
         .type = "bool",
         .def = "false",
         .doc = "stretch a completion's boxes over the canvas, at most threefold, also where none leaves it"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc = "strict refuses a box off the canvas and cuts one that sticks out; faithful does as the "
                     "published code"},
    [PROMPT] = {.name = "prompt",
                .type = "text",
                .def = "\"\"",
                .doc = "what a completion answers: warnings and errors name it; where it is not given, the "
                       "\"Caption:\" in front of the list"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "layout",
     .type = "layout",
     .doc = "{objects = {{phrase, box = {x, y, width, height}}, ...}, background, negative, canvas}"},
    {.name = NULL},
};

// A map of the parameters that a layout is made of.
static mw_value *literal(mw_ctx *c, mw_value *const *i)
{
    mw_value *map = mw_value_map(c);
    mw_value_set(c, map, "objects", mw_value_retain(i[OBJECTS]));
    mw_value_set(c, map, "background", mw_value_retain(i[BACKGROUND]));
    mw_value_set(c, map, "negative", mw_value_retain(i[NEGATIVE]));
    mw_value_set(c, map, "canvas", mw_value_retain(i[CANVAS]));
    return map;
}

// "graphs/lmd.lua:12: layout", for warnings; free() it.
static char *place(mw_ctx *c) { return mw_format(c, "%s: layout", mw_running_where()); }

static void from_literal(mw_ctx *c, mw_value *const *i, const char *where, mw_layout *l)
{
    mw_value *map = literal(c, i);
    mw_layout_from_value(c, &(mw_layout_source){"the layout", MW_E_SCRIPT, where}, map,
                         mw_layout_mode_of(i[MODE]), l);
    mw_value_release(map);
}

// `name`, and what prompt the text answers; free() it.
static char *named(mw_ctx *c, const char *name, const char *prompt)
{
    char shown[120];
    return *prompt ? mw_format(c, "%s, for \"%s\"", name, mw_printable(prompt, shown, sizeof shown))
                   : mw_strdup(c, name);
}

static void take_canvas(mw_ctx *c, mw_value *const *i, mw_layout *l)
{
    mw_layout frame;
    mw_value *map = mw_value_map(c);
    mw_value_set(c, map, "objects", mw_value_list(c));
    mw_value_set(c, map, "canvas", mw_value_retain(i[CANVAS]));
    mw_layout_from_value(c, &(mw_layout_source){"the layout", MW_E_SCRIPT, NULL}, map, MW_STRICT, &frame);
    memcpy(l->canvas, frame.canvas, sizeof l->canvas);
    mw_layout_free(&frame);
    mw_value_release(map);
}

static void from_text(mw_ctx *c, mw_value *const *i, const mw_layout_source *origin, const char *text,
                      size_t size, mw_layout *l)
{
    mw_completion x = {0};
    const char *prompt = mw_value_as_text(i[PROMPT]);
    char *name = named(c, origin->name, prompt), *full = NULL;
    mw_layout_source from = {name, origin->code, origin->where};
    take_canvas(c, i, l);
    if (mw_completion_read(c, &from, mw_layout_mode_of(i[MODE]), text, size, &x) == MW_OK) {
        mw_filter_options o = {mw_layout_mode_of(i[MODE]), mw_value_as_bool(i[SCALE]), x.background};
        from.name = full = named(c, origin->name, *prompt ? prompt : x.caption);
        l->background = mw_strdup(c, x.background);
        l->negative = mw_strdup(c, x.negative);
        mw_layout_filter(c, &from, x.boxes, &o, l);
    }
    mw_completion_free(&x);
    free(full);
    free(name);
}

// It begins as a map of JSON does, and is not a completion whose list is "{}".
static bool is_json(const char *text, size_t size)
{
    size_t mark = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0,
           blank = mark + strspn(text + mark, " \t\r\n");
    if (text[blank] != '{')
        return false;
    json_t *j = json_loadb(text + mark, size - mark, 0, NULL);
    bool json = j || !strcasestr(text, "background prompt");
    json_decref(j);
    return json;
}

static void from_file(mw_ctx *c, mw_value *const *i, const char *where, mw_layout *l)
{
    size_t size = 0;
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    char *text = path ? mw_file_read(c, path, LARGEST_FILE, &size) : NULL;
    mw_layout_source from = {path, MW_E_FILE, where};
    if (text && is_json(text, size)) {
        mw_value *v = mw_value_from_json(c, path, text, size);
        if (v)
            mw_layout_from_value(c, &from, v, mw_layout_mode_of(i[MODE]), l);
        mw_value_release(v);
    } else if (text) {
        from_text(c, i, &from, text, size, l);
    }
    free(text);
    free(path);
}

// A parameter that is given takes the place of what was read.
static void replace(mw_ctx *c, char **text, const mw_value *by)
{
    if (mw_err(c) || !*mw_value_as_text(by))
        return;
    free(*text);
    *text = mw_strdup(c, mw_value_as_text(by));
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_layout l = {0};
    int given = 0;
    const int ways[] = {OBJECTS, TEXT, PATH};
    for (int k = 0; k < 3; k++)
        given += mw_value_kind(i[ways[k]]) != MW_NIL;
    if (given != 1)
        return mw_fail(c, MW_E_SCRIPT, "a layout is made of 'objects', 'text' or 'path', got %s of them",
                       given ? "more than one" : "none");
    char *where = place(c);
    if (mw_value_kind(i[OBJECTS]) != MW_NIL)
        from_literal(c, i, where, &l);
    else if (mw_value_kind(i[PATH]) != MW_NIL)
        from_file(c, i, where, &l);
    else
        from_text(c, i, &(mw_layout_source){"the layout's text", MW_E_SCRIPT, where},
                  mw_value_as_text(i[TEXT]), mw_value_text_length(i[TEXT]), &l);
    free(where);
    replace(c, &l.background, i[BACKGROUND]);
    replace(c, &l.negative, i[NEGATIVE]);
    if (!mw_err(c))
        o[0] = mw_layout_value(c, &l);
    mw_layout_free(&l);
    return mw_err(c);
}

const mw_node_type mw_node_layout = {
    .name = "layout",
    .version = 2,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "Captioned boxes for a picture, as objects, as a language model's completion, or from a file "
           "(LLM-grounded Diffusion, arXiv 2305.13655, stage 1).",
    .in = in,
    .out = out,
    .run = run,
};
