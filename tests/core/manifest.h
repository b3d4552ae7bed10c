// manifest.h: for tests that walk a folder of broken or odd files by its manifest.json, and scratch folders.
#ifndef TEST_MANIFEST_H
#define TEST_MANIFEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/pathname.h"
#include "core/io/json.h"

// One entry: its path, what must happen ("refuse", "accept", "either") and the entry itself.
typedef void (*manifest_visit)(mw_ctx *c, const char *path, const char *expect, const json_t *entry);

// Calls visit for every file of folder/manifest.json, each with no error pending; how many there were.
static inline size_t manifest_walk(const char *folder, manifest_visit visit)
{
    mw_ctx *c = mw_ctx_new();
    assert_non_null(c);
    c->log_level = MW_LOG_ERROR;
    char *path = mw_path_join(c, folder, "manifest.json");
    json_t *manifest = mw_json_load(c, path), *entry;
    free(path);
    json_t *files = json_object_get(manifest, "files");
    size_t i;
    json_array_foreach(files, i, entry)
    {
        path = mw_path_join(c, folder, json_string_value(json_object_get(entry, "file")));
        visit(c, path, json_string_value(json_object_get(entry, "expect")), entry);
        mw_err_clear(c);
        free(path);
    }
    i = json_array_size(files);
    json_decref(manifest);
    mw_ctx_free(c);
    return i;
}

// The verdict on one file against its entry: refusals are MW_E_FILE and name the file and what should_mention
// lists.
static inline void manifest_verdict(mw_ctx *c, const char *path, const char *expect, const json_t *entry,
                                    bool accepted)
{
    const json_t *words = json_object_get(entry, "should_mention");
    if (strcmp(expect, "either") && accepted != !strcmp(expect, "accept"))
        fail_msg("%s: %s, must %s (%s): %s", path, accepted ? "accepted" : "refused", expect,
                 json_string_value(json_object_get(entry, "why")), mw_errmsg(c));
    assert_int_equal(accepted, mw_err(c) == MW_OK);
    if (accepted)
        return;
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), path))
        fail_msg("%s is not named in: %s", path, mw_errmsg(c));
    for (size_t i = 0; i < json_array_size(words); i++)
        if (!strstr(mw_errmsg(c), json_string_value(json_array_get(words, i))))
            fail_msg("%s: '%s' is not in: %s", path, json_string_value(json_array_get(words, i)),
                     mw_errmsg(c));
}

// A fresh folder for files a test writes; the caller removes it with scratch_remove.
static inline char *scratch_make(void)
{
    const char *tmp = getenv("TMPDIR");
    char *name = malloc(256);
    assert_non_null(name);
    snprintf(name, 256, "%s/moonweave-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(name));
    return name;
}

// How many files lie in it, hidden ones included.
static inline int scratch_count(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return n;
}

static inline void scratch_remove(char *folder)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    free(folder);
}

#endif
