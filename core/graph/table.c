// table.c: tables as CSV and JSON.
#include "core/graph/table.h"

#include "core/graph/value_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mw_table_format(const mw_value *table) { return mw_value_as_text(mw_value_get(table, "format")); }

static char *json_text(mw_ctx *c, const mw_value *columns, const mw_value *rows)
{
    mw_value *list = mw_value_list(c);
    for (size_t i = 0; i < mw_value_count(rows) && !mw_err(c); i++) {
        mw_value *map = mw_value_map(c);
        for (size_t k = 0; k < mw_value_count(columns); k++)
            mw_value_set(c, map, mw_value_as_text(mw_value_at(columns, k)),
                         mw_value_retain(mw_value_at(mw_value_at(rows, i), k)));
        mw_value_push(c, list, map);
    }
    char *text = mw_err(c) ? NULL : mw_value_to_json(c, list, 2);
    mw_value_release(list);
    return text;
}

// The cell as it stands, before quotes; free() it.
static char *cell_text(mw_ctx *c, const mw_value *v)
{
    switch (mw_value_kind(v)) {
    case MW_NIL: return mw_strdup(c, "");
    case MW_BOOL: return mw_strdup(c, mw_value_as_bool(v) ? "true" : "false");
    case MW_NUMBER: return mw_format(c, "%.15g", mw_value_as_number(v));
    case MW_TEXT: return mw_strdup(c, mw_value_as_text(v));
    default: return mw_value_to_json(c, v, 0);
    }
}

// In quotes where it must be, its own quotes doubled. A cell alone in its row must where it is empty: readers
// pass over empty lines.
static void write_cell(FILE *f, const char *text, bool alone)
{
    bool plain =
        text[strcspn(text, "\",\r\n")] == 0 && *text != ' ' && (!*text || text[strlen(text) - 1] != ' ');
    if (plain && (*text || !alone)) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (const char *p = text; *p; p++)
        fputs(*p == '"' ? "\"\"" : (char[]){*p, 0}, f);
    fputc('"', f);
}

static void write_row(mw_ctx *c, FILE *f, const mw_value *row)
{
    for (size_t k = 0; k < mw_value_count(row) && !mw_err(c); k++) {
        char *text = cell_text(c, mw_value_at(row, k));
        fputs(k ? "," : "", f);
        write_cell(f, text ? text : "", mw_value_count(row) == 1);
        free(text);
    }
    fputc('\n', f);
}

static char *csv_text(mw_ctx *c, const mw_value *columns, const mw_value *rows)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (f) {
        write_row(c, f, columns);
        for (size_t i = 0; i < mw_value_count(rows) && !mw_err(c); i++)
            write_row(c, f, mw_value_at(rows, i));
    }
    if (!f || fclose(f))
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    if (!mw_err(c))
        return text;
    free(text);
    return NULL;
}

char *mw_table_text(mw_ctx *c, const mw_value *table)
{
    const mw_value *columns = mw_value_get(table, "columns"), *rows = mw_value_get(table, "rows");
    if (mw_err(c))
        return NULL;
    return strcmp(mw_table_format(table), "json") == 0 ? json_text(c, columns, rows)
                                                       : csv_text(c, columns, rows);
}
