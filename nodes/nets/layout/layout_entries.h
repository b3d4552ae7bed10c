// layout_entries.h: the entries of a completion's list, as names and coordinates.
#ifndef MW_LAYOUT_ENTRIES_H
#define MW_LAYOUT_ENTRIES_H

#include "nodes/nets/layout/layout.h"

#include <jansson.h>

// A box as it was read.
typedef struct {
    const char *name; // borrowed; no zero bytes, at most MW_LAYOUT_MAX_PHRASE
    bool has_box;     // false: there are no coordinates
    double at[4];     // x, y, width, height
} mw_layout_entry;

// The list of entries in what stands for the boxes: null, an empty text and an empty dictionary are an empty
// list. Strict also takes an entry that stands alone, and a dictionary of boxes by name. One share, or NULL
// with the source's code.
json_t *mw_layout_entries(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, json_t *boxes);

// Entry i (from 0): (name, [x, y, w, h]) or {name, bounding_box}. A box that counts as false in Python (None,
// "", 0,
// {}, False, []) is none. Strict also takes (name, x, y, w, h), numbers written as texts, names of keys that
// are used elsewhere (phrase, label; box, bbox; x, y, width, height), and a missing box as none.
mw_status mw_layout_entry_read(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, size_t i,
                               const json_t *entry, mw_layout_entry *out);

#endif
