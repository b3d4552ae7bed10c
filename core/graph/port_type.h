// port_type.h: the types of ports: one table of all that plain values have, and what feeds what.
//
// Every other name is the type of an object: that of the node which opens it ("checkpoint", "sam") or of one
// of its parts ("unet", "vae").
#ifndef MW_PORT_TYPE_H
#define MW_PORT_TYPE_H

#include "core/graph/value.h"

typedef struct mw_port_type {
    const char *name;
    const char
        *takes;      // in sentences: "a string"; NULL: put together from the port (numbers, choices, objects)
    const char *lua; // in annotations for editors: "string"; NULL: a handle only
    unsigned kinds;  // 1u << mw_kind of the values it takes
    int group;       // types of one group may feed each other where mw_types_fit says so
    bool nested;     // its literals may hold handles
    bool finite;     // NaN in a result of it is an error
    bool object;
} mw_port_type;

enum { MW_GROUP_NONE, MW_GROUP_NUMBER, MW_GROUP_TEXT, MW_GROUP_TENSOR };

// The row of a type; that of objects for a name that the table does not have.
const mw_port_type *mw_port_type_of(const char *name);
// Whether ports may have this type: in the table, or that of an object that a node gives.
bool mw_port_type_known(const char *name);

// "number, integer, bool, ...": those of the table that are no objects. free() it.
char *mw_port_type_words(mw_ctx *c);

// May the output type `from` feed a port of type `to`? Exactness beyond that is checked when the value is
// there.
bool mw_types_fit(const char *from, const char *to);

#endif
