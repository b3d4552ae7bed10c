// key.c: content keys: a hash of everything that a node's results follow from.
#include "core/base/paths.h"
#include "core/graph/function.h"
#include "core/graph/graph_internal.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { DEEPEST = 4 };

typedef struct hasher {
    mw_ctx *c;
    mw_graph *g;
    XXH3_state_t *h;
    bool unknowable; // something was met that has no content to hash
} hasher;

static void add(hasher *k, const void *data, size_t size) { XXH3_128bits_update(k->h, data, size); }

static void add_text(hasher *k, const char *text, size_t length)
{
    uint64_t n = length;
    add(k, &n, sizeof n);
    add(k, text, length);
}

static void add_number(hasher *k, double x)
{
    if (isnan(x))
        mw_fail(k->c, MW_E_SCRIPT, "a number in it is NaN");
    if (x == 0)
        x = 0; // -0.0 and 0.0 are the same parameter
    add(k, &x, sizeof x);
}

static void add_tensor(hasher *k, mw_tensor *t)
{
    size_t n = (size_t)mw_numel(t);
    float *data = mw_alloc(k->c, n * sizeof *data);
    add(k, &t->dtype, sizeof t->dtype);
    add(k, &t->ndim, sizeof t->ndim);
    add(k, t->shape, (size_t)t->ndim * sizeof *t->shape);
    if (data && !mw_tensor_read_f32(k->c, t, data))
        add(k, data, n * sizeof *data);
    free(data);
}

// A function by what it does, another object by what it is.
static void add_object(hasher *k, const mw_value *v)
{
    const mw_function *f = mw_value_as_function(v);
    if (f)
        add(k, &f->hash, sizeof f->hash);
    else
        add(k, (const void *[]){mw_value_as_object(v)}, sizeof(void *));
    k->unknowable = k->unknowable || (f && !f->known);
}

static void add_value(hasher *k, const mw_value *v);

static void add_entries(hasher *k, const mw_value *v)
{
    uint64_t n = mw_value_count(v);
    add(k, &n, sizeof n);
    for (size_t i = 0; i < n; i++) {
        const char *key = mw_value_key_at(v, i);
        add_text(k, key, strlen(key));
        add_value(k, mw_value_at(v, i));
    }
}

static void add_link(hasher *k, const mw_link *l)
{
    const mw_gnode *from = mw_graph_node(k->g, l->node);
    add(k, &from->key, sizeof from->key);
    add(k, &l->out, sizeof l->out);
}

static void add_value(hasher *k, const mw_value *v)
{
    const mw_link *l = mw_link_of(v);
    mw_kind kind = mw_value_kind(v);
    unsigned char tag = l ? 255 : (unsigned char)kind;
    add(k, &tag, 1);
    if (l)
        add_link(k, l);
    else if (kind == MW_BOOL)
        add_number(k, mw_value_as_bool(v));
    else if (kind == MW_NUMBER)
        add_number(k, mw_value_as_number(v));
    else if (kind == MW_TEXT)
        add_text(k, mw_value_as_text(v), mw_value_text_length(v));
    else if (kind == MW_TENSOR)
        add_tensor(k, mw_value_as_tensor(v));
    else if (kind == MW_OBJECT)
        add_object(k, v);
    else
        add_entries(k, v);
}

// ---- files: name, size, times and inode of a file, or of everything in a folder

static void add_file(hasher *k, const char *path, int depth);

static int not_dots(const struct dirent *e) { return strcmp(e->d_name, ".") && strcmp(e->d_name, ".."); }

static void add_folder(hasher *k, const char *path, int depth)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, not_dots, alphasort);
    for (int i = 0; i < n; i++) {
        char below[PATH_MAX];
        add_text(k, names[i]->d_name, strlen(names[i]->d_name));
        if (snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name) < (int)sizeof below &&
            depth < DEEPEST)
            add_file(k, below, depth + 1);
        free(names[i]);
    }
    free(names);
}

