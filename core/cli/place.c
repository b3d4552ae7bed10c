// place.c: where a run's results go: the folder, and the run's number in it.
#include "core/cli/place.h"
#include "core/base/env.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_RUNS = 1000000 };

static const char *folder_of(const mw_ctx *c)
{
    const char *dir = mw_env_of(c).out_dir;
    return dir && *dir ? dir : ".";
}

// Cuts the last part off, down to "/" or ".".
static void go_up(char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = 0;
    else
        strcpy(path, ".");
}

// By trying: what the permissions say does not count for everybody, nor on every file system.
static bool can_write(mw_ctx *c, const char *folder)
{
    char *path = mw_format(c, "%s/.moonweave-XXXXXX", folder);
    int f = path ? mkstemp(path) : -1, why = errno;
    if (f >= 0) {
        close(f);
        unlink(path);
    }
    free(path);
    errno = why;
    return f >= 0;
}

mw_status mw_place_check(mw_ctx *c)
{
    char *path = mw_strdup(c, folder_of(c));
    struct stat st;
    // Not through a link that leads nowhere: no folder can be made in its place.
    while (path && lstat(path, &st) && errno == ENOENT && strcmp(path, "/") && strcmp(path, "."))
        go_up(path);
    if (path && stat(path, &st))
        mw_fail(c, MW_E_RUN, "%s: results cannot be written there: %s: %s", folder_of(c), path,
                strerror(errno));
    else if (path && !S_ISDIR(st.st_mode))
        mw_fail(c, MW_E_RUN, "%s: results cannot be written there: %s is not a folder", folder_of(c), path);
    else if (path && !can_write(c, path))
        mw_fail(c, MW_E_RUN, "%s: results cannot be written there: %s: %s", folder_of(c), path,
                strerror(errno));
    free(path);
    return mw_err(c);
}

typedef struct runs {
    mw_ctx *c;
    const char **names; // of the outputs that lie in the folder that is read now, ascending
    size_t n;
    int *taken;
    size_t count, room;
} runs;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take(runs *r, const char *name, long run)
{
    if (run < 1 || run > MOST_RUNS || !bsearch(&name, r->names, r->n, sizeof *r->names, by_text))
        return;
    if (r->count == r->room) {
        int *more = mw_realloc(r->c, r->taken, (2 * r->room + 16) * sizeof *more);
        if (!more)
            return;
        r->taken = more;
        r->room = 2 * r->room + 16;
    }
    r->taken[r->count++] = (int)run;
}

// Cuts "-0002" off the end; the number, or 1 where there is none.
static long cut_run(char *stem)
{
    char *dash = strrchr(stem, '-');
    size_t digits = dash ? strspn(dash + 1, "0123456789") : 0;
    if (digits < 4 || dash[1 + digits])
        return 1;
    *dash = 0;
    return strtol(dash + 1, NULL, 10);
}

// "image.png" and "image_2.png" are of run 1 of the output image, "image-0002.png" and "image-0002_2.png" of
// run 2.
static void take_file(runs *r, const char *file)
{
    char stem[256], whole[256];
    const char *dot = strrchr(file, '.');
    if (!dot || dot == file || (size_t)(dot - file) >= sizeof stem)
        return;
    for (int numbered = 0; numbered < 2; numbered++) {
        snprintf(stem, sizeof stem, "%.*s", (int)(dot - file), file);
        char *bar = strrchr(stem, '_');
        if (numbered && (!bar || !bar[1] || bar[1 + strspn(bar + 1, "0123456789")]))
            return;
        if (numbered)
            *bar = 0;
        strcpy(whole, stem);
        take(r, whole, 1);
        take(r, stem, cut_run(stem));
    }
}

static void read_folder(runs *r, const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) && !mw_err(r->c);)
        take_file(r, e->d_name);
    if (d)
        closedir(d);
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int mw_place_run(mw_ctx *c, const mw_output *outputs, int n)
{
    runs r = {.c = c, .names = mw_alloc(c, ((size_t)n + 1) * sizeof(char *))};
    int run = 1;
    for (int i = 0; r.names && i < n; i++)
        if (!strchr(outputs[i].name, '/'))
            r.names[r.n++] = outputs[i].name;
    if (r.names)
        qsort(r.names, r.n, sizeof *r.names, by_text);
    if (r.n)
        read_folder(&r, folder_of(c));
    for (int i = 0; r.names && i < n && !mw_err(c); i++) { // an output in a folder of its own
        char *path =
            strchr(outputs[i].name, '/') ? mw_format(c, "%s/%s", folder_of(c), outputs[i].name) : NULL;
        if (!path)
            continue;
        r.names[0] = strrchr(outputs[i].name, '/') + 1;
        r.n = 1;
        go_up(path);
        read_folder(&r, path);
        free(path);
    }
    if (r.taken)
        qsort(r.taken, r.count, sizeof *r.taken, ascending);
    for (size_t i = 0; i < r.count && r.taken[i] <= run; i++)
        run = r.taken[i] + 1;
    free(r.taken);
    free(r.names);
    return run;
}
