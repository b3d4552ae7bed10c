// driver_output.c: descriptor 2 leads into a file in memory while a driver's compiler runs.
#include "core/cl/driver_output.h"

#include "core/base/console.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    int users; // begun and not ended
    int kept;  // the file in memory; -1: descriptor 2 is as it was
} output = {PTHREAD_MUTEX_INITIALIZER, 0, -1};

void mw_driver_output_begin(void)
{
    pthread_mutex_lock(&output.lock);
    if (output.users++ == 0 && mw_stderr() != stderr) {
        output.kept = memfd_create("driver output", MFD_CLOEXEC);
        if (output.kept >= 0 && dup2(output.kept, STDERR_FILENO) < 0) {
            close(output.kept);
            output.kept = -1;
        }
    }
    pthread_mutex_unlock(&output.lock);
}

// The file's text without line breaks at its end; NULL when there is none.
static char *text_of(int fd)
{
    struct stat s;
    char *text = fstat(fd, &s) == 0 && s.st_size ? malloc((size_t)s.st_size + 1) : NULL;
    ssize_t n = text ? pread(fd, text, (size_t)s.st_size, 0) : 0;
    while (n > 0 && strchr("\r\n", text[n - 1]))
        n--;
    if (n > 0)
        text[n] = 0;
    else {
        free(text);
        text = NULL;
    }
    return text;
}

void mw_driver_output_end(mw_ctx *c)
{
    char *text = NULL;
    pthread_mutex_lock(&output.lock);
    if (--output.users == 0 && output.kept >= 0) {
        dup2(fileno(mw_stderr()), STDERR_FILENO);
        text = text_of(output.kept);
        close(output.kept);
        output.kept = -1;
    }
    pthread_mutex_unlock(&output.lock);
    if (text)
        mw_log(c, MW_LOG_DEBUG, "the driver says: %s", text);
    free(text);
}
