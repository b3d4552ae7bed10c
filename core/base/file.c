// file.c: whole files in and out, atomically; mappings.
#include "core/base/file.h"

#include "core/base/pathname.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Opens a regular file for reading; its length goes to *size. -1 with MW_E_FILE pending.
static int open_regular(mw_ctx *c, const char *path, size_t *size)
{
    if (mw_err(c) != MW_OK)
        return -1;
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        mw_fail(c, MW_E_FILE, "%s: can't be opened: %s", path, strerror(errno));
        return -1;
    }
    struct stat st;
    if (fstat(fd, &st) != 0)
        mw_fail(c, MW_E_FILE, "%s: can't be read: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        mw_fail(c, MW_E_FILE, "%s: is %s, not a file", path,
                S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
    if (mw_err(c) != MW_OK) {
        close(fd);
        return -1;
    }
    *size = (size_t)st.st_size;
    return fd;
}

static bool read_all(mw_ctx *c, int fd, const char *path, char *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            mw_fail(c, MW_E_FILE, "%s: can't be read: %s", path,
                    n ? strerror(errno) : "it became shorter meanwhile");
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

char *mw_file_read(mw_ctx *c, const char *path, size_t limit, size_t *size)
{
    size_t n = 0;
    int fd = open_regular(c, path, &n);
    if (fd < 0)
        return NULL;
    char *data = NULL;
    if (n > limit)
        mw_fail(c, MW_E_FILE, "%s: is %zu bytes long, more than the %zu allowed for such a file", path, n,
                limit);
    else
        data = mw_alloc(c, n + 1);
    if (data && !read_all(c, fd, path, data, n)) {
        free(data);
        data = NULL;
    }
    close(fd);
    if (data && size)
        *size = n;
    return data;
}

bool mw_file_map(mw_ctx *c, const char *path, mw_mapping *m)
{
    *m = (mw_mapping){0};
    size_t n = 0;
    int fd = open_regular(c, path, &n);
    if (fd < 0)
        return false;
    void *p = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (p == MAP_FAILED)
        mw_fail(c, errno == ENOMEM ? MW_E_MEMORY : MW_E_FILE, "%s: can't be mapped: %s", path,
                strerror(errno));
    else
        *m = (mw_mapping){p, n};
    close(fd);
    return mw_err(c) == MW_OK;
}

void mw_file_unmap(mw_mapping *m)
{
    if (m->data)
        munmap((void *)(uintptr_t)m->data, m->size);
    *m = (mw_mapping){0};
}

void mw_file_forget(const void *data, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)data + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)data + size) & ~(page - 1);
    if (to > from) // only whole pages: neighbours may be in use
        madvise((void *)from, to - from, MADV_DONTNEED);
}

struct mw_file_writer {
    FILE *f;
    char *path;
    char *temporary;
    mw_file_writer *next;
};

static struct {
    pthread_mutex_t lock;
    mw_file_writer *first; // of those that have a temporary file
    bool abandoned;
} writers = {PTHREAD_MUTEX_INITIALIZER, NULL, false};

// The temporary file is made, and known, at once. False with errno set.
static bool open_temporary(mw_file_writer *w)
{
    pthread_mutex_lock(&writers.lock);
    int fd = -1;
    errno = EINTR;
    if (!writers.abandoned)
        fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    w->f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (w->f) {
        w->next = writers.first;
        writers.first = w;
    } else if (fd >= 0) {
        int why = errno;
        unlink(w->temporary);
        close(fd);
        errno = why;
    }
    pthread_mutex_unlock(&writers.lock);
    return w->f != NULL;
}

static void forget_temporary(const mw_file_writer *w)
{
    pthread_mutex_lock(&writers.lock);
    mw_file_writer **at = &writers.first;
    while (*at && *at != w)
        at = &(*at)->next;
    if (*at)
        *at = w->next;
    pthread_mutex_unlock(&writers.lock);
}

void mw_file_abandon(void)
{
    pthread_mutex_lock(&writers.lock);
    writers.abandoned = true;
    for (mw_file_writer *w = writers.first; w; w = w->next)
        unlink(w->temporary);
    pthread_mutex_unlock(&writers.lock);
}

static void writer_free(mw_file_writer *w)
{
    if (w->f)
        fclose(w->f);
    free(w->path);
    free(w->temporary);
    free(w);
}

static void writer_failed(mw_ctx *c, const mw_file_writer *w)
{
    mw_fail(c, MW_E_RUN, "%s: can't be written: %s", w->path, strerror(errno));
}

mw_file_writer *mw_file_begin(mw_ctx *c, const char *path)
{
    static atomic_uint serial;
    if (mw_err(c) != MW_OK)
        return NULL;
    mw_file_writer *w = mw_alloc(c, sizeof *w);
    char *folder = w ? mw_path_folder(c, path) : NULL;
    if (!folder) {
        free(w);
        return NULL;
    }
    w->path = mw_strdup(c, path);
    w->temporary = mw_format(c, "%s/.%.200s.%ld.%u.tmp", folder, mw_path_base(path), (long)getpid(),
                             atomic_fetch_add(&serial, 1));
    free(folder);
    if (mw_err(c) == MW_OK && !open_temporary(w))
        writer_failed(c, w);
    if (mw_err(c) == MW_OK)
        return w;
    writer_free(w);
    return NULL;
}

void mw_file_put(mw_ctx *c, mw_file_writer *w, const void *data, size_t size)
{
    if (!w || mw_err(c) != MW_OK || !size)
        return;
    if (fwrite(data, 1, size, w->f) != size)
        writer_failed(c, w);
}

mw_status mw_file_commit(mw_ctx *c, mw_file_writer *w)
{
    if (!w)
        return mw_err(c);
    if (mw_err(c) == MW_OK && !mw_cancelled(c)) {
        // Synced before the rename: a crash of the machine then leaves the old file or the whole new one.
        if (fflush(w->f) != 0 || fdatasync(fileno(w->f)) != 0)
            writer_failed(c, w);
    }
    if (mw_err(c) == MW_OK && rename(w->temporary, w->path) != 0)
        writer_failed(c, w);
    if (mw_err(c) != MW_OK)
        unlink(w->temporary);
    forget_temporary(w);
    writer_free(w);
    return mw_err(c);
}

mw_status mw_file_write(mw_ctx *c, const char *path, const void *data, size_t size)
{
    mw_file_writer *w = mw_file_begin(c, path);
    mw_file_put(c, w, data, size);
    return mw_file_commit(c, w);
}
