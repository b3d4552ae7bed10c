// output.c: results of a run: pictures, tensors and JSON into files, numbers and paths to stdout.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/cli/place.h"
#include "core/cli/session.h"
#include "core/graph/table.h"
#include "core/graph/value_json.h"
#include "core/graph/vectors.h"
#include "core/io/safetensors.h"
#include "core/graph/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PICTURES = 4096 };

// One output on its way out.
typedef struct delivery {
    mw_session *s;
    mw_ctx *c;
    const char *name;
    int pictures; // written so far
    int only;     // the one picture wanted, from 1; 0: all
    int run;      // its number in the output folder: of 2 and above the names end in it
    int node;     // that made what is being delivered; -1: a literal
} delivery;

// ---- stdout

// With --json {"name": ..., key: value}, else name, tab, the plain text.
static void print_line(const delivery *d, const char *key, const mw_value *value, const char *plain)
{
    if (!d->s->k->json) {
        printf("%s\t%s\n", d->name, plain);
        return;
    }
    mw_value *line = mw_value_map(d->c);
    mw_value_set(d->c, line, "name", mw_value_text(d->c, d->name, strlen(d->name)));
    mw_value_set(d->c, line, key, mw_value_retain((mw_value *)(size_t)value));
    char *text = mw_value_to_json(d->c, line, 0);
    if (text)
        puts(text);
    free(text);
    mw_value_release(line);
}

static void print_path(const delivery *d, const char *path)
{
    mw_value *v = mw_value_text(d->c, path, strlen(path));
    print_line(d, "path", v, path);
    mw_value_release(v);
}

// ---- files

// "DIR/name.ext", "DIR/name-0002.ext" in the second run. free() it.
static char *file_path(delivery *d, const char *suffix)
{
    char number[16] = "";
    if (d->run > 1)
        snprintf(number, sizeof number, "-%04d", d->run);
    char *name = mw_format(d->c, "%s%s%s", d->name, number, suffix);
    char *path = name ? mw_output_path(d->c, name) : NULL;
    free(name);
    if (path && !strncmp(path, "./", 2))
        memmove(path, path + 2, strlen(path) - 1);
    return path;
}

static mw_status save_picture(delivery *d, const mw_tensor *t)
{
    char suffix[32] = ".png";
    if (++d->pictures > 1)
        snprintf(suffix, sizeof suffix, "_%d.png", d->pictures);
    if (d->only && d->only != d->pictures)
        return mw_err(d->c);
    mw_image image = {0};
    mw_meta meta = {0};
    char *path = mw_picture_bytes(d->c, t, &image) ? NULL : file_path(d, suffix);
    if (path && d->node >= 0 && !d->s->k->no_metadata)
        meta = mw_session_meta(d->s, d->name, d->pictures, d->node, t);
    mw_png_text texts[] = {{"parameters", meta.parameters}, {"moonweave", meta.graph}};
    if (path && !mw_err(d->c) && !mw_png_write(d->c, path, &image, texts, meta.graph ? 2 : 0))
        print_path(d, path);
    free(path);
    mw_meta_free(&meta);
    mw_image_free(&image);
    return mw_err(d->c);
}

static mw_status save_pictures(delivery *d, const mw_value *v)
{
    mw_tensor **t = mw_alloc(d->c, MOST_PICTURES * sizeof(mw_tensor *));
    mw_scope_begin(d->c);
    size_t n = t ? mw_picture_list(d->c, d->name, v, t, MOST_PICTURES) : 0;
    for (size_t i = 0; i < n && i < MOST_PICTURES && !mw_err(d->c); i++)
        save_picture(d, t[i]);
    mw_scope_end(d->c, NULL);
    free(t);
    return mw_err(d->c);
}

static mw_status save_tensors(delivery *d, mw_st_out *entries, size_t n)
{
    char *path = mw_err(d->c) ? NULL : file_path(d, ".safetensors");
    if (path && !mw_st_write(d->c, path, entries, n, NULL))
        print_path(d, path);
    free(path);
    return mw_err(d->c);
}

static mw_status tensor_entry(mw_ctx *c, const char *name, mw_tensor *t, mw_st_out *e)
{
    float *data = mw_alloc(c, (size_t)(mw_numel(t) + 1) * sizeof *data);
    *e = (mw_st_out){name, MW_ST_F32, t->ndim, t->shape, data};
    return data ? mw_tensor_read_f32(c, t, data) : mw_err(c);
}

static mw_status save_tensor(delivery *d, mw_tensor *t)
{
    mw_st_out e = {0};
    if (!tensor_entry(d->c, d->name, t, &e))
        save_tensors(d, &e, 1);
    free((void *)(size_t)e.data);
    return mw_err(d->c);
}

// A map of tensors by name.
static mw_status save_map(delivery *d, const mw_value *v)
{
    size_t n = mw_value_count(v);
    mw_st_out *e = mw_alloc(d->c, (n + 1) * sizeof *e);
    for (size_t i = 0; e && i < n && !mw_err(d->c); i++)
        tensor_entry(d->c, mw_value_key_at(v, i), mw_value_as_tensor(mw_value_at(v, i)), &e[i]);
    save_tensors(d, e, n);
    for (size_t i = 0; e && i < n; i++)
        free((void *)(size_t)e[i].data);
    free(e);
    return mw_err(d->c);
}

static mw_status save_text(delivery *d, const char *suffix, const char *text)
{
    char *path = text ? file_path(d, suffix) : NULL;
    if (path && !mw_file_write(d->c, path, text, strlen(text)))
        print_path(d, path);
    free(path);
    return mw_err(d->c);
}

