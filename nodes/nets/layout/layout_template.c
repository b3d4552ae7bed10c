// layout_template.c: templates of layout requests: found, read and filled in; layouts written as completions.
#include "nodes/nets/layout/layout_template.h"

#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_TEMPLATE = 1 << 20 };

// ---- found

static bool is_name(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

static char *own(mw_ctx *c, const char *name, bool previous)
{
    char *relative = mw_format(c, "scripts/templates/%s%s.txt", name, previous ? "_edit" : "");
    char *path = relative ? mw_share_path(c, relative) : NULL;
    free(relative);
    if (path && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

// A file beside the model's config; NULL (no error): there is none.
static char *beside(mw_ctx *c, const char *folder, const char *name)
{
    char *path = folder ? mw_format(c, "%s/%s", folder, name) : NULL;
    if (path && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *find(mw_ctx *c, const char *name, const char *folder, bool previous)
{
    char *path = NULL;
    if (!strcmp(name, "auto")) {
        path = previous ? beside(c, folder, "layout_edit_template.txt") : NULL;
        path = path ? path : beside(c, folder, "layout_template.txt");
        name = "lmd";
    }
    if (!path && is_name(name))
        path = own(c, name, previous);
    return path || mw_err(c) ? path : mw_find_path(c, name);
}

// ---- read

// At the begin of `at` stands {name}: its length; 0: it does not.
static size_t place(const char *at, const char *name)
{
    size_t n = strlen(name);
    return *at == '{' && !strncmp(at + 1, name, n) && at[n + 1] == '}' ? n + 2 : 0;
}

bool mw_layout_template_has(const char *text, const char *name)
{
    for (; (text = strchr(text, '{')); text++)
        if (place(text, name))
            return true;
    return false;
}

static void check(mw_ctx *c, const char *path, const char *text, size_t size, bool previous)
{
    if (mw_utf8_length(text, size) != size || strlen(text) != size)
        mw_fail(c, MW_E_FILE, "%s: a template must be UTF-8 text without zero bytes", path);
    else if (!mw_layout_template_has(text, "prompt"))
        mw_fail(c, MW_E_FILE, "%s: a template must have {prompt} where the prompt goes", path);
    else if (!previous && mw_layout_template_has(text, "previous"))
        mw_fail(c, MW_E_FILE,
                "%s: the template has a place for a previous layout, and none is given ('previous')", path);
}

// Blanks and line ends behind a colon at the end.
static void trim_end(char *text)
{
    size_t n = strlen(text), end = n;
    while (end && strchr(" \t\r\n", text[end - 1]))
        end--;
    if (end && text[end - 1] == ':')
        text[end] = 0;
}

char *mw_layout_template(mw_ctx *c, const char *name, const char *folder, bool previous)
{
    size_t size = 0;
    char *path = find(c, name, folder, previous),
         *text = path ? mw_file_read(c, path, LARGEST_TEMPLATE, &size) : NULL;
    if (text) {
        size_t mark = mw_byte_order_mark(text, size);
        memmove(text, text + mark, size - mark + 1);
        check(c, path, text, size - mark, previous);
        trim_end(text);
    }
    free(path);
    if (!mw_err(c))
        return text;
    free(text);
    return NULL;
}

// ---- filled in

// One line of the prompt's words; free() it.
static char *one_line(mw_ctx *c, const char *prompt)
{
    char *text = mw_strdup(c, prompt), *to = text;
    for (const char *p = text; p && *p; p++) {
        bool blank = strchr(" \t\r\n\v\f", *p);
        if (!blank)
            *to++ = *p;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to && to > text && (to[-1] == ' ' || to[-1] == '.'))
        to--;
    if (text)
        *to = 0;
    return text;
}

char *mw_layout_template_fill(mw_ctx *c, const char *text, const char *prompt, const char *examples,
                              const char *previous)
{
    char *line = one_line(c, prompt), *out = NULL;
    size_t size = 0;
    FILE *f = mw_err(c) ? NULL : open_memstream(&out, &size);
    const struct {
        const char *name, *value;
    } part[] = {
        {"prompt", line}, {"examples", examples ? examples : ""}, {"previous", previous ? previous : ""}};
    for (const char *p = text; f && *p;) {
        size_t n = 0;
        for (size_t i = 0; i < 3 && !n; i++)
            if ((n = place(p, part[i].name)))
                fputs(part[i].value, f);
        if (!n)
            fputc(*p, f);
        p += n ? n : 1;
    }
    free(line);
    if (mw_err(c) || (f && !fclose(f) && out))
        return out;
    free(out);
    mw_fail(c, MW_E_MEMORY, "host memory ran out");
    return NULL;
}

// ---- a layout as a completion

// As Python writes it: in the quotes that it does not hold.
static void write_name(FILE *f, const char *name)
{
    char quote = strchr(name, '\'') && !strchr(name, '"') ? '"' : '\'';
    fputc(quote, f);
    for (; *name; name++) {
        if (*name == quote || *name == '\\')
            fputc('\\', f);
        if (*name == '\n')
            fputs("\\n", f);
        else
            fputc(*name, f);
    }
    fputc(quote, f);
}

char *mw_layout_written(mw_ctx *c, const mw_layout *l)
{
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    if (f) {
        fputs("Objects: [", f);
        for (size_t i = 0; i < l->n; i++) {
            const double *b = l->object[i].box;
            fputs(i ? ", (" : "(", f);
            write_name(f, l->object[i].phrase);
            fprintf(f, ", [%.0f, %.0f, %.0f, %.0f])", b[0], b[1], b[2], b[3]);
        }
        fprintf(f, "]\nBackground prompt: %s\nNegative prompt: %s\n", l->background, l->negative);
        if (!fclose(f) && out)
            return out;
    }
    free(out);
    mw_fail(c, MW_E_MEMORY, "host memory ran out");
    return NULL;
}
