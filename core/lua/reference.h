// reference.h: what a script may call besides nodes and composites: each described where it is registered.
#ifndef MW_REFERENCE_H
#define MW_REFERENCE_H

#include <stdbool.h>

struct lua_State;

// A function of mw; a method, field or operator of what scripts hold.
typedef struct mw_lua_entry {
    const char *name; // "sum"; "__add": an operator
    int (*run)(struct lua_State *L);
    bool field;        // run pushes what the value at 1 has under this name
    const char *usage; // as it is written: "t:sum(dim, keep)"
    // For editors: "fun(self: mw.tensor, dim?: integer): mw.tensor"; of an operator what stands behind its
    // name: "(mw.tensor|number): mw.tensor", of an index "[integer] mw.tensor".
    const char *type;
    const char *doc; // one or two sentences
} mw_lua_entry;

// What scripts hold, and all that it has.
typedef struct mw_lua_subject {
    const char *name; // "mw", "tensor", "handle"
    const char *doc;
    const mw_lua_entry *const *parts; // lists that end with a NULL name; NULL-terminated
} mw_lua_subject;

extern const mw_lua_subject mw_lua_subjects[]; // ends with a NULL name

// The entry of this name; NULL.
const mw_lua_entry *mw_lua_entry_find(const mw_lua_subject *s, const char *name);

#endif
