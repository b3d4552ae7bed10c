// grammar.c: the automaton of layouts: which byte may follow, and how far the end is.
#include "nodes/nets/llm/grammar.h"

#include <stdlib.h>
#include <string.h>

// ---- names as a tree

typedef struct name_node {
    uint32_t child, sibling; // 0: none
    uint8_t byte;
    bool ends;
    uint16_t rest; // bytes to the nearest end
} name_node;

struct mw_grammar {
    int canvas[2];
    name_node *names; // node 0 is the root; NULL: any name
    uint32_t n, room;
};

// Bytes that stand for themselves between single quotes and in a prompt's line, and that the reader of
// layouts takes for no label, fence or mark of a thought.
static bool plain(uint8_t b) { return b >= 0x20 && b != 0x7f && !strchr("'\\:`<*", b); }

static uint32_t find_child(const mw_grammar *g, uint32_t node, uint8_t byte)
{
    uint32_t k = g->names[node].child;
    while (k && g->names[k].byte != byte)
        k = g->names[k].sibling;
    return k;
}

static uint32_t add_child(mw_ctx *c, mw_grammar *g, uint32_t node, uint8_t byte)
{
    if (g->n == g->room) {
        name_node *more = mw_realloc(c, g->names, 2 * (size_t)g->room * sizeof *more);
        if (!more)
            return 0;
        g->names = more;
        g->room *= 2;
    }
    g->names[g->n] = (name_node){.byte = byte, .sibling = g->names[node].child};
    g->names[node].child = g->n;
    return g->n++;
}

static void add_name(mw_ctx *c, mw_grammar *g, const char *name)
{
    size_t length = strlen(name);
    bool good = length >= 1 && length <= MW_GRAMMAR_NAME;
    for (size_t i = 0; i < length; i++)
        good = good && plain((uint8_t)name[i]);
    if (!good) {
        mw_fail(c, MW_E_ARG,
                "'%.80s' can't be a name in a layout: 1 to %d bytes without quotes, colons and marks", name,
                MW_GRAMMAR_NAME);
        return;
    }
    uint32_t at = 0;
    for (size_t i = 0; i < length && !mw_err(c); i++) {
        uint32_t next = find_child(g, at, (uint8_t)name[i]);
        at = next ? next : add_child(c, g, at, (uint8_t)name[i]);
    }
    g->names[at].ends = true;
}

// A node's children come behind it.
static void measure_names(mw_grammar *g)
{
    for (uint32_t i = g->n; i-- > 0;) {
        name_node *x = &g->names[i];
        x->rest = x->ends ? 0 : UINT16_MAX;
        for (uint32_t k = x->child; k; k = g->names[k].sibling)
            if (g->names[k].rest + 1 < x->rest)
                x->rest = (uint16_t)(g->names[k].rest + 1);
    }
}

mw_grammar *mw_grammar_layout(mw_ctx *c, const int canvas[2], const char *const *names, size_t n)
{
    mw_grammar *g = mw_alloc(c, sizeof *g);
    if (!g)
        return NULL;
    memcpy(g->canvas, canvas, sizeof g->canvas);
    if (canvas[0] < 2 || canvas[1] < 2 || canvas[0] > 1000000 || canvas[1] > 1000000)
        mw_fail(c, MW_E_ARG, "a grammar's canvas must have 2 to 1000000 pixels a side, got %d x %d",
                canvas[0], canvas[1]);
    if (names) {
        g->room = 64;
        g->n = 1;
        g->names = mw_alloc(c, g->room * sizeof *g->names);
        for (size_t i = 0; i < n && !mw_err(c); i++)
            add_name(c, g, names[i]);
        if (!n)
            mw_fail(c, MW_E_ARG, "a grammar's list of names is empty");
        if (!mw_err(c))
            measure_names(g);
    }
    if (!mw_err(c))
        return g;
    mw_grammar_free(g);
    return NULL;
}

void mw_grammar_free(mw_grammar *g)
{
    if (g)
        free(g->names);
    free(g);
}

// ---- places in the answer