static void add_file(hasher *k, const char *path, int depth)
{
    struct stat s;
    if (stat(path, &s))
        return;
    uint64_t facts[] = {(uint64_t)s.st_dev,          (uint64_t)s.st_ino,
                        (uint64_t)s.st_size,         (uint64_t)s.st_mtim.tv_sec,
                        (uint64_t)s.st_mtim.tv_nsec, (uint64_t)s.st_mode & S_IFMT};
    if (S_ISDIR(s.st_mode))
        add_folder(k, path, depth);
    else
        add(k, facts, sizeof facts);
}

static mw_hash digest(hasher *k)
{
    XXH128_hash_t d = XXH3_128bits_digest(k->h);
    return (mw_hash){d.low64, d.high64};
}

// The identity of the file that a literal path names; found once in a graph's life.
static void add_path(hasher *k, const char *name)
{
    mw_value *known = mw_value_get(k->g->files, name);
    if (!known) {
        hasher f = {k->c, k->g, XXH3_createState()};
        char text[40] = "", *path = f.h ? mw_find_path(k->c, name) : NULL;
        if (path) {
            XXH3_128bits_reset(f.h);
            add_file(&f, path, 0);
            mw_hash h = digest(&f);
            snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
        }
        mw_err_clear(k->c); // a missing file is the node's to report
        free(path);
        XXH3_freeState(f.h);
        mw_value_set(k->c, k->g->files, name, mw_value_text(k->c, text, strlen(text)));
        known = mw_value_get(k->g->files, name);
    }
    add_value(k, known);
}

// ---- nodes

static mw_key_state node_key(hasher *k, mw_gnode *n)
{
    const mw_node_type *t = n->schema->type;
    if (t->flags & MW_NODE_IMPURE)
        return MW_KEY_NONE;
    for (int i = 0; i < n->ndeps; i++)
        if (mw_graph_node(k->g, n->deps[i])->key_state == MW_KEY_NONE)
            return MW_KEY_NONE;
    XXH3_128bits_reset(k->h);
    k->unknowable = false;
    add_text(k, t->name, strlen(t->name));
    add(k, &t->version, sizeof t->version);
    if (k->g->policy && !(t->flags & MW_NODE_HOST))
        add_text(k, k->g->policy, strlen(k->g->policy));
    for (int i = 0; i < n->schema->nin && !mw_err(k->c); i++) {
        add_value(k, n->in[i]);
        if (mw_err(k->c))
            mw_fail_context(k->c, "'%s'", t->in[i].name);
        if (!strcmp(t->in[i].type, "path") && mw_value_text_length(n->in[i]))
            add_path(k, mw_value_as_text(n->in[i]));
    }
    n->key = digest(k);
    mw_fail_context(k->c, "%s: %s", n->where, t->name);
    return mw_err(k->c) || k->unknowable ? MW_KEY_NONE : MW_KEY_GOOD;
}

mw_key_state mw_graph_key(mw_ctx *c, mw_graph *g, int id)
{
    mw_gnode *target = mw_graph_node(g, id);
    if (target->key_state != MW_KEY_UNKNOWN)
        return target->key_state;
    // Which nodes below lack a key: ids are a topological order, so one sweep down marks and one up computes.
    bool *wanted = mw_alloc(c, (size_t)id + 1);
    hasher k = {c, g, XXH3_createState()};
    if (wanted && k.h) {
        wanted[id] = true;
        for (int i = id; i >= 0; i--) {
            const mw_gnode *n = mw_graph_node(g, i);
            for (int d = 0; wanted[i] && d < n->ndeps; d++)
                wanted[n->deps[d]] |= mw_graph_node(g, n->deps[d])->key_state == MW_KEY_UNKNOWN;
        }
        for (int i = 0; i <= id; i++)
            if (wanted[i])
                mw_graph_node(g, i)->key_state = node_key(&k, mw_graph_node(g, i));
    }
    XXH3_freeState(k.h);
    free(wanted);
    return target->key_state;
}
