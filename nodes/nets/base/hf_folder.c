// hf_folder.c: a network's folder as transformers lays it out: config.json, weights, processor_config.json.
#include "nodes/nets/base/hf_folder.h"

#include "core/base/pathname.h"
#include "nodes/nets/base/part_files.h"

#include <stdlib.h>

// The object `key` of a file (NULL: all of it) says how pictures are made ready. False where there is none.
static bool open_part(mw_ctx *c, const char *path, const char *name, const char *key, mw_hf_folder *out)
{
    char *file = mw_err(c) == MW_OK ? mw_path_join(c, path, name) : NULL;
    json_t *whole = file && mw_path_exists(file) ? mw_json_load(c, file) : NULL;
    out->prep = json_incref(key ? json_object_get(whole, key) : whole);
    json_decref(whole);
    if (!out->prep) {
        free(file);
        return false;
    }
    out->prep_path = file;
    return true;
}

mw_status mw_hf_open(mw_ctx *c, const char *path, mw_hf_folder *out)
{
    *out = (mw_hf_folder){0};
    if (mw_err(c) == MW_OK && !mw_path_is_folder(path))
        return mw_fail(c, MW_E_FILE, "%s: a model's folder is expected here, with a config.json in it", path);
    out->config_path = mw_path_join(c, path, "config.json");
    if (out->config_path)
        out->config = mw_json_load(c, out->config_path);
    if (!open_part(c, path, "processor_config.json", "image_processor", out))
        open_part(c, path, "preprocessor_config.json", NULL, out);
    return mw_err(c);
}

void mw_hf_close(mw_hf_folder *f)
{
    free(f->config_path);
    free(f->prep_path);
    json_decref(f->config);
    json_decref(f->prep);
    *f = (mw_hf_folder){0};
}

mw_weight_source mw_hf_weights(mw_ctx *c, const char *path, const mw_name_rule *rule)
{
    char *file = mw_part_weights(c, path, "model", NULL);
    mw_files *files = file ? mw_files_open(c, file) : NULL;
    mw_source *s = files ? mw_source_new(c, files, rule) : NULL;
    mw_weight_source w = {0};
    if (s)
        w = mw_source_weights(s);
    mw_source_release(s);
    mw_files_release(files);
    free(file);
    return w;
}