enum {
    BEGIN,   // perhaps " ", "Objects:", " ", then "["
    BLANK,   // behind the first blank
    HEAD,    // in "Objects:"
    HEADED,  // behind it: perhaps " ", then "["
    BRACKET, // "[" only
    LIST,    // behind "[": "]" or "("
    OPEN,    // in "'"
    NAME,    // in a name
    NAMED,   // in ", ["
    NUMBER,  // in a number
    GAP,     // in " " behind its comma
    BOX,     // in ")"
    ENTRY,   // behind an object: "]" or ","
    NEXT,    // in " ('"
    LISTED,  // in "\nBackground prompt: "
    BACKGROUND,
    LABEL, // in "Negative prompt:"
    ASKED, // behind its colon: " ", or the end of the line
    NEGATIVE,
    LINE, // behind that
    DONE, // behind a blank line
};

// The fixed texts, and what follows them.
static const struct {
    const char *text;
    uint8_t then;
} fixed[] = {
    [HEAD] = {"Objects:", HEADED},
    [OPEN] = {"'", NAME},
    [NAMED] = {", [", NUMBER},
    [GAP] = {" ", NUMBER},
    [BOX] = {")", ENTRY},
    [NEXT] = {" ('", NAME},
    [LABEL] = {"Negative prompt:", ASKED},
    [LISTED] = {"\nBackground prompt: ", BACKGROUND},
};

void mw_grammar_begin(mw_grammar_state *s) { *s = (mw_grammar_state){.part = BEGIN}; }

static bool go(mw_grammar_state *s, uint8_t part)
{
    s->part = part;
    s->at = 0;
    s->bytes = 0;
    s->written = false;
    s->name = 0;
    return true;
}

// The first byte of a fixed text came already, or none.
static bool go_fixed(mw_grammar_state *s, uint8_t part, uint8_t at)
{
    go(s, part);
    s->at = at;
    return true;
}

static bool step_fixed(mw_grammar_state *s, uint8_t byte)
{
    uint8_t part = s->part;
    if ((uint8_t)fixed[part].text[s->at] != byte)
        return false;
    s->at++;
    return fixed[part].text[s->at] ? true : go(s, fixed[part].then);
}

// ---- text

// The second and later bytes of a letter as UTF-8 has them.
static bool step_tail(mw_grammar_state *s, uint8_t byte)
{
    if (byte < s->from || byte > s->below)
        return false;
    s->from = 0x80;
    s->below = 0xbf;
    s->utf8--;
    s->bytes++;
    return true;
}

// The first byte of a letter that is no ASCII: how many follow, 0: it is none, and what the second may be.
static int lead(uint8_t byte, uint8_t *from, uint8_t *below)
{
    *from = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    *below = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return byte >= 0xc2 && byte <= 0xdf ? 1
        : byte >= 0xe0 && byte <= 0xef  ? 2
        : byte >= 0xf0 && byte <= 0xf4  ? 3
                                        : 0;
}

// That the reader takes for something to read: letters and digits of ASCII, Cyrillic, Chinese characters. C2
// (signs, controls) and EF (wide signs, the colon among them) don't come at all.
static bool counts(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
        byte == 0xd0 || byte == 0xd1 || (byte >= 0xe5 && byte <= 0xe8);
}

static bool step_text(mw_grammar_state *s, uint8_t byte, int most)
{
    if (s->utf8)
        return step_tail(s, byte);
    int more = byte < 0x80 ? 0 : lead(byte, &s->from, &s->below);
    bool sign = byte < 0x80 ? plain(byte) : more && byte != 0xc2 && byte != 0xef;
    // A text whose last possible byte is no letter would have nothing to be read.
    if (!sign || s->bytes + more + (s->written || counts(byte) ? 0 : 1) >= most)
        return false;
    s->utf8 = (uint8_t)more;
    s->bytes++;
    s->written = s->written || counts(byte);
    return true;
}

static bool step_name(const mw_grammar *g, mw_grammar_state *s, uint8_t byte)
{
    if (byte == '\'' && !s->utf8 && (g->names ? g->names[s->name].ends : s->written))
        return go_fixed(s, NAMED, 0);
    if (!g->names)
        return step_text(s, byte, MW_GRAMMAR_NAME);
    s->name = find_child(g, s->name, byte);
    return s->name != 0;
}

// ---- numbers

// x and y leave a pixel for the box; a box that is the whole canvas would be the background.
static int most_of(const mw_grammar *g, const mw_grammar_state *s)
{
    int side = g->canvas[s->field % 2];
    if (s->field < 2)
        return side - 1;
    int room = side - s->box[s->field - 2];
    return s->field == 3 && room == side && s->box[2] == g->canvas[0] ? room - 1 : room;
}

