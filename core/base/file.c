// file.c: whole files: read with a limit, written so that nobody ever sees a half.
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *read_open(mw_ctx *c, int fd, const char *path, size_t limit, size_t *size)
{
    struct stat s;
    if (fstat(fd, &s) || !S_ISREG(s.st_mode)) {
        mw_fail(c, MW_E_FILE, "%s: is not a file", path);
        return NULL;
    }
    if ((uint64_t)s.st_size > limit) {
        mw_fail(c, MW_E_FILE, "%s: has %lld bytes; at most %zu are read", path, (long long)s.st_size, limit);
        return NULL;
    }
    size_t want = (size_t)s.st_size, got = 0;
    char *data = mw_alloc(c, want + 1);
    while (data && got < want) {
        ssize_t n = read(fd, data + got, want - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            mw_fail(c, MW_E_FILE, "%s: cannot be read to its end: %s", path,
                    n ? strerror(errno) : "it became shorter");
            free(data);
            return NULL;
        }
        got += (size_t)n;
    }
    if (size)
        *size = got;
    return data;
}

char *mw_file_read(mw_ctx *c, const char *path, size_t limit, size_t *size)
{
    if (mw_err(c))
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        mw_fail(c, MW_E_FILE, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *data = read_open(c, fd, path, limit, size);
    close(fd);
    return data;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return true;
}

mw_status mw_file_write(mw_ctx *c, const char *path, const void *data, size_t size)
{
    char *temp = mw_format(c, "%s.XXXXXX", path);
    if (!temp)
        return mw_err(c);
    int fd = mkostemp(temp, O_CLOEXEC);
    bool ok = fd >= 0;
    if (ok) {
        mode_t mask = umask(0);
        umask(mask);
        ok = write_all(fd, data, size) && !fchmod(fd, 0666 & ~mask);
        ok = !close(fd) && ok && !rename(temp, path);
    }
    if (!ok) {
        mw_fail(c, MW_E_RUN, "%s: cannot be written: %s", path, strerror(errno));
        if (fd >= 0)
            unlink(temp);
    }
    free(temp);
    return mw_err(c);
}
