// bytecode.h: what a Lua function computes, read from its dump.
#ifndef MW_BYTECODE_H
#define MW_BYTECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mw_bytecode {
    uint64_t hash; // in: a start; out: of instructions, constants and inner functions, and of nothing else
    // Called with the name of each global that is read; may be called twice. NULL: nobody asks.
    void (*global)(void *user, const char *name, size_t length);
    void *user;
    int global_read; // the number of the instruction that reads a global
    int first;       // out: the number of the first instruction
} mw_bytecode;

// dump: size bytes of lua_dump. False when it is not of the known format.
bool mw_bytecode_read(const unsigned char *dump, size_t size, mw_bytecode *b);

#endif