// ---- by kind

static bool all_tensors(const mw_value *v)
{
    for (size_t i = 0; i < mw_value_count(v); i++)
        if (!mw_value_as_tensor(mw_value_at(v, i)))
            return false;
    return mw_value_count(v) > 0;
}

static mw_status save_table(delivery *d, const mw_value *v)
{
    char *suffix = mw_format(d->c, ".%s", mw_table_format(v)), *text = mw_table_text(d->c, v);
    if (suffix)
        save_text(d, suffix, text);
    free(text);
    free(suffix);
    return mw_err(d->c);
}

static mw_status save_vectors(delivery *d, const mw_value *v)
{
    char *path = file_path(d, ".safetensors");
    if (path && !mw_vectors_write(d->c, path, v))
        print_path(d, path);
    free(path);
    return mw_err(d->c);
}

static mw_status deliver_value(delivery *d, const mw_value *v, const char *type)
{
    char number[40];
    const char *text = mw_value_as_text(v);
    switch (mw_value_kind(v)) {
    case MW_NIL: print_line(d, "value", v, "nil"); break;
    case MW_BOOL: print_line(d, "value", v, mw_value_as_bool(v) ? "true" : "false"); break;
    case MW_NUMBER:
        snprintf(number, sizeof number, "%.15g", mw_value_as_number(v));
        // Which sign a NaN has is the processor's matter.
        print_line(d, "value", v, isnan(mw_value_as_number(v)) ? "nan" : number);
        break;
    case MW_TEXT:
        if (strchr(text, '\n') && !d->s->k->json)
            return save_text(d, ".txt", text);
        print_line(d, "value", v, text);
        break;
    case MW_TENSOR:
        return strcmp(type, "image") ? save_tensor(d, mw_value_as_tensor(v)) : save_pictures(d, v);
    case MW_LIST:
    case MW_MAP:
        if (!strcmp(type, "table"))
            return save_table(d, v);
        if (!strcmp(type, "vectors"))
            return save_vectors(d, v);
        if (mw_value_kind(v) == MW_MAP && all_tensors(v))
            return save_map(d, v);
        char *json = mw_value_to_json(d->c, v, 2);
        save_text(d, ".json", json);
        free(json);
        break;
    case MW_OBJECT:
        return mw_fail(d->c, MW_E_SCRIPT, "output '%s': a %s cannot be written to a file", d->name,
                       mw_value_as_object(v)->type->name);
    }
    return mw_err(d->c);
}

static int out_of(const mw_link *l) { return l->out == MW_WHOLE ? 0 : l->out; }

static mw_status deliver_link(delivery *d, const mw_link *l)
{
    const char *type = mw_graph_node(d->s->g, l->node)->schema->type->out[out_of(l)].type;
    const mw_value *v = mw_exec_result(d->s->x, l->node, out_of(l));
    d->node = l->node;
    return deliver_value(d, v, type);
}

static mw_status deliver(mw_session *s, const mw_output *o, int only, int run)
{
    delivery d = {.s = s, .c = s->k->c, .name = o->name, .only = only, .run = run, .node = -1};
    if (mw_link_of(o->value)) {
        deliver_link(&d, mw_link_of(o->value));
    } else if (mw_value_kind(o->value) == MW_LIST && mw_link_of(mw_value_at(o->value, 0))) {
        for (size_t i = 0; i < mw_value_count(o->value) && !mw_err(d.c); i++)
            deliver_link(&d, mw_link_of(mw_value_at(o->value, i)));
    } else {
        deliver_value(&d, o->value, "any");
    }
    return mw_err(d.c);
}

// ---- all

static int count_targets(const mw_output *o, int n, const char *only)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        if (!only || !strcmp(o[i].name, only))
            count += 1 + (int)mw_value_count(o[i].value);
    return count;
}

static int *collect(const mw_output *o, int n, const char *only, int *next)
{
    for (int i = 0; i < n; i++) {
        if (only && strcmp(o[i].name, only))
            continue;
        if (mw_link_of(o[i].value))
            *next++ = mw_link_of(o[i].value)->node;
        for (size_t j = 0; j < mw_value_count(o[i].value); j++)
            if (mw_link_of(mw_value_at(o[i].value, j)))
                *next++ = mw_link_of(mw_value_at(o[i].value, j))->node;
    }
    return next;
}

mw_status mw_session_deliver(mw_session *s, const char *only, int picture)
{
    mw_ctx *c = s->k->c;
    int n, count;
    const mw_output *o = mw_script_outputs(s->script, &n);
    int *targets = mw_alloc(c, ((size_t)count_targets(o, n, only) + 1) * sizeof *targets);
    if (!targets)
        return mw_err(c);
    count = (int)(collect(o, n, only, targets) - targets);
    if (mw_env_of(c).out_dir)
        mw_make_dirs(c, mw_env_of(c).out_dir);
    if (!mw_err(c) && !mw_session_compute(s, targets, count)) {
        int run = s->k->overwrite ? s->delivered + 1 : mw_place_run(c, o, n);
        for (int i = 0; i < n && !mw_err(c); i++)
            if (!only || !strcmp(o[i].name, only))
                deliver(s, &o[i], picture, run);
        for (int i = 0; i < count; i++)
            mw_exec_let_go(s->x, targets[i]);
        s->delivered += !mw_err(c);
    }
    free(targets);
    return mw_err(c);
}
