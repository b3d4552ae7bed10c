// table.h: tables on the wires of a graph, as text.
//
// A table is {columns = {"a", "b"}, rows = {{1, "x"}, ...}, format = "csv"}; every row has a cell for each
// column.
#ifndef MW_TABLE_H
#define MW_TABLE_H

#include "core/graph/value.h"

// Its format: "csv" or "json"; the ending of a file that holds it.
const char *mw_table_format(const mw_value *table);
// Its text in that format; free() it. CSV as RFC 4180 with single line feeds: a line of names, then one a
// row; nil is an empty cell, lists and maps are JSON. JSON: a list of objects by the columns' names.
char *mw_table_text(mw_ctx *c, const mw_value *table);

#endif
