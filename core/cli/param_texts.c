// param_texts.c: the values of -p: as they are typed, or read from files and standard input.
#include "core/cli/param_texts.h"

#include "core/base/file.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 16 << 20 };

// All of standard input; free() it.
static char *read_input(mw_cli *k, size_t *n)
{
    mw_ctx *c = k->c;
    if (k->input_read) {
        mw_fail(c, MW_E_USAGE, "standard input can be read once only");
        return NULL;
    }
    k->input_read = true;
    char *text = mw_alloc(c, LONGEST_TEXT + 1);
    *n = text ? fread(text, 1, LONGEST_TEXT + 1, stdin) : 0;
    if (text && *n > LONGEST_TEXT)
        mw_fail(c, MW_E_FILE, "standard input is longer than %d MiB", LONGEST_TEXT >> 20);
    return text;
}

// "name=@file": the file's text without its last line end; "@-": standard input's; "@@x": the text "@x".
static const char *read_at(mw_cli *k, const char *text)
{
    mw_ctx *c = k->c;
    const char *at = strchr(text, '=') + 1;
    int name = (int)(at - 1 - text);
    size_t n = 0;
    char *own, *got = NULL;
    if (at[1] == '@') {
        own = mw_format(c, "%.*s=%s", name, text, at + 1);
    } else {
        got = strcmp(at, "@-") ? mw_file_read(c, at + 1, LONGEST_TEXT, &n) : read_input(k, &n);
        if (got && !mw_err(c) && memchr(got, 0, n))
            mw_fail(c, MW_E_FILE, "%s: holds a zero byte, so it is no text", at + 1);
        n -= got && n && got[n - 1] == '\n';
        n -= got && n && got[n - 1] == '\r';
        size_t mark = got ? mw_byte_order_mark(got, n) : 0;
        own = got && !mw_err(c) ? mw_format(c, "%.*s=%.*s", name, text, (int)(n - mark), got + mark) : NULL;
        mw_fail_context(c, "-p %s", text);
    }
    free(got);
    return own ? k->texts[k->ntexts++] = own : NULL;
}

mw_status mw_cli_add_param(mw_cli *k, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || *text == '=')
        return mw_fail(k->c, MW_E_USAGE, "-p %s: must be name=value", text);
    if (!strcmp(equals, "=@"))
        return mw_fail(k->c, MW_E_USAGE, "-p %s: must name a file behind the @", text);
    const char *value = equals[1] == '@' ? read_at(k, text) : text;
    if (value)
        k->params[k->nparams++] = value;
    return mw_err(k->c);
}
