// safetensors.c: a set of named tensors from one file or from the shards of an index.
#include "core/io/safetensors_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

static void out_of_memory(mw_ctx *c, const mw_st *s)
{
    mw_fail(c, MW_E_MEMORY, "%s: out of host memory while reading its names", s->path);
}

// Number the entries by name, and gather the metadata of all files.
static void build_index(mw_ctx *c, mw_st *s)
{
    s->index = json_object();
    s->metadata = json_object();
    bool good = s->index && s->metadata;
    for (size_t i = 0; good && i < s->count; i++)
        good = !json_object_set_new_nocheck(s->index, s->entries[i].name, json_integer((json_int_t)i));
    for (size_t i = 0; good && i < s->nfiles; i++) {
        json_t *more = json_object_get(s->files[i].header, "__metadata__");
        good = !json_is_object(more) || !json_object_update_missing(s->metadata, more);
    }
    if (!good)
        out_of_memory(c, s);
}

static void open_single(mw_ctx *c, mw_st *s)
{
    s->files = mw_alloc(c, sizeof *s->files);
    if (!s->files)
        return;
    s->nfiles = 1;
    if (mw_st_file_open(c, &s->files[0], s->path) != MW_OK)
        return;
    s->count = s->files[0].count;
    s->entries = s->files[0].entries;
    s->files[0].entries = NULL;
}

// Opens the shards that the index names, each once. Returns file name -> number of the shard; NULL on
// failure.
static json_t *open_shards(mw_ctx *c, mw_st *s, json_t *weight_map)
{
    json_t *shards = json_object(), *file;
    const char *name;
    char shown[100], got[100];
    char *folder = mw_path_folder(c, s->path);
    json_object_foreach(weight_map, name, file)
    {
        const char *base = json_string_value(file);
        if (!base || !mw_path_stays_inside(base))
            mw_fail(c, MW_E_FILE, "%s: weight_map '%s' must name a file within this folder, got %s", s->path,
                    mw_printable(name, shown, sizeof shown), mw_json_text_of(file, got, sizeof got));
        else if (!json_object_get(shards, base) &&
                 json_object_set_new(shards, base, json_integer((json_int_t)json_object_size(shards))))
            out_of_memory(c, s);
        if (mw_err(c) != MW_OK)
            break;
    }
    s->files = mw_alloc(c, json_object_size(shards) * sizeof *s->files);
    const char *base;
    json_object_foreach(shards, base, file)
    {
        char *path = mw_err(c) == MW_OK ? mw_path_join(c, folder, base) : NULL;
        if (!path)
            break;
        if (!mw_path_exists(path))
            mw_fail(c, MW_E_FILE, "%s: names the file '%s', which is not there", s->path,
                    mw_printable(base, shown, sizeof shown));
        else
            mw_st_file_open(c, &s->files[s->nfiles++], path);
        free(path);
    }
    free(folder);
    if (mw_err(c) == MW_OK)
        return shards;
    json_decref(shards);
    return NULL;
}

// Keeps of each shard the entries that the index gives to it; every name of the index must be met once.
static void pick_entries(mw_ctx *c, mw_st *s, const json_t *weight_map, const json_t *shards)
{
    char shown[100], got[100];
    s->entries = mw_alloc(c, json_object_size(weight_map) * sizeof *s->entries);
    if (!s->entries)
        return;
    json_t *found = json_object();
    for (size_t i = 0; i < s->nfiles; i++)
        for (size_t j = 0; j < s->files[i].count; j++) {
            const mw_st_entry *e = &s->files[i].entries[j];
            const char *base = json_string_value(json_object_get(weight_map, e->name));
            if (!base || (size_t)json_integer_value(json_object_get(shards, base)) != i)
                continue;
            s->entries[s->count++] = *e;
            json_object_set_new_nocheck(found, e->name, json_true());
        }
    const char *name;
    json_t *file;
    json_object_foreach((json_t *)(uintptr_t)weight_map, name, file) if (!json_object_get(found, name))
    {
        mw_fail(c, MW_E_FILE, "%s: tensor '%s' is not in %s, where the index has it", s->path,
                mw_printable(name, shown, sizeof shown),
                mw_printable(json_string_value(file), got, sizeof got));
        break;
    }
    json_decref(found);
}

static void open_index(mw_ctx *c, mw_st *s)
{
    json_t *root = mw_json_load(c, s->path);
    if (root && !json_object_get(root, "weight_map"))
        mw_fail(c, MW_E_FILE,
                "%s: is a JSON file, but no index of safetensors files: 'weight_map' is missing", s->path);
    json_t *weight_map = mw_json_object(c, s->path, root, "weight_map");
    if (weight_map && !json_object_size(weight_map))
        mw_fail(c, MW_E_FILE, "%s: 'weight_map' names no tensor", s->path);
    json_t *shards = mw_err(c) == MW_OK ? open_shards(c, s, weight_map) : NULL;
    if (shards)
        pick_entries(c, s, weight_map, shards);
    json_decref(shards);
    json_decref(root);
}

mw_st *mw_st_open(mw_ctx *c, const char *path)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    mw_st *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    s->path = mw_strdup(c, path);
    if (s->path && mw_path_has_suffix(path, ".json"))
        open_index(c, s);
    else if (s->path)
        open_single(c, s);
    if (mw_err(c) == MW_OK)
        build_index(c, s);
    if (mw_err(c) == MW_OK)
        return s;
    mw_st_close(s);
    return NULL;
}

void mw_st_close(mw_st *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nfiles; i++)
        mw_st_file_close(&s->files[i]);
    json_decref(s->index);
    json_decref(s->metadata);
    free(s->files);
    free(s->entries);
    free(s->path);
    free(s);
}

const char *mw_st_path(const mw_st *s) { return s->path; }
size_t mw_st_count(const mw_st *s) { return s->count; }
const mw_st_entry *mw_st_at(const mw_st *s, size_t i) { return i < s->count ? &s->entries[i] : NULL; }

const mw_st_entry *mw_st_find(const mw_st *s, const char *name)
{
    const json_t *i = json_object_get(s->index, name);
    return i ? &s->entries[json_integer_value(i)] : NULL;
}

size_t mw_st_file_count(const mw_st *s) { return s->nfiles; }
const char *mw_st_file_at(const mw_st *s, size_t i) { return i < s->nfiles ? s->files[i].path : NULL; }
size_t mw_st_file_bytes(const mw_st *s, size_t i) { return i < s->nfiles ? s->files[i].map.size : 0; }

const char *mw_st_metadata(const mw_st *s, const char *key)
{
    return json_string_value(json_object_get(s->metadata, key));
}

const char *mw_st_metadata_next(const mw_st *s, const char *key, const char **value)
{
    void *it = key ? json_object_iter_at(s->metadata, key) : json_object_iter(s->metadata);
    if (key && it)
        it = json_object_iter_next(s->metadata, it);
    if (!it)
        return NULL;
    *value = json_string_value(json_object_iter_value(it));
    return json_object_iter_key(it);
}
