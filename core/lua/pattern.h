// pattern.h: Lua 5.1's patterns (section 5.4.1 of its manual), matched in counted steps so that a match can
// be stopped.
#ifndef MW_PATTERN_H
#define MW_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MW_MOST_CAPTURES = 32 };

// A capture's length is its bytes, or one of these.
enum { MW_CAPTURE_OPEN = -1, MW_CAPTURE_POSITION = -2 };

typedef struct mw_capture {
    const char *at;
    ptrdiff_t length;
} mw_capture;

// Subject and pattern are borrowed and may hold any bytes.
typedef struct mw_pattern {
    const char *subject, *subject_end;
    const char *begin, *end; // of the pattern, without an anchor '^' at its front
    mw_capture captures[MW_MOST_CAPTURES];
    int count;         // captures of the last match
    const char *wrong; // what is wrong with the pattern; NULL: nothing so far

    uint64_t steps, most_steps; // taken, and allowed for all matches together; 0: any number
    void (*tick)(void *user);   // called every so many steps; need not return. May be NULL.
    void *user;

    uint64_t next_tick; // of the matcher's own use
    int depth;
} mw_pattern;

// The end of the match that begins at `at` (inside the subject), its captures in m; NULL when there is none
// or m->wrong.
const char *mw_pattern_match(mw_pattern *m, const char *at);

#endif
