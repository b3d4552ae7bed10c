// parts.c: what the families of networks share: a part's config and weights from the case's model folder.
#include "tests/golden_runner/parts.h"

#include "nodes/nets/base/nn.h"
#include "nodes/nets/base/part_files.h"

#include <stdlib.h>

json_t *golden_config(mw_ctx *c, const char *folder, char **path)
{
    *path = folder ? mw_format(c, "%s/config.json", folder) : NULL;
    return *path ? mw_json_load(c, *path) : NULL;
}

mw_weight_source golden_weights(mw_ctx *c, const char *folder, const char *stem, const mw_name_rule *rule)
{
    char *path = mw_part_weights(c, folder, stem, NULL);
    mw_files *files = path ? mw_files_open(c, path) : NULL;
    mw_source *s = files ? mw_source_new(c, files, rule) : NULL;
    mw_weight_source w = {0};
    if (s)
        w = mw_source_weights(s);
    mw_source_release(s);
    mw_files_release(files);
    free(path);
    return w;
}

void golden_give_planes(mw_ctx *c, golden_case *k, const char *name, mw_tensor *x)
{
    if (x && golden_wants(k, name))
        golden_give_tensor(c, k, name, mw_nn_to_planes(c, x));
}

mw_tensor *golden_input_channels_last(mw_ctx *c, golden_case *k, const char *name)
{
    return mw_nn_from_planes(c, golden_input_tensor(c, k, name, MW_F32), MW_F32);
}

mw_image golden_input_image(mw_ctx *c, golden_case *k, const char *name)
{
    const mw_st_entry *e = golden_input(c, k, name);
    mw_image image = {0};
    if (e && (e->ndim != 3 || e->shape[2] != 3 || e->dtype != MW_ST_U8))
        mw_fail(c, MW_E_FILE, "%s: input '%s' must be [H,W,3] of 8 bits", k->name, name);
    if (e && mw_err(c) == MW_OK) {
        image = (mw_image){.width = (int)e->shape[1], .height = (int)e->shape[0]};
        image.rgb = (uint8_t *)(uintptr_t)e->data; // read only
    }
    return image;
}
