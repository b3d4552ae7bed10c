// layout_parse.c: completions cut into boxes, background and negative prompt.
#include "nodes/nets/layout/layout_parse.h"

#include "core/base/text.h"
#include "nodes/nets/layout/layout_literal.h"
#include "nodes/nets/layout/layout_strict.h"

#include <stdlib.h>
#include <string.h>

// Cut at `word` into at most two pieces. Returns how many pieces there are in all, 3 for three or more.
static int split(mw_piece all, const char *word, mw_piece out[2])
{
    const char *hit = mw_piece_find(all, word);
    if (!hit) {
        out[0] = all;
        return 1;
    }
    size_t before = (size_t)(hit - all.at), skip = before + strlen(word);
    out[0] = (mw_piece){all.at, before};
    out[1] = (mw_piece){all.at + skip, all.n - skip};
    return mw_piece_find(out[1], word) ? 3 : 2;
}

static void read_boxes(mw_ctx *c, const mw_layout_source *from, mw_piece p, mw_completion *out)
{
    mw_literal l;
    if (mw_literal_read(c, p.at, p.n, &l) != MW_OK)
        return;
    out->boxes = l.value;
    out->tuple = l.tuple;
    if (l.value)
        return;
    if (l.kind == MW_LITERAL_SYNTAX && (mw_piece_find(p, "No objects") || mw_piece_strip(p).n == 0))
        out->boxes = json_array();
    else
        mw_fail(c, from->code, "%s: the list of boxes: %s", from->name, l.fault);
}

// As the published code does.
static mw_status read_faithful(mw_ctx *c, const mw_layout_source *from, mw_piece all, mw_completion *out)
{
    mw_piece part[2], tail[2];
    char quoted[80];
    if (split(all, "Objects: ", part) > 1) {
        all = part[1];
        split(all, "Objects: ", part);
        all = part[0];
    }
    mw_printable_n(all.at, all.n, quoted, sizeof quoted);
    int n = split(all, "Background prompt:", part);
    if (n != 2)
        return mw_fail(c, from->code, "%s: %s \"Background prompt:\" in \"%s\"", from->name,
                       n < 2 ? "there is no" : "there is more than one", quoted);
    n = split(part[1], "Negative prompt:", tail);
    if (n > 2)
        return mw_fail(c, from->code, "%s: there is more than one \"Negative prompt:\" in \"%s\"", from->name,
                       quoted);
    read_boxes(c, from, part[0], out);
    mw_piece negative = n == 2 ? mw_piece_strip(tail[1]) : (mw_piece){"", 0};
    if (negative.n == 4 && memcmp(negative.at, "None", 4) == 0)
        negative.n = 0;
    out->caption = mw_strdup(c, "");
    out->background = mw_err(c) ? NULL : mw_piece_copy(c, from, "background prompt", tail[0]);
    out->negative = mw_err(c) ? NULL : mw_piece_copy(c, from, "negative prompt", negative);
    return mw_err(c);
}

mw_status mw_completion_read(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, const char *text,
                             size_t size, mw_completion *out)
{
    *out = (mw_completion){0};
    if (mw_err(c))
        return mw_err(c);
    if (!size)
        return mw_fail(c, from->code, "%s: the layout text is empty", from->name);
    mw_piece all = {text, size};
    return mode == MW_STRICT ? mw_completion_read_strict(c, from, all, out)
                             : read_faithful(c, from, all, out);
}

void mw_completion_free(mw_completion *x)
{
    json_decref(x->boxes);
    free(x->caption);
    free(x->background);
    free(x->negative);
    *x = (mw_completion){0};
}
