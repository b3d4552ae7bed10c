// layout_source.c: warnings about layouts.
#include "nodes/nets/layout/layout_source.h"

#include <stdarg.h>
#include <stdio.h>

void mw_layout_warn(mw_ctx *c, const mw_layout_source *from, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mw_warn(c, "%s%s%s: %s", from->where ? from->where : "", from->where ? ": " : "", from->name, text);
}
