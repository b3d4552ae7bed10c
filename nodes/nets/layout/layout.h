// layout.h: a layout: captioned boxes on a canvas, what is behind them and what must not appear.
//
// "LLM-grounded Diffusion" (arXiv 2305.13655), stage 1. Boxes are x, y, width, height in pixels from the
// upper left corner, as doubles.
#ifndef MW_LAYOUT_H
#define MW_LAYOUT_H

#include "nodes/nets/layout/layout_source.h"

// Enough for any picture; more is refused before memory is asked for.
#define MW_LAYOUT_MAX_OBJECTS 4096
#define MW_LAYOUT_MAX_PHRASE 4096 // bytes
#define MW_LAYOUT_CANVAS 512.0    // width and height where a layout does not say otherwise

// Strict mends the slips of the published code that its formulas do not mean; faithful keeps every one of
// them, so that its numbers come out.
typedef enum { MW_STRICT, MW_FAITHFUL } mw_layout_mode;

typedef struct {
    char *phrase;  // "a red ball"
    double box[4]; // x, y, width, height
    bool seeded;   // its noise is that of a seed of its own
    uint64_t seed;
} mw_layout_object;

typedef struct {
    mw_layout_object *object;
    size_t n;
    char *background, *negative; // never NULL in a layout that was made without failure
    double canvas[2];            // width, height
} mw_layout;

void mw_layout_free(mw_layout *l); // what it holds; accepts one that is all zero

// Add an object; takes a copy of the phrase.
mw_status mw_layout_add(mw_ctx *c, mw_layout *l, const char *phrase, size_t length, const double box[4]);

#endif
