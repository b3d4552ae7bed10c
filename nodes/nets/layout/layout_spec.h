// layout_spec.h: what a layout asks to be drawn: a prompt for each object, phrases for the whole picture.
//
// Objects are sorted by name (code points; equal names keep their order); this order gives each its index,
// and with it its seed. Equal names form a group, whose phrase is "three red balls".
#ifndef MW_LAYOUT_SPEC_H
#define MW_LAYOUT_SPEC_H

#include "nodes/nets/layout/english/english.h"
#include "nodes/nets/layout/layout.h"

typedef struct {
    char *prompt;   // "{background} with {name}"
    char *phrase;   // the name
    char *word;     // what follows the last blank of the name
    double box[4];  // x0, y0, x1, y1 in 0..1 of the canvas
    size_t ordinal; // among the objects of the same name: 0, 1, ...
    size_t place;   // of the object in the layout
} mw_spec_object;

typedef struct {
    char *phrase, *word; // of one object its name; of n "n names"
    size_t first, n;     // its objects, a run of the sorted ones
} mw_spec_group;

typedef struct {
    mw_spec_object *object;
    size_t n;
    mw_spec_group *group;
    size_t ngroups;
    char *prompt; // "{background} with {phrase}, {phrase}"
} mw_layout_spec;

// Free with mw_layout_spec_free, also after a failure. Faithful takes articles out of a repeated name
// wherever "an " and then "a " stand in it ("a panda bear" twice is "two pandbears") and makes plurals of
// plurals
// ("two flowerss"); strict drops one article in front and lets a plural be ("two flowers").
mw_status mw_layout_spec_make(mw_ctx *c, const mw_english *e, const mw_layout *l, mw_layout_mode mode,
                              mw_layout_spec *out);
void mw_layout_spec_free(mw_layout_spec *s);

#endif