static bool step_number(const mw_grammar *g, mw_grammar_state *s, uint8_t byte)
{
    int32_t *x = &s->box[s->field], least = s->field < 2 ? 0 : 1;
    if (byte >= '0' && byte <= '9') {
        int32_t next = s->bytes ? *x * 10 + byte - '0' : byte - '0';
        if ((s->bytes && *x == 0) || next > most_of(g, s) || next < (s->bytes ? 1 : least))
            return false;
        *x = next;
        s->bytes++;
        return true;
    }
    if (!s->bytes)
        return false;
    if (s->field < 3 && byte == ',') {
        s->field++;
        return go_fixed(s, GAP, 0);
    }
    if (s->field < 3 || byte != ']')
        return false;
    s->field = 0;
    s->objects++;
    return go_fixed(s, BOX, 0);
}

// ----

bool mw_grammar_step(const mw_grammar *g, mw_grammar_state *s, uint8_t byte)
{
    switch (s->part) {
    case BEGIN:
        if (byte == ' ')
            return go(s, BLANK);
        // fall through
    case BLANK:
        if (byte == 'O')
            return go_fixed(s, HEAD, 1);
        return byte == '[' && go(s, LIST);
    case HEADED:
        if (byte == ' ')
            return go(s, BRACKET);
        // fall through
    case BRACKET: return byte == '[' && go(s, LIST);
    case LIST: return byte == ']' ? go(s, LISTED) : byte == '(' && go(s, OPEN);
    case NAME: return step_name(g, s, byte);
    case NUMBER: return step_number(g, s, byte);
    case ENTRY:
        return byte == ']' ? go(s, LISTED) : byte == ',' && s->objects < MW_GRAMMAR_OBJECTS && go(s, NEXT);
    case BACKGROUND:
        if (byte == '\n' && s->written && !s->utf8)
            return go(s, LABEL);
        return step_text(s, byte, MW_GRAMMAR_PROMPT);
    case ASKED:
    case NEGATIVE:
        if (byte == '\n' && !s->utf8)
            return go(s, LINE);
        if (s->part == ASKED)
            return byte == ' ' && go(s, NEGATIVE);
        return step_text(s, byte, MW_GRAMMAR_PROMPT);
    case LINE: return byte == '\n' && go(s, DONE);
    case DONE: return false;
    default: return step_fixed(s, byte);
    }
}

bool mw_grammar_may_end(const mw_grammar_state *s) { return s->part >= ASKED && !s->utf8; }

bool mw_grammar_complete(const mw_grammar_state *s) { return s->part >= LINE; }

// ---- how far it is to the end

static int length_of(uint8_t part) { return (int)strlen(fixed[part].text); }

// From the begin of each place.
static int from_negative(void) { return length_of(LABEL); }
static int from_background(void) { return 1 + 1 + from_negative(); }
static int from_listed(void) { return length_of(LISTED) + from_background(); }
static int from_entry(void) { return 1 + from_listed(); }
// Behind the last digit of field f.
static int from_digit(int f) { return 3 * (3 - f) + 1 + length_of(BOX) + from_entry(); }

int mw_grammar_shortest(const mw_grammar *g, const mw_grammar_state *s)
{
    int written = s->written ? 0 : 1;
    switch (s->part) {
    case BEGIN:
    case BLANK:
    case HEADED:
    case BRACKET: return 1 + from_entry();
    case HEAD: return length_of(HEAD) - s->at + 1 + from_entry();
    case LIST:
    case ENTRY: return from_entry();
    case OPEN:
    case NEXT:
        return length_of(s->part) - s->at + (g->names ? g->names[0].rest : 1) + 1 + length_of(NAMED) + 1 +
            from_digit(0);
    case NAME:
        return (g->names ? g->names[s->name].rest : s->utf8 + written) + 1 + length_of(NAMED) + 1 +
            from_digit(0);
    case NAMED: return length_of(NAMED) - s->at + 1 + from_digit(0);
    case NUMBER: return (s->bytes ? 0 : 1) + from_digit(s->field);
    case GAP: return 1 + 1 + from_digit(s->field);
    case BOX: return length_of(BOX) + from_entry();
    case LISTED: return length_of(LISTED) - s->at + from_background();
    case BACKGROUND: return s->utf8 + written + 1 + from_negative();
    case LABEL: return length_of(LABEL) - s->at;
    default: return s->utf8;
    }
}
