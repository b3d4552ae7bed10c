// key.c: content keys: a hash of everything that a node's results follow from.
#include "core/base/paths.h"
#include "core/cl/device.h"
#include "core/graph/cache.h"
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
    if (isnan(x) && !k->unknowable)
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

// By what it is; functions, which are parameters only, by what they do (functions_of).
static void add_object(hasher *k, const mw_value *v)
{
    if (!mw_value_as_function(v))
        add(k, (const void *[]){mw_value_as_object(v)}, sizeof(void *));
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

// Of the result as it is now, wherever it is.
static unsigned long revision_of(const mw_graph *g, const mw_link *l)
{
    const mw_gnode *from = mw_graph_node(g, l->node);
    mw_value *v = NULL;
    if (from->out && from->made.lo == from->key.lo && from->made.hi == from->key.hi)
        v = mw_value_retain(from->out[l->out]);
    else if (g->cache && from->key_state == MW_KEY_GOOD)
        v = mw_cache_peek(g->cache, from->key, l->out);
    unsigned long revision = mw_value_revision(v);
    mw_value_release(v);
    return revision;
}

static unsigned long revision_in(const mw_graph *g, const mw_value *v)
{
    const mw_link *l = mw_link_of(v);
    unsigned long last = l ? revision_of(g, l) : mw_value_as_object(v) ? mw_value_revision(v) : 0;
    for (size_t i = 0; !l && i < mw_value_count(v); i++) {
        unsigned long one = revision_in(g, mw_value_at(v, i));
        last = one > last ? one : last;
    }
    return last;
}

unsigned long mw_graph_revision(const mw_graph *g, const mw_gnode *n)
{
    unsigned long last = 0;
    for (int i = 0; i < n->schema->nin && mw_revision_last(); i++) {
        unsigned long one = revision_in(g, n->in[i]);
        last = one > last ? one : last;
    }
    return last;
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

// ---- nodes

static mw_hash digest(hasher *k)
{
    XXH128_hash_t d = XXH3_128bits_digest(k->h);
    return (mw_hash){d.low64, d.high64};
}

// A path that another node makes is known when that has run.
static void add_path(hasher *k, const mw_value *path)
{
    const char *name = mw_value_as_text(path);
    if (mw_link_of(path))
        k->unknowable = true;
    if (!mw_value_text_length(path))
        return;
    if (!mw_value_get(k->g->files, name))
        mw_value_set(k->c, k->g->files, name, mw_file_identity(k->c, name));
    add_value(k, mw_value_get(k->g->files, name));
}

static void mix(uint64_t *sum, uint64_t hash) { *sum = XXH3_64bits_withSeed(&hash, sizeof hash, *sum); }

// What the type's own function does, as things are now; true when that is another than it was.
static bool look_at_recipe(mw_ctx *c, mw_schema *s)
{
    uint64_t old = s->recipe, hash = 0;
    s->known = !s->type->recipe || s->type->recipe(c, s->type, &hash);
    s->recipe = hash;
    s->asked = true;
    return hash != old;
}

// What the functions that the node is given do.
static uint64_t functions_of(mw_ctx *c, const mw_gnode *n, bool *known)
{
    uint64_t sum = 0, hash = 0;
    *known = true;
    for (int i = 0; n->called && i < n->schema->nin; i++) {
        const mw_function *f = mw_value_as_function(n->in[i]);
        if (!f)
            continue;
        *known = f->recipe(c, f, &hash) && *known;
        mix(&sum, hash);
    }
    return sum;
}

// Of a type made in a script: what stands in the sources for the others.
static void add_declaration(hasher *k, const mw_node_type *t)
{
    for (const mw_port *p = t->in; p->name; p++) {
        add_text(k, p->name, strlen(p->name));
        add_text(k, p->type, strlen(p->type));
    }
    for (const mw_out *o = t->out; o->name; o++) {
        add_text(k, o->name, strlen(o->name));
        add_text(k, o->type, strlen(o->type));
    }
}

static void add_functions(hasher *k, mw_gnode *n)
{
    mw_schema *s = k->g->schemas[n->schema->index];
    bool known;
    if (!s->asked)
        look_at_recipe(k->c, s);
    n->functions = functions_of(k->c, n, &known);
    add(k, &s->recipe, sizeof s->recipe);
    add(k, &n->functions, sizeof n->functions);
    k->unknowable = k->unknowable || !known || !s->known;
    if (s->type->recipe)
        add_declaration(k, s->type);
}

// A device that does not compute the bits of the others' counts as what it is.
static void add_pin(hasher *k, const mw_gnode *n)
{
    const mw_stream *s = n->pin ? mw_stream_at(k->c, n->pin - 1) : NULL, *first = mw_stream_at(k->c, 0);
    if (!s || mw_stream_alike(first, s))
        return;
    const mw_device_info *i = mw_stream_info(s);
    add_text(k, i->platform, strlen(i->platform));
    add_text(k, i->platform_version, strlen(i->platform_version));
    add_text(k, i->name, strlen(i->name));
    add_text(k, i->driver, strlen(i->driver));
    add(k, &i->caps.compute_units, sizeof i->caps.compute_units);
}

static mw_key_state node_key(hasher *k, mw_gnode *n)
{
    const mw_node_type *t = n->schema->type;
    XXH3_128bits_reset(k->h);
    k->unknowable = t->flags & MW_NODE_IMPURE;
    for (int i = 0; i < n->ndeps; i++)
        if (mw_graph_node(k->g, n->deps[i])->key_state == MW_KEY_NONE)
            k->unknowable = true;
    add_text(k, t->name, strlen(t->name));
    add(k, &t->version, sizeof t->version);
    const char *recipe = t->flags & MW_NODE_HOST ? k->g->program : mw_graph_recipe(k->g);
    add_text(k, recipe, strlen(recipe));
    add_pin(k, n);
    add_functions(k, n);
    n->revision = mw_graph_revision(k->g, n);
    add(k, &n->revision, sizeof n->revision);
    for (int i = 0; i < n->schema->nin && !mw_err(k->c); i++) {
        add_value(k, n->in[i]);
        if (mw_err(k->c))
            mw_fail_context(k->c, "'%s'", t->in[i].name);
        if (!strcmp(t->in[i].type, "path"))
            add_path(k, n->in[i]);
    }
    n->key = digest(k);
    mw_fail_context(k->c, "%s: %s", n->where, t->name);
    return mw_err(k->c) || k->unknowable ? MW_KEY_NONE : MW_KEY_GOOD;
}

// ---- evaluations

static bool files_differ(mw_ctx *c, mw_graph *g)
{
    bool differ = false;
    mw_value *now = mw_value_map(c);
    for (size_t i = 0; i < mw_value_count(g->files); i++) {
        const char *name = mw_value_key_at(g->files, i);
        mw_value *identity = mw_file_identity(c, name);
        const char *old = mw_value_as_text(mw_value_at(g->files, i));
        differ = differ || strcmp(old, mw_value_as_text(identity));
        mw_value_set(c, now, name, identity);
    }
    if (mw_err(c)) {
        mw_value_release(now);
        return false;
    }
    mw_value_release(g->files);
    g->files = now;
    return differ;
}

// Looks at all functions that keys depend on; true when one is another now.
static bool functions_differ(mw_ctx *c, mw_graph *g)
{
    bool known, differ = false;
    for (int i = 0; i < g->nschemas && !mw_err(c); i++)
        if (g->schemas[i]->asked)
            differ = look_at_recipe(c, g->schemas[i]) || differ;
    for (mw_gnode *n = g->ncalled ? g->oldest : NULL; n && !mw_err(c); n = n->newer) {
        uint64_t old = n->functions;
        if (n->called && n->key_state != MW_KEY_UNKNOWN && !n->sealed)
            n->functions = functions_of(c, n, &known);
        differ = differ || n->functions != old;
    }
    return differ;
}

void mw_graph_refresh(mw_ctx *c, mw_graph *g)
{
    bool differ = !mw_err(c) && files_differ(c, g);
    differ = functions_differ(c, g) || g->revision != mw_revision_last() || differ;
    g->revision = mw_revision_last();
    for (mw_gnode *n = differ ? g->oldest : NULL; n; n = n->newer)
        if (!n->sealed)
            n->key_state = MW_KEY_UNKNOWN;
}

void mw_graph_settle(mw_ctx *c, mw_graph *g) { functions_differ(c, g); }

mw_status mw_graph_check_files(mw_ctx *c, mw_graph *g, int id)
{
    const mw_gnode *n = mw_graph_node(g, id);
    const mw_node_type *t = n->schema->type;
    for (int i = 0; i < n->schema->nin && !mw_err(c); i++) {
        const char *name = mw_value_as_text(n->in[i]);
        const mw_value *old = strcmp(t->in[i].type, "path") ? NULL : mw_value_get(g->files, name);
        mw_value *now = old ? mw_file_identity(c, name) : NULL;
        if (now && strcmp(mw_value_as_text(old), mw_value_as_text(now))) {
            mw_fail(c, MW_E_FILE, "%s changed during the run; run again when nothing writes to it", name);
            mw_fail_context(c, "%s: %s: '%s'", n->where, t->name, t->in[i].name);
        }
        mw_value_release(now);
    }
    return mw_err(c);
}

typedef struct ids {
    int *id, count, room;
} ids;

static bool push(mw_ctx *c, ids *s, int id)
{
    if (s->count == s->room) {
        int *more = mw_realloc(c, s->id, (size_t)(2 * s->room + 64) * sizeof *more);
        if (!more)
            return false;
        s->id = more;
        s->room = 2 * s->room + 64;
    }
    s->id[s->count++] = id;
    return true;
}

mw_key_state mw_graph_key(mw_ctx *c, mw_graph *g, int id)
{
    const mw_gnode *target = mw_graph_node(g, id);
    if (target->key_state != MW_KEY_UNKNOWN)
        return target->key_state;
    hasher k = {c, g, XXH3_createState()};
    ids waiting = {0};
    // A node's key can be made when those of all that feed it are.
    for (bool room = k.h && push(c, &waiting, id); room && waiting.count;) {
        mw_gnode *n = mw_graph_node(g, waiting.id[waiting.count - 1]);
        int before = waiting.count;
        for (int d = n->key_state == MW_KEY_UNKNOWN ? n->ndeps - 1 : -1; d >= 0 && room; d--)
            if (mw_graph_node(g, n->deps[d])->key_state == MW_KEY_UNKNOWN)
                room = push(c, &waiting, n->deps[d]);
        if (waiting.count > before)
            continue;
        if (n->key_state == MW_KEY_UNKNOWN)
            n->key_state = node_key(&k, n);
        waiting.count--;
    }
    XXH3_freeState(k.h);
    free(waiting.id);
    return target->key_state;
}
