// content_hash.c: a hash of a file's content, remembered so that large files are read once.
#include "core/base/content_hash.h"

#include "core/base/file.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { PIECE = 1 << 20, SLOTS = 1024, CLOCK_STEP = 2 };

typedef struct memo {
    mw_content_hash facts, content;
} memo;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static memo remembered[SLOTS]; // by facts; a later file takes an earlier one's slot

static mw_content_hash of_bytes(const void *data, size_t size)
{
    XXH128_hash_t h = XXH3_128bits(data, size);
    return (mw_content_hash){h.low64, h.high64};
}

static bool same(mw_content_hash a, mw_content_hash b) { return a.lo == b.lo && a.hi == b.hi; }

static mw_content_hash facts_of(const struct stat *s)
{
    const uint64_t facts[] = {(uint64_t)s->st_dev,          (uint64_t)s->st_ino,
                              (uint64_t)s->st_size,         (uint64_t)s->st_mtim.tv_sec,
                              (uint64_t)s->st_mtim.tv_nsec, (uint64_t)s->st_ctim.tv_sec,
                              (uint64_t)s->st_ctim.tv_nsec};
    return of_bytes(facts, sizeof facts);
}

// In pieces: mapped whole, a model's files would count as this process's memory.
static bool read_all(mw_ctx *c, int fd, mw_content_hash *out)
{
    uint8_t *piece = malloc(PIECE);
    XXH3_state_t *h = piece ? XXH3_createState() : NULL;
    ssize_t n = h ? 0 : -1;
    if (h)
        XXH3_128bits_reset(h);
    else
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    while (h && !atomic_load(c->cancel) && (n = read(fd, piece, PIECE)) > 0)
        XXH3_128bits_update(h, piece, (size_t)n);
    bool good = n == 0 && !atomic_load(c->cancel);
    if (good) {
        XXH128_hash_t d = XXH3_128bits_digest(h);
        *out = (mw_content_hash){d.low64, d.high64};
    }
    XXH3_freeState(h);
    free(piece);
    return good;
}

// ---- on disk: one small file for each, "<content> <check of it and the facts>". One that cannot be read or
// written costs time only.

static char *memo_path(mw_ctx *c, mw_content_hash facts)
{
    char *dir = mw_cache_dir(c, "hashes");
    char *path = dir ? mw_format(c, "%s/%016" PRIx64 "%016" PRIx64, dir, facts.hi, facts.lo) : NULL;
    free(dir);
    return path;
}

static uint64_t check_of(const memo *m) { return XXH3_64bits(m, sizeof *m); }

static bool recall(mw_ctx *c, memo *m)
{
    char *path = memo_path(c, m->facts),
         *text = path && !access(path, R_OK) ? mw_file_read(c, path, 256, NULL) : NULL;
    memo found = {m->facts, {0, 0}};
    uint64_t check = 0;
    bool good = text &&
        sscanf(text, "%16" SCNx64 "%16" SCNx64 " %16" SCNx64, &found.content.hi, &found.content.lo, &check) ==
            3 &&
        check == check_of(&found);
    if (good)
        *m = found;
    free(text);
    free(path);
    mw_err_clear(c);
    return good;
}

static void keep(mw_ctx *c, const memo *m)
{
    char text[64], *path = memo_path(c, m->facts);
    int n = snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64 " %016" PRIx64 "\n", m->content.hi,
                     m->content.lo, check_of(m));
    if (path)
        mw_file_write(c, path, text, (size_t)n);
    free(path);
    mw_err_clear(c);
}

static bool look_up(mw_ctx *c, int fd, mw_content_hash *out)
{
    struct stat s;
    if (fstat(fd, &s) || !S_ISREG(s.st_mode))
        return false;
    memo m = {.facts = facts_of(&s)}, *slot = &remembered[m.facts.lo % SLOTS];
    time_t fresh = time(NULL) - CLOCK_STEP;
    bool settled = s.st_mtim.tv_sec < fresh && s.st_ctim.tv_sec < fresh, large = s.st_size >= PIECE;
    pthread_mutex_lock(&lock);
    bool known = settled && same(slot->facts, m.facts);
    if (known)
        m = *slot;
    pthread_mutex_unlock(&lock);
    if (!known && settled && large && recall(c, &m)) {
        known = true;
    } else if (!known) {
        if (!read_all(c, fd, &m.content))
            return false;
        if (settled && large)
            keep(c, &m);
    }
    if (settled) {
        pthread_mutex_lock(&lock);
        *slot = m;
        pthread_mutex_unlock(&lock);
    }
    *out = m.content;
    return true;
}

bool mw_content_hash_of(mw_ctx *c, const char *path, mw_content_hash *out)
{
    int fd = mw_err(c) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool known = fd >= 0 && look_up(c, fd, out);
    if (fd >= 0)
        close(fd);
    return known;
}
