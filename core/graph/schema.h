// schema.h: what the declaration of a node allows: its ports, their types, ranges and choices.
#ifndef MW_SCHEMA_H
#define MW_SCHEMA_H

#include "core/graph/node.h"

// A node type made ready: ports counted, defaults parsed.
typedef struct mw_schema {
    const mw_node_type *type;
    int nin, nout;
    int index;           // among the types that its graph uses
    mw_value **defaults; // nin; NULL where the port is required
    bool asked, known;   // keys follow from `recipe`; all of it is known
    uint64_t recipe;     // of the type (mw_node_type.recipe), when it was last looked at
} mw_schema;

// NULL with MW_E_RUN when the declaration itself is wrong (a default that its own port refuses, a doubled
// name).
mw_schema *mw_schema_new(mw_ctx *c, const mw_node_type *type);
void mw_schema_free(mw_schema *s);

// The port with this name or alias, -1 when there is none.
int mw_schema_port(const mw_schema *s, const char *name);
// The output with this name, -1 when there is none.
int mw_schema_output(const mw_schema *s, const char *name);

// By name or alias, as it is spelled.
bool mw_port_answers(const mw_port *p, const char *name);

// Check a literal against a port and bring it into its normal form (a choice's alias becomes its name). One
// share of the result; NULL with MW_E_SCRIPT "'steps' must be a whole number from 1 to 1000, got 0 (DDIM
// steps)". hint replaces the port's sentence between the parentheses when it is not NULL.
mw_value *mw_port_check(mw_ctx *c, const mw_port *p, mw_value *v, const char *hint);
// Record that error for a port that got `got`.
mw_status mw_port_refuse(mw_ctx *c, const mw_port *p, const char *got, const char *hint);

// "a whole number from 1 to 1000": what a port takes. free() it.
char *mw_port_takes(mw_ctx *c, const mw_port *p);
// "nil", "5", "\"a star\"", "a list": what came. free() it.
char *mw_value_words(mw_ctx *c, const mw_value *v);

// True when a value of object type `from` has a part of type `to` (the outputs of the node named `from` say
// so).
bool mw_type_has_part(const char *from, const char *to);

// Walk "a|b|c": the next entry and its length; NULL at the end. Start with *list = the whole.
const char *mw_names_next(const char **list, char separator, size_t *length);

#endif
