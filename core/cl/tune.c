// tune.c: the table of measured ways, and its file.
#include "core/cl/tune.h"

#include "core/base/paths.h"
#include "core/cl/device_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct row {
    char *key, *way;
} row;

typedef struct question {
    char *key;
    const char *const *ways;
} question;

struct mw_tunings {
    row *rows;
    size_t n;
    bool recording;
    question *asked;
    size_t nasked;
};

enum { LINE = 256 };

static void forget_asked(struct mw_tunings *t)
{
    for (size_t i = 0; i < t->nasked; i++)
        free(t->asked[i].key);
    free(t->asked);
    t->asked = NULL;
    t->nasked = 0;
}

void mw_tunings_free(struct mw_tunings *t)
{
    if (t)
        forget_asked(t);
    for (size_t i = 0; t && i < t->n; i++) {
        free(t->rows[i].key);
        free(t->rows[i].way);
    }
    if (t)
        free(t->rows);
    free(t);
}

static row *find(struct mw_tunings *t, const char *key)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].key, key) == 0)
            return &t->rows[i];
    return NULL;
}

static mw_status put(mw_ctx *c, struct mw_tunings *t, const char *key, const char *way)
{
    row *r = find(t, key);
    if (r) {
        free(r->way);
        r->way = NULL;
    } else {
        row *more = mw_realloc(c, t->rows, (t->n + 1) * sizeof *more);
        char *own = more ? mw_strdup(c, key) : NULL;
        t->rows = more ? more : t->rows;
        if (!own)
            return mw_err(c);
        r = &t->rows[t->n++];
        *r = (row){own, NULL};
    }
    if (way)
        r->way = mw_strdup(c, way);
    return mw_err(c);
}

// The device's file; NULL when there is no cache folder.
static char *file_of(mw_ctx *c)
{
    const mw_device_info *i = &c->stream->info;
    char text[1024];
    int n = snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n%d\n%d", i->platform, i->platform_version,
                     i->name, i->driver, i->version, i->caps.cpu, i->caps.compute_units);
    XXH64_hash_t hash = XXH3_64bits(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    char *dir = mw_cache_dir(c, "tune");
    char *path = dir ? mw_format(c, "%s/%016llx.tune", dir, (unsigned long long)hash) : NULL;
    free(dir);
    return path;
}

// Rows "key<TAB>way"; anything else is passed over.
static void load(mw_ctx *c, struct mw_tunings *t)
{
    char *path = file_of(c);
    FILE *f = path ? fopen(path, "r") : NULL;
    char line[LINE];
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab || *line == '#')
            continue;
        *tab = 0;
        put(c, t, line, tab + 1);
    }
    if (f)
        fclose(f);
    free(path);
    if (mw_err(c) == MW_E_RUN)
        mw_err_clear(c); // no cache folder: nothing is known
}

// With the device's lock held. NULL when host memory is out.
static struct mw_tunings *table(mw_ctx *c)
{
    if (!c->stream->tunings) {
        c->stream->tunings = mw_alloc(c, sizeof *c->stream->tunings);
        if (c->stream->tunings)
            load(c, c->stream->tunings);
    }
    return c->stream->tunings;
}

static void note(mw_ctx *c, struct mw_tunings *t, const char *key, const char *const *ways)
{
    for (size_t i = 0; i < t->nasked; i++)
        if (strcmp(t->asked[i].key, key) == 0)
            return;
    question *more = mw_realloc(c, t->asked, (t->nasked + 1) * sizeof *more);
    char *own = more ? mw_strdup(c, key) : NULL;
    t->asked = more ? more : t->asked;
    if (own)
        t->asked[t->nasked++] = (question){own, ways};
}

void mw_tune_record(mw_ctx *c, bool on)
{
    if (mw_err(c) || !c->stream)
        return;
    pthread_mutex_lock(&c->stream->lock);
    struct mw_tunings *t = table(c);
    if (t && on)
        forget_asked(t);
    if (t)
        t->recording = on;
    pthread_mutex_unlock(&c->stream->lock);
}

bool mw_tune_recorded(mw_ctx *c, size_t i, const char **key, const char *const **ways)
{
    if (mw_err(c) || !c->stream || !c->stream->tunings || i >= c->stream->tunings->nasked)
        return false;
    *key = c->stream->tunings->asked[i].key;
    *ways = c->stream->tunings->asked[i].ways;
    return true;
}

int mw_tune_find(mw_ctx *c, const char *key, const char *const *ways)
{
    if (mw_err(c) || !c->stream)
        return -1;
    int found = -1;
    pthread_mutex_lock(&c->stream->lock);
    struct mw_tunings *t = table(c);
    const row *r = t ? find(t, key) : NULL;
    if (t && t->recording)
        note(c, t, key, ways);
    for (int i = 0; r && r->way && found < 0 && ways[i]; i++)
        if (strcmp(ways[i], r->way) == 0)
            found = i;
    pthread_mutex_unlock(&c->stream->lock);
    return found;
}

mw_status mw_tune_set(mw_ctx *c, const char *key, const char *way)
{
    if (mw_err(c) || !c->stream)
        return mw_err(c);
    pthread_mutex_lock(&c->stream->lock);
    struct mw_tunings *t = table(c);
    if (t)
        put(c, t, key, way);
    pthread_mutex_unlock(&c->stream->lock);
    return mw_err(c);
}

void mw_tune_put_back(mw_ctx *c, const char *key, const char *way)
{
    if (!c->stream)
        return;
    pthread_mutex_lock(&c->stream->lock);
    row *r = c->stream->tunings ? find(c->stream->tunings, key) : NULL;
    if (r) {
        free(r->way);
        r->way = way ? strdup(way) : NULL; // forgotten where host memory is out
    }
    pthread_mutex_unlock(&c->stream->lock);
}

static void write_rows(FILE *f, const struct mw_tunings *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].way)
            fprintf(f, "%s\t%s\n", t->rows[i].key, t->rows[i].way);
}

char *mw_tune_text(mw_ctx *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = mw_err(c) ? NULL : open_memstream(&text, &size);
    if (f && c->stream) {
        pthread_mutex_lock(&c->stream->lock);
        struct mw_tunings *t = table(c);
        if (t)
            write_rows(f, t);
        pthread_mutex_unlock(&c->stream->lock);
    }
    if ((!f || fclose(f)) && !mw_err(c))
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    return text;
}

mw_status mw_tune_save(mw_ctx *c)
{
    if (mw_err(c) || !c->stream)
        return mw_err(c);
    pthread_mutex_lock(&c->stream->lock);
    struct mw_tunings *t = table(c);
    char *path = t ? file_of(c) : NULL,
         *temporary = path ? mw_format(c, "%s.%ld.tmp", path, (long)getpid()) : NULL;
    FILE *f = temporary ? fopen(temporary, "w") : NULL;
    if (f) {
        bool ok = fprintf(f, "# %s, driver %s\n", c->stream->info.name, c->stream->info.driver) > 0;
        write_rows(f, t);
        ok = !ferror(f) && ok;
        ok = fclose(f) == 0 && ok;
        if (!ok || rename(temporary, path) != 0) {
            unlink(temporary);
            mw_fail(c, MW_E_FILE, "%s: cannot be written", path);
        }
    } else if (temporary) {
        mw_fail(c, MW_E_FILE, "%s: cannot be written", temporary);
    }
    free(temporary);
    free(path);
    pthread_mutex_unlock(&c->stream->lock);
    return mw_err(c);
}
