// layout_parse.h: the text that a language model completes a layout request with, taken apart.
//
//     [('a red ball', [300, 380, 90, 90]), ('a cat', [40, 180, 200, 260])]
//     Background prompt: A sunlit kitchen
//     Negative prompt: people
#ifndef MW_LAYOUT_PARSE_H
#define MW_LAYOUT_PARSE_H

#include "nodes/nets/layout/layout.h"

#include <jansson.h>

typedef struct {
    json_t *boxes;               // what stands before the background: an array as a rule, or null
    bool tuple;                  // it is written as a tuple; faithful mode only
    char *caption;               // of the request, where strict mode finds it in front of the list; ""
    char *background, *negative; // without blanks around them; "" where absent
} mw_completion;

// Takes the text apart; the background is needed, the negative prompt may lack. Fails with the source's code
// and a sentence that quotes the line. Free with mw_completion_free, also after a failure.
//
// Faithful: as the published code. Only what stands between the first two "Objects: " counts where there are
// any; each prompt's label stands once, as written here, and "None" as a negative prompt is none; "No
// objects" or nothing but blanks in place of a list that can't be read is an empty one; boxes indented on a
// line of their own are refused, as in Python. Everything up to the end of the text counts.
//
// Strict: the completion ends at a blank line behind both prompts, at the next "Caption:" or "Objects:", and
// at a fence of code. Labels may be in any case, bold, headings or items of a list, and stand above what they
// name; the list may have a remark or a fence around it and be one tuple, or lines of such (layout_list.h). A
// prompt is one line; what stands directly below it is told and left out. "None", "N/A" and their like are no
// prompt. Thoughts up to "</think>" and quotes around a prompt go.
mw_status mw_completion_read(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, const char *text,
                             size_t size, mw_completion *out);
void mw_completion_free(mw_completion *x);

#endif
