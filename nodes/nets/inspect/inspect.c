// inspect.c: tells kinds of files apart and has each described.
#include "nodes/nets/inspect/inspect_internal.h"

#include "core/base/file.h"
#include "core/base/pathname.h"
#include "core/io/describe.h"
#include "core/io/file_kind.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/checkpoint/model_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Does a checkpoint in one file hold every weight that its family's published settings ask for? Others load
// too, with configs of their own.
static void put_loads(mw_ctx *c, const char *path, FILE *out)
{
    mw_ctx *quiet = mw_ctx_fork(c);
    if (!quiet)
        return;
    quiet->log_level = MW_LOG_ERROR;
    mw_checkpoint *k = mw_checkpoint_open(quiet, &(mw_checkpoint_options){.path = path, .dtype = MW_F32});
    if (k)
        fprintf(out, "loads: with the published settings of %s\n", k->kind);
    else
        fprintf(out, "loads: not with published settings: %s\n", mw_errmsg(quiet));
    if (k)
        mw_object_release(&k->base);
    mw_ctx_free(quiet);
}

void mw_inspect_tensors(mw_ctx *c, const char *path, FILE *out)
{
    char text[400];
    mw_st *s = mw_st_open(c, path);
    if (!s)
        return;
    fprintf(out, "%s: %s\n", path, mw_st_summary(s, text, sizeof text));
    if (*mw_model_kind(c, s, text, sizeof text))
        fprintf(out, "kind: %s\n", text);
    if (strstr(text, "single-file checkpoint"))
        put_loads(c, path, out);
    mw_describe_tensors(s, c->log_level >= MW_LOG_DEBUG, out);
    mw_st_close(s);
}

// By the first bytes.
static void inspect_content(mw_ctx *c, const char *path, FILE *out)
{
    mw_mapping m;
    if (!mw_file_map(c, path, &m))
        return;
    const char *head = (const char *)m.data;
    bool tensors = m.size >= 9 && head[8] == '{';
    bool json = m.size >= 1 && (head[0] == '{' || head[0] == '[');
    const char *kind = mw_file_kind(m.data, m.size);
    bool gguf = m.size >= 4 && !memcmp(head, "GGUF", 4);
    bool torch = mw_file_kind_is_torch(kind); // by what it holds, not by its name
    mw_file_unmap(&m);
    kind = mw_file_kind_at(c, path);
    if (kind && strstr(kind, " picture"))
        mw_describe_image(c, path, out);
    else if (json)
        mw_inspect_json(c, path, out);
    else if (tensors)
        mw_inspect_tensors(c, path, out);
    else if (gguf)
        mw_inspect_gguf(c, path, out);
    else if (torch && !tensors)
        mw_describe_torch(c, path, c->log_level >= MW_LOG_DEBUG, out);
    else if (kind)
        mw_fail(c, MW_E_FILE, "%s: is %s", path, kind);
    else if (mw_err(c) == MW_OK)
        mw_fail(c, MW_E_FILE,
                "%s: is neither a safetensors or GGUF file, a config, nor a PNG or JPEG picture", path);
}

static void inspect_file(mw_ctx *c, const char *path, FILE *out)
{
    static const char *const pictures[] = {".png", ".jpg", ".jpeg"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (mw_path_has_suffix(path, pictures[i])) {
            mw_describe_image(c, path, out);
            return;
        }
    if (mw_path_has_suffix(path, ".safetensors"))
        mw_inspect_tensors(c, path, out);
    else if (mw_path_has_suffix(path, ".gguf"))
        mw_inspect_gguf(c, path, out);
    else if (mw_path_has_suffix(path, ".json"))
        mw_inspect_json(c, path, out);
    else
        inspect_content(c, path, out);
}

mw_status mw_inspect(mw_ctx *c, const char *path, FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (!mw_path_exists(path))
        return mw_fail(c, MW_E_FILE, "%s: %s", path, strerror(errno));
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return mw_fail(c, MW_E_MEMORY, "%s: out of host memory", path);
    if (mw_path_is_folder(path))
        mw_inspect_folder(c, path, f);
    else
        inspect_file(c, path, f);
    fclose(f);
    if (mw_err(c) == MW_OK && fwrite(text, 1, size, out) != size)
        mw_fail(c, MW_E_RUN, "%s: its description can't be written: %s", path, strerror(errno));
    free(text);
    return mw_err(c);
}
