// layout_labels.h: the labels of a completion, as language models write them.
#ifndef MW_LAYOUT_LABELS_H
#define MW_LAYOUT_LABELS_H

#include "nodes/nets/layout/layout_piece.h"

typedef enum { MW_LABEL_CAPTION, MW_LABEL_OBJECTS, MW_LABEL_BACKGROUND, MW_LABEL_NEGATIVE } mw_label_kind;
enum { MW_ANY_LABEL = 15, MW_LABEL_LINES = 16 };

typedef struct {
    mw_label_kind kind;
    size_t begin, end; // bytes of the text: with marks in front of it; behind its colon, marks and blanks
} mw_label;

// The next label of a kind whose bit (1 << kind) is in `kinds`, from byte `from` on. At the begin of a line:
// in any case, with marks of lists, headings and bold letters around it, closed by a colon, an equal sign, a
// dash or the line's end. Within a line: as the layout request writes it (the prompts' in any case), with a
// colon; not when MW_LABEL_LINES is in `kinds`.
bool mw_label_find(mw_piece text, size_t from, unsigned kinds, mw_label *out);

// What the words label, none before or behind them; false when it is no label.
bool mw_label_of_words(mw_piece words, mw_label_kind *out);

// Bytes of marks (blanks, bullets, numbers of lists, headings, bold letters, backquotes) that the text begins
// with; they end with the line.
size_t mw_label_marks(mw_piece p);
// The line that p begins with is that of a code fence.
bool mw_label_fence(mw_piece p);

#endif
