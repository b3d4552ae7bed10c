// table.c: rows of numbers and texts, for an output to write.
#include "core/graph/node.h"

#include <math.h>
#include <string.h>

enum { COLUMNS, ROWS, FORMAT };
static const mw_port in[] = {
    [COLUMNS] = {.name = "columns", .type = "texts", .doc = "the columns' names, from left to right"},
    [ROWS] = {.name = "rows",
              .type = "list",
              .doc =
                  "each {cell, cell, ...} in the order of the columns, or {name = cell, ...}, where a column "
                  "may lack; cells are numbers, texts, true, false, or what nodes give as such"},
    [FORMAT] =
        {.name = "format",
         .type = "choice",
         .def = "\"csv\"",
         .choices = "csv|json",
         .doc = "what mw.output { name = ... } writes: name.csv, or name.json with an object for each row"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "table", .type = "table", .doc = "{columns = {name, ...}, rows = {{cell, ...}, ...}, format}"},
    {.name = NULL},
};

static mw_status check_columns(mw_ctx *c, const mw_value *columns)
{
    size_t n = mw_value_count(columns);
    if (mw_value_kind(columns) != MW_LIST)
        return mw_fail(c, MW_E_SCRIPT, "'columns' must be a list of names, got \"%s\"",
                       mw_value_as_text(columns));
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(mw_value_as_text(mw_value_at(columns, i)), mw_value_as_text(mw_value_at(columns, k))))
                return mw_fail(c, MW_E_SCRIPT, "'columns' has '%s' twice",
                               mw_value_as_text(mw_value_at(columns, i)));
    return MW_OK;
}

// A cell that can be written.
static mw_status check_cell(mw_ctx *c, size_t row, const mw_value *column, const mw_value *cell)
{
    mw_kind kind = mw_value_kind(cell);
    if (kind == MW_TENSOR || kind == MW_OBJECT)
        return mw_fail(c, MW_E_SCRIPT, "row %zu: '%s' is a %s, which has no place in a table", row + 1,
                       mw_value_as_text(column), mw_kind_name(kind));
    if (kind == MW_NUMBER && !isfinite(mw_value_as_number(cell)))
        mw_warn(c, "%s: table: row %zu: '%s' is not finite", mw_running_where(), row + 1,
                mw_value_as_text(column));
    return MW_OK;
}

// The names of a row must be columns.
static mw_status check_names(mw_ctx *c, size_t row, const mw_value *columns, const mw_value *cells)
{
    for (size_t i = 0; i < mw_value_count(cells); i++) {
        bool known = false;
        for (size_t k = 0; k < mw_value_count(columns); k++)
            known |= !strcmp(mw_value_key_at(cells, i), mw_value_as_text(mw_value_at(columns, k)));
        if (!known)
            return mw_fail(c, MW_E_SCRIPT, "row %zu: there is no column '%s'", row + 1,
                           mw_value_key_at(cells, i));
    }
    return MW_OK;
}

// The row with a cell for each column, one share; NULL on failure.
static mw_value *complete(mw_ctx *c, size_t row, const mw_value *columns, const mw_value *cells)
{
    size_t n = mw_value_count(columns);
    bool named = mw_value_kind(cells) == MW_MAP;
    if (!named && (mw_value_kind(cells) != MW_LIST || mw_value_count(cells) != n)) {
        if (mw_value_kind(cells) == MW_LIST)
            mw_fail(c, MW_E_SCRIPT, "row %zu must have %zu cells, one for each column, got %zu", row + 1, n,
                    mw_value_count(cells));
        else
            mw_fail(c, MW_E_SCRIPT, "row %zu must be a list of cells, one for each column, got a %s", row + 1,
                    mw_kind_name(mw_value_kind(cells)));
        return NULL;
    }
    if (named && check_names(c, row, columns, cells) != MW_OK)
        return NULL;
    mw_value *list = mw_value_list(c);
    for (size_t k = 0; k < n && !mw_err(c); k++) {
        const mw_value *column = mw_value_at(columns, k);
        mw_value *cell = named ? mw_value_get(cells, mw_value_as_text(column)) : mw_value_at(cells, k);
        if (check_cell(c, row, column, cell) == MW_OK)
            mw_value_push(c, list, cell ? mw_value_retain(cell) : mw_value_nil(c));
    }
    return list;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    if (check_columns(c, i[COLUMNS]) != MW_OK)
        return mw_err(c);
    mw_value *rows = mw_value_list(c);
    o[0] = mw_value_map(c);
    for (size_t k = 0; k < mw_value_count(i[ROWS]) && !mw_err(c); k++) {
        mw_value *row = complete(c, k, i[COLUMNS], mw_value_at(i[ROWS], k));
        if (row)
            mw_value_push(c, rows, row);
    }
    mw_value_set(c, o[0], "columns", mw_value_retain(i[COLUMNS]));
    mw_value_set(c, o[0], "rows", rows);
    mw_value_set(c, o[0], "format", mw_value_retain(i[FORMAT]));
    return mw_err(c);
}

const mw_node_type mw_node_table = {
    .name = "table",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "Rows under named columns. mw.output writes it as a file of comma-separated values, or as JSON.",
    .in = in,
    .out = out,
    .run = run,
};
