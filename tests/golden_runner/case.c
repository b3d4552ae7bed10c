// case.c: a case folder read.
#include "tests/golden_runner/golden.h"

#include "core/base/file.h"

#include <stdlib.h>
#include <string.h>

#define CASE_BYTES ((size_t)64 << 20)

static json_t *parse(mw_ctx *c, const char *path)
{
    size_t size;
    char *text = mw_file_read(c, path, CASE_BYTES, &size);
    if (!text)
        return NULL;
    json_error_t e;
    json_t *j = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
    free(text);
    if (!j)
        mw_fail(c, MW_E_FILE, "%s:%d: %s", path, e.line, e.text);
    else if (!json_is_object(j))
        mw_fail(c, MW_E_FILE, "%s: an object is expected", path);
    return j;
}

mw_status golden_open(mw_ctx *c, golden_case *k, const char *folder)
{
    *k = (golden_case){.folder = folder};
    char *path = mw_format(c, "%s/case.json", folder);
    k->json = path ? parse(c, path) : NULL;
    if (k->json) {
        const char *family = json_string_value(json_object_get(k->json, "family"));
        const char *name = json_string_value(json_object_get(k->json, "case"));
        k->op = json_string_value(json_object_get(k->json, "op"));
        k->params = json_object_get(k->json, "params");
        if (!family || !name || !k->op)
            mw_fail(c, MW_E_FILE, "%s: 'family', 'case' and 'op' must be texts", path);
        else
            k->name = mw_format(c, "%s/%s", family, name);
    }
    free(path);
    return mw_err(c);
}

void golden_close(golden_case *k)
{
    json_decref(k->json);
    free(k->name);
    *k = (golden_case){0};
}
