// meta.c: what a picture says of itself: A1111's parameters text and the graph that makes it again.
#include "core/base/library_memory.h"
#include "core/cli/cli.h"
#include "core/cli/session.h"
#include "core/graph/seed.h"
#include "core/graph/value_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- what the picture was made with: the parameter of that name, else the literal of a node above it

typedef struct maker {
    mw_session *s;
    bool *above; // by node id: the picture needs it
    int count;
} maker;

static bool find_above(maker *m, mw_session *s, int node)
{
    m->s = s;
    m->count = node + 1;
    m->above = calloc((size_t)m->count, 1);
    if (!m->above)
        return false;
    m->above[node] = true;
    for (int id = node; id >= 0; id--) {
        const mw_gnode *n = mw_graph_node(s->g, id);
        for (int d = 0; n && m->above[id] && d < n->ndeps; d++)
            m->above[n->deps[d]] = true;
    }
    return true;
}

static const mw_value *find_value(const maker *m, const char *name)
{
    int n;
    const mw_param *p = mw_script_params(m->s->script, &n);
    for (int i = 0; i < n; i++)
        if (!strcmp(p[i].d.port.name, name))
            return p[i].value;
    for (int id = 0; id < m->count; id++) {
        const mw_gnode *node = mw_graph_node(m->s->g, id);
        int port = node && m->above[id] ? mw_schema_port(node->schema, name) : -1;
        mw_kind kind = port >= 0 && !node->linked[port] ? mw_value_kind(node->in[port]) : MW_NIL;
        if (kind == MW_NUMBER || kind == MW_TEXT)
            return node->in[port];
    }
    return NULL;
}

static void print_value(FILE *f, const char *label, const mw_value *v)
{
    if (mw_value_kind(v) == MW_NUMBER)
        fprintf(f, "%s%.15g", label, mw_value_as_number(v));
    else if (mw_value_kind(v) == MW_TEXT)
        fprintf(f, "%s%s", label, mw_value_as_text(v));
}

// The sampler; of "auto" the one whose steps were made: the nodes that make them are named after it.
static void print_sampler(FILE *f, const maker *m, const char *label)
{
    static const char ending[] = "_step";
    const mw_value *given = find_value(m, "sampler");
    for (int id = 0; id < m->count && !strcmp(mw_value_as_text(given), "auto"); id++) {
        const mw_gnode *n = mw_graph_node(m->s->g, id);
        const char *name = n && m->above[id] ? n->schema->type->name : "";
        size_t length = strlen(name), rest = sizeof ending - 1;
        if (length > rest && !strcmp(name + length - rest, ending)) {
            fprintf(f, "%s%.*s", label, (int)(length - rest), name);
            return;
        }
    }
    print_value(f, label, given);
}

// "prompt \n Negative prompt: ... \n Steps: 20, Sampler: ddim, CFG scale: 7.5, Seed: 1, Size: 512x512, ..."
static char *parameters_text(const maker *m, const mw_tensor *picture)
{
    static const char *const fields[][2] = {
        {"steps", "Steps: "},     {"sampler", ", Sampler: "}, {"scheduler", ", Schedule type: "},
        {"cfg", ", CFG scale: "}, {"seed", ", Seed: "},
    };
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    print_value(f, "", find_value(m, "prompt"));
    const mw_value *negative = find_value(m, "negative");
    if (*mw_value_as_text(negative))
        print_value(f, "\nNegative prompt: ", negative);
    fputc('\n', f);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!strcmp(fields[i][0], "sampler"))
            print_sampler(f, m, fields[i][1]);
        else
            print_value(f, fields[i][1], find_value(m, fields[i][0]));
    const mw_value *model = find_value(m, "model"), *skip = find_value(m, "clip_skip");
    if (mw_value_as_number(skip) > 0) // counted from 1 there
        fprintf(f, ", Clip skip: %.0f", mw_value_as_number(skip) + 1);
    fprintf(f, ", Size: %lldx%lld", (long long)mw_dim(picture, -2), (long long)mw_dim(picture, -3));
    const char *slash = strrchr(mw_value_as_text(model), '/');
    if (*mw_value_as_text(model))
        fprintf(f, ", Model: %s", slash && slash[1] ? slash + 1 : mw_value_as_text(model));
    fprintf(f, ", Version: moonweave %s", MW_VERSION);
    fclose(f);
    return text;
}

// ---- what the files hold that "path" ports name

static json_t *weights(const maker *m)
{
    json_t *all = json_object();
    for (int id = 0; id < m->count; id++) {
        const mw_gnode *n = mw_graph_node(m->s->g, id);
        for (int i = 0; n && m->above[id] && i < n->schema->nin; i++) {
            const char *name = mw_value_as_text(n->in[i]);
            if (strcmp(n->schema->type->in[i].type, "path") || !*name || json_object_get(all, name))
                continue;
            mw_value *hash = mw_file_identity(m->s->k->c, name);
            if (mw_value_text_length(hash))
                json_object_set_new(all, name, json_string(mw_value_as_text(hash)));
            mw_value_release(hash);
        }
    }
    return all;
}

// ---- the graph

static bool is_secret(const char *name)
{
    static const char *const words[] = {"secret", "password", "api_key", "apikey", "credential"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

static json_t *params(mw_session *s)
{
    json_t *all = json_object();
    int n;
    const mw_param *p = mw_script_params(s->script, &n);
    for (int i = 0; i < n; i++) {
        char *text = is_secret(p[i].d.port.name) ? NULL : mw_value_to_json(s->k->c, p[i].value, 0);
        json_t *v = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        if (v)
            json_object_set_new(all, p[i].d.port.name, v);
        free(text);
    }
    return all;
}

// JSON holds UTF-8 only: a script in another encoding is left out, and its pictures cannot be replayed.
static json_t *source_json(const mw_script_text *source)
{
    json_t *text = json_stringn(source->text, source->length);
    return text ? text : json_null();
}

static json_t *modules(mw_session *s)
{
    json_t *all = json_object();
    int n;
    const mw_script_text *source = mw_script_texts(s->script, &n);
    for (int i = 1; i < n; i++)
        json_object_set_new(all, source[i].name, source_json(&source[i]));
    return all;
}

static char *graph_text(const maker *m, const char *output, int number)
{
    mw_session *s = m->s;
    int n;
    const mw_script_text *script = mw_script_texts(s->script, &n);
    json_t *all =
        json_pack("{si ss ss si ss so so so so ss ss}", "format", 2, "version", MW_VERSION, "output", output,
                  "picture", number, "name", script[0].name, "script", source_json(&script[0]), "modules",
                  modules(s), "params", params(s), "weights", weights(m), "recipe", mw_graph_recipe(s->g),
                  "dtype", s->k->env.dtype ? s->k->env.dtype : "auto");
    if (all && mw_seed_was_drawn())
        json_object_set_new(all, "drawn_seed", json_integer((json_int_t)mw_seed_drawn(s->k->c)));
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(all);
    return text;
}

mw_meta mw_session_meta(mw_session *s, const char *name, int number, int node, const mw_tensor *picture)
{
    mw_meta meta = {0};
    maker m = {0};
    if (find_above(&m, s, node)) {
        meta.parameters = parameters_text(&m, picture);
        meta.graph = meta.parameters ? graph_text(&m, name, number) : NULL;
    }
    free(m.above);
    if (!mw_library_memory_check(s->k->c) && !meta.graph)
        mw_fail(s->k->c, MW_E_MEMORY, "out of host memory");
    return meta;
}

void mw_meta_free(mw_meta *m)
{
    free(m->parameters);
    free(m->graph);
    *m = (mw_meta){0};
}
