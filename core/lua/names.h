// names.h: names of what the engine gives, and the keys of a table in order.
#ifndef MW_NAMES_H
#define MW_NAMES_H

#include <lua.h>
#include <stddef.h>

extern const char mw_names_key[]; // of Lua's registry: a table, function or table -> "math.sqrt"

typedef struct mw_table_key {
    int type;
    double number; // of a number or a boolean
    const char *text;
    size_t length;
} mw_table_key;

// The keys of the table at idx (not negative) in an order of their own, pushed as userdata. -1 and nothing
// pushed: there are more than `most`, or some have no order.
long mw_sorted_keys(lua_State *L, int idx, size_t most, mw_table_key **keys);
void mw_push_key(lua_State *L, const mw_table_key *k);

#endif
