// layout_parse.h: the text that a language model completes a layout request with, taken apart.
//
//     [('a red ball', [300, 380, 90, 90]), ('a cat', [40, 180, 200, 260])]
//     Background prompt: A sunlit kitchen
//     Negative prompt: people
#ifndef MW_LAYOUT_PARSE_H
#define MW_LAYOUT_PARSE_H

#include "nodes/nets/layout/layout.h"

typedef struct {
    json_t *boxes;               // what stands before the background: an array as a rule, or null
    bool tuple;                  // it is written as a tuple
    char *background, *negative; // without blanks around them; "" where absent
} mw_completion;

// Takes the text apart. Only what stands between the first two "Objects: " counts where there are any; the
// background is needed, once; the negative prompt at most once, and "None" means none. Where the boxes can't
// be read at all, "No objects" among them or nothing but blanks stands for an empty list. Faithful refuses
// boxes that are indented on a line of their own, as Python does; strict does not mind. Fails with the
// source's code and a sentence that quotes the line. Free with mw_completion_free, also after a failure.
mw_status mw_completion_read(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, const char *text,
                             size_t size, mw_completion *out);
void mw_completion_free(mw_completion *x);

#endif
