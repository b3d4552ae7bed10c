// trial.c: one run of the program's command in this process, and the verdict on how it ended.
#include "tests/faults/trial.h"

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/cli/cli.h"
#include "core/tensor/tensor.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

enum { MOST_ARGS = 64, MOST_FILES = 16 };

static struct {
    int argc, messages, files;
    char *argv[MOST_ARGS];
    char folder[64];
    uint64_t whole[MOST_FILES]; // hashes of what a good run left
} own;

void mw_trial_open(int argc, char **argv)
{
    strcpy(own.folder, "/tmp/moonweave-faults-XXXXXX");
    own.messages = memfd_create("messages", 0);
    if (!mkdtemp(own.folder) || own.messages < 0 || argc + 4 > MOST_ARGS) {
        perror(own.folder);
        exit(2);
    }
    dup2(own.messages, 2);
    mw_stderr(); // which stays open
    for (int i = 0; i < argc; i++)
        own.argv[own.argc++] = argv[i];
    own.argv[own.argc++] = "--quiet";
    own.argv[own.argc++] = "-o";
    own.argv[own.argc++] = own.folder;
}

// Calls f for each file of the output folder.
static void each_file(void (*f)(const char *path, void *user), void *user)
{
    struct dirent **names = NULL;
    int n = scandir(own.folder, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", own.folder, names[i]->d_name);
        if (strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, ".."))
            f(path, user);
        free(names[i]);
    }
    free(names);
}

static void add_file(const char *path, void *user)
{
    uint64_t *hash = user;
    FILE *f = fopen(path, "rb");
    char part[4096];
    *hash = XXH3_64bits_withSeed(path + strlen(own.folder), strlen(path) - strlen(own.folder), *hash);
    for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;)
        *hash = XXH3_64bits_withSeed(part, n, *hash);
    if (f)
        fclose(f);
}

static uint64_t hash_of(const char *path)
{
    uint64_t hash = 0;
    add_file(path, &hash);
    return hash;
}

static void note_whole(const char *path, void *user)
{
    (void)user;
    if (own.files < MOST_FILES)
        own.whole[own.files++] = hash_of(path);
}

// One of several outputs that was written before the failure is whole.
static void count_partial(const char *path, void *user)
{
    bool whole = false;
    for (int i = 0; i < own.files && !whole; i++)
        whole = own.whole[i] == hash_of(path);
    *(int *)user += !whole;
}

static void drop_file(const char *path, void *user)
{
    (void)user;
    unlink(path);
}

void mw_trial_close(void)
{
    each_file(drop_file, NULL);
    rmdir(own.folder);
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

// Runs the command with what it prints in the file of messages; its status.
static int run(mw_inject_kind kind, long n, bool keep, mw_inject_report *report)
{
    int out = dup(1);
    fflush(stdout);
    if (ftruncate(own.messages, 0) || lseek(own.messages, 0, SEEK_SET))
        exit(2);
    freopen("/dev/null", "w", stdout);
    mw_inject_begin(kind, n, keep);
    int status = mw_cli_main(own.argc, own.argv);
    *report = mw_inject_end();
    fflush(stdout);
    dup2(out, 1);
    close(out);
    return status;
}

static void wrong(mw_trial *t, const char *fmt, ...)
{
    char more[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(more, sizeof more, fmt, ap);
    va_end(ap);
    size_t at = strlen(t->text);
    snprintf(t->text + at, sizeof t->text - at, " [%s]", more);
    t->verdict = MW_TRIAL_WRONG;
}

// One sentence: lines after the first are indented.
static bool is_one_sentence(const char *text)
{
    for (const char *line = text; (line = strchr(line, '\n')) && line[1]; line++)
        if (line[1] != ' ')
            return false;
    return *text != 0;
}

static void judge_failure(mw_trial *t, mw_inject_kind kind, int status, int files)
{
    bool memory = status == mw_status_exit_code(MW_E_MEMORY);
    bool device = status == mw_status_exit_code(MW_E_DEVICE) && kind == MW_INJECT_CL;
    t->verdict = MW_TRIAL_TOLD;
    if (!t->report.failed)
        wrong(t, "nothing was made to fail");
    if (!memory && !device)
        wrong(t, "status %d", status);
    if (!is_one_sentence(t->text))
        wrong(t, "not one sentence");
    if (kind == MW_INJECT_MEMORY && !strstr(t->text, "memory"))
        wrong(t, "doesn't say that memory is out");
    if (files)
        wrong(t, "%d files were left that are not whole", files);
}

mw_trial mw_trial_run(mw_inject_kind kind, long n, uint64_t files, bool keep)
{
    mw_trial t = {0};
    each_file(drop_file, NULL);
    int before = open_files(), status = run(kind, n, keep, &t.report), after = open_files();
    ssize_t length = pread(own.messages, t.text, sizeof t.text - 300, 0);
    t.text[length > 0 ? length : 0] = 0;
    int partial = 0;
    each_file(add_file, &t.files);
    if (!status && !t.report.failed && !own.files)
        each_file(note_whole, NULL);
    each_file(count_partial, &partial);
    if (status) {
        judge_failure(&t, kind, status, partial);
    } else {
        t.verdict = t.report.failed ? MW_TRIAL_MENDED : MW_TRIAL_UNREACHED;
        if (files && t.files != files)
            wrong(&t, "ends well, with other files");
    }
    // stb_image_write 1.16 keeps its compressed picture when there is no memory for the whole one.
    bool stb = t.report.blocks == 1 && strstr(t.text, "memory for a PNG of");
    if (t.report.blocks && !stb)
        wrong(&t, "%ld allocations are not freed", t.report.blocks);
    if (t.report.objects)
        wrong(&t, "%ld OpenCL objects are not released", t.report.objects);
    if (mw_live_tensors())
        wrong(&t, "%ld tensors are alive", mw_live_tensors());
    if (after != before)
        wrong(&t, "%d files are open still", after - before);
    return t;
}
