// layout_source.h: where a layout comes from, for the sentences about it.
#ifndef MW_LAYOUT_SOURCE_H
#define MW_LAYOUT_SOURCE_H

#include "core/base/ctx.h"

// What messages call it, and the kind of failure that a wrong one is (MW_E_FILE of files and answers of
// models, MW_E_SCRIPT of a script's own text). Errors get the script's line and the node in front by the
// executor, warnings `where`: "graphs/lmd.lua:12: layout"; NULL: nothing.
typedef struct {
    const char *name;
    mw_status code;
    const char *where;
} mw_layout_source;

// One warning, printf-style, with where and name in front.
void mw_layout_warn(mw_ctx *c, const mw_layout_source *from, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
