// bytecode.c: reads what lua_dump writes: all that a function computes, without its names and line numbers.
//
// The format is LuaJIT's lj_bcdump.h, version 2. Tables of constants come in whatever order they lie in
// memory: their entries are hashed one by one and added.
#include "core/lua/bytecode.h"

#include <string.h>
#include <xxhash.h>

enum { VERSION = 2, STRIPPED = 2, MOST_CONSTANTS = 1 << 16 };
enum { CHILD, TABLE, I64, U64, COMPLEX, STRING };         // constants
enum { NIL, FALSE, TRUE, INTEGER, NUMBER, TABLE_STRING }; // entries of a constant table

typedef struct reader {
    const unsigned char *p, *end;
    bool bad;
} reader;

static uint32_t byte(reader *r)
{
    r->bad = r->bad || r->p >= r->end;
    return r->bad ? 0 : *r->p++;
}

// Of up to 33 bits, the low ones of which are given.
static uint32_t uleb(reader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 35 && !r->bad; shift += 7) {
        uint32_t b = byte(r);
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return (uint32_t)v;
    }
    r->bad = true;
    return 0;
}

static const unsigned char *skip(reader *r, uint64_t n)
{
    const unsigned char *at = r->p;
    r->bad = r->bad || n > (uint64_t)(r->end - r->p);
    r->p += r->bad ? 0 : n;
    return at;
}

static void ulebs(reader *r, int n)
{
    while (n--)
        uleb(r);
}

static void table_value(reader *r)
{
    uint32_t type = uleb(r);
    if (type >= TABLE_STRING)
        skip(r, type - TABLE_STRING);
    else
        ulebs(r, type == NUMBER ? 2 : type == INTEGER);
}

static void constant_table(reader *r, mw_bytecode *b)
{
    const unsigned char *from = r->p;
    uint32_t listed = uleb(r), keyed = uleb(r);
    for (uint32_t i = 0; i < listed && !r->bad; i++)
        table_value(r);
    b->hash = XXH3_64bits_withSeed(from, (size_t)(r->p - from), b->hash);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < keyed && !r->bad; i++) {
        from = r->p;
        table_value(r);
        table_value(r);
        sum += XXH3_64bits(from, (size_t)(r->p - from));
    }
    b->hash = XXH3_64bits_withSeed(&sum, sizeof sum, b->hash);
}

static void constant(reader *r, mw_bytecode *b, bool global)
{
    const unsigned char *from = r->p;
    uint32_t type = uleb(r);
    if (type == TABLE) {
        constant_table(r, b);
        return;
    }
    const unsigned char *text = r->p;
    if (type >= STRING)
        skip(r, type - STRING);
    else
        ulebs(r, type == COMPLEX ? 4 : type == CHILD ? 0 : 2);
    if (r->bad)
        return;
    b->hash = XXH3_64bits_withSeed(from, (size_t)(r->p - from), b->hash);
    if (global && type >= STRING)
        b->global(b->user, (const char *)text, type - STRING);
}

static void number(reader *r)
{
    bool whole = r->p < r->end && !(*r->p & 1);
    ulebs(r, whole ? 1 : 2);
}

// Marks the constants that instructions like `sought` name; they count them from the last one.
static void mark(const unsigned char *code, uint32_t n, uint32_t constants, int sought, unsigned char *marks)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ins;
        memcpy(&ins, code + 4 * i, sizeof ins);
        uint32_t back = ins >> 16;
        if ((int)(ins & 255) == sought && back < constants)
            marks[(constants - 1 - back) / 8] |= (unsigned char)(1u << (constants - 1 - back) % 8);
    }
}

static void prototype(reader *r, mw_bytecode *b, bool stripped)
{
    unsigned char marks[MOST_CONSTANTS / 8] = {0};
    const unsigned char *from = r->p;
    skip(r, 3);
    uint32_t upvalues = byte(r), constants = uleb(r), numbers = uleb(r), instructions = uleb(r);
    b->hash = XXH3_64bits_withSeed(from, (size_t)(r->p - from), b->hash);
    uint32_t debug = stripped ? 0 : uleb(r);
    ulebs(r, debug ? 2 : 0);
    const unsigned char *code = skip(r, 4 * (uint64_t)instructions);
    skip(r, 2 * upvalues);
    r->bad = r->bad || constants > MOST_CONSTANTS;
    if (r->bad)
        return;
    b->hash = XXH3_64bits_withSeed(code, (size_t)(r->p - code), b->hash);
    if (instructions && b->first < 0)
        b->first = code[0];
    mark(code, instructions, constants, b->global ? b->global_read : -1, marks);
    for (uint32_t i = 0; i < constants && !r->bad; i++)
        constant(r, b, marks[i / 8] >> i % 8 & 1);
    from = r->p;
    for (uint32_t i = 0; i < numbers && !r->bad; i++)
        number(r);
    b->hash = XXH3_64bits_withSeed(from, (size_t)(r->p - from), b->hash);
    skip(r, debug);
}

bool mw_bytecode_read(const unsigned char *dump, size_t size, mw_bytecode *b)
{
    reader r = {dump, dump + size, size < 5 || memcmp(dump, "\033LJ", 3) || dump[3] != VERSION};
    skip(&r, 4);
    bool stripped = uleb(&r) & STRIPPED;
    b->first = -1;
    if (!stripped)
        skip(&r, uleb(&r));
    for (uint32_t length; !r.bad && (length = uleb(&r));) {
        reader one = {r.p, r.p, false};
        skip(&r, length);
        one.end = r.p;
        one.bad = r.bad;
        if (!r.bad)
            prototype(&one, b, stripped);
        r.bad = one.bad || one.p != one.end;
    }
    return !r.bad;
}
