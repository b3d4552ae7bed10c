// inspect_loose.c: folders that hold things of models, but no model: what lies in them is said.
#include "nodes/nets/inspect/inspect_internal.h"

#include "core/base/pathname.h"
#include "core/base/text.h"
#include "core/io/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 8, DEPTH = 5 };

typedef struct findings {
    char parts[600], indices[300];
    int nparts, nindices, yaml;
} findings;

static void note(char *list, size_t size, int *n, const char *name, const char *class)
{
    size_t length = strlen(list);
    char shown[80], of[80];
    if ((*n)++ < LISTED)
        snprintf(list + length, size - length, "%s%s%s%s%s", length ? ", " : "",
                 mw_printable(name, shown, sizeof shown), class ? " (" : "",
                 class ? mw_printable(class, of, sizeof of) : "", class ? ")" : "");
}

// The class that a part's config names; NULL where there is none. free() it.
static char *class_in(mw_ctx *c, const char *folder)
{
    static const char *const files[] = {"config.json", "scheduler_config.json"};
    char *class = NULL;
    for (int i = 0; i < 2 && !class; i++) {
        mw_ctx *quiet = mw_ctx_fork(c);
        char *path = quiet ? mw_path_join(quiet, folder, files[i]) : NULL;
        json_t *o = path && mw_path_exists(path) ? mw_json_load(quiet, path) : NULL;
        const char *first = json_string_value(json_array_get(json_object_get(o, "architectures"), 0));
        const char *name = json_string_value(json_object_get(o, "_class_name"));
        if (path && mw_path_exists(path))
            class = mw_strdup(quiet, name ? name : first ? first : o ? "no class named" : "no valid JSON");
        json_decref(o);
        free(path);
        mw_ctx_free(quiet);
    }
    return class;
}

static int is_shown(const struct dirent *e) { return e->d_name[0] != '.'; }

static void look(mw_ctx *c, const char *folder, const char *relative, int depth, findings *f);

static void look_into(mw_ctx *c, const char *folder, const char *relative, int depth, findings *f)
{
    char *index = mw_path_join(c, folder, "model_index.json"), *class = class_in(c, folder);
    if (index && mw_path_exists(index))
        note(f->indices, sizeof f->indices, &f->nindices, relative, NULL);
    else if (class)
        note(f->parts, sizeof f->parts, &f->nparts, relative, class);
    else
        look(c, folder, relative, depth - 1, f);
    free(class);
    free(index);
}

static void look(mw_ctx *c, const char *folder, const char *relative, int depth, findings *f)
{
    struct dirent **all;
    int n = depth ? scandir(folder, &all, is_shown, alphasort) : -1;
    for (int i = 0; i < n; free(all[i++])) {
        const struct dirent *e = all[i];
        char *path = mw_path_join(c, folder, e->d_name), *inner = mw_path_join(c, relative, e->d_name);
        if (path && mw_path_is_folder(path))
            look_into(c, path, inner, depth, f);
        f->yaml += mw_path_has_suffix(e->d_name, ".yaml") || mw_path_has_suffix(e->d_name, ".yml");
        free(inner);
        free(path);
    }
    if (n >= 0)
        free(all);
}

mw_status mw_inspect_loose(mw_ctx *c, const char *folder)
{
    findings f = {.yaml = 0};
    look(c, folder, "", DEPTH, &f);
    if (f.nparts || f.nindices)
        return mw_fail(
            c, MW_E_FILE,
            "%s: is no model's folder: there is no model_index.json that says how parts belong together%s%s%s"
            "%s%s%s",
            folder, f.nparts ? "; it holds " : "", f.parts, f.nparts > LISTED ? ", ..." : "",
            f.nindices ? "; a model_index.json lies in " : "", f.indices, f.nindices > LISTED ? ", ..." : "");
    if (f.yaml)
        return mw_fail(
            c, MW_E_FILE,
            "%s: is no model's folder: it holds no weights, only %d configs of the original code (YAML); a "
            "checkpoint of that code is one .safetensors file",
            folder, f.yaml);
    return mw_fail(c, MW_E_FILE,
                   "%s: is no model's folder: neither model_index.json, config.json nor weights are there",
                   folder);
}
