// grammar_vocabulary.c: the tokens of a vocabulary that a grammar lets through, found in a tree of their
// bytes.
#include "nodes/nets/llm/grammar.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 255 }; // bytes of a piece; longer ones are never allowed

// The tree lies flat, each node in front of what is below it, so that a walk is a scan.
typedef struct node {
    uint8_t byte, depth; // the root's children have depth 1
    uint32_t skip;       // the next node that is not below this one
    int32_t id;          // the first token that ends here; -1: none
} node;

typedef struct piece {
    uint32_t at;
    uint8_t length;
    uint8_t kind;
    int32_t same; // the next token with the same bytes; -1: none
} piece;

struct mw_grammar_vocabulary {
    int32_t n;
    piece *piece;
    char *bytes;
    size_t nbytes;
    node *node;
    uint32_t nodes;
};

static void read_pieces(mw_ctx *c, mw_grammar_vocabulary *v, mw_piece_of of, void *user)
{
    size_t room = 0;
    for (int32_t id = 0; id < v->n && !mw_err(c); id++) {
        const char *bytes = "";
        size_t length = 0;
        mw_piece_kind kind = of(user, id, &bytes, &length);
        bool usable = kind != MW_PIECE_TEXT || (length >= 1 && length <= LONGEST);
        v->piece[id] = (piece){(uint32_t)v->nbytes, 0, usable ? (uint8_t)kind : MW_PIECE_CONTROL, -1};
        if (kind != MW_PIECE_TEXT || !usable)
            continue;
        if (v->nbytes + length > room) {
            room = 2 * room + 4096;
            char *more = mw_realloc(c, v->bytes, room);
            if (!more)
                return;
            v->bytes = more;
        }
        memcpy(v->bytes + v->nbytes, bytes, length);
        v->piece[id].length = (uint8_t)length;
        v->nbytes += length;
    }
}

static int compare(const void *a, const void *b, void *user)
{
    const mw_grammar_vocabulary *v = user;
    const piece *x = &v->piece[*(const int32_t *)a], *y = &v->piece[*(const int32_t *)b];
    size_t n = x->length < y->length ? x->length : y->length;
    int order = memcmp(v->bytes + x->at, v->bytes + y->at, n);
    return order ? order : (int)x->length - (int)y->length;
}

static size_t common(const mw_grammar_vocabulary *v, const piece *x, const piece *y)
{
    size_t n = 0;
    while (n < x->length && n < y->length && v->bytes[x->at + n] == v->bytes[y->at + n])
        n++;
    return n;
}

// From the tokens in the order of their bytes.
static void build(mw_grammar_vocabulary *v, const int32_t *order, int32_t count)
{
    uint32_t open[LONGEST + 1]; // the node of each depth on the way to the last token
    size_t depth = 0;
    for (int32_t i = 0; i < count; i++) {
        piece *p = &v->piece[order[i]], *before = i ? &v->piece[order[i - 1]] : NULL;
        size_t shared = before ? common(v, before, p) : 0;
        for (; depth > shared; depth--)
            v->node[open[depth]].skip = v->nodes;
        for (; depth < p->length; depth++) {
            open[depth + 1] = v->nodes;
            v->node[v->nodes++] = (node){(uint8_t)v->bytes[p->at + depth], (uint8_t)(depth + 1), 0, -1};
        }
        p->same = v->node[open[depth]].id;
        v->node[open[depth]].id = order[i];
    }
    for (; depth > 0; depth--)
        v->node[open[depth]].skip = v->nodes;
}

mw_grammar_vocabulary *mw_grammar_vocabulary_new(mw_ctx *c, int32_t n, mw_piece_of of, void *user)
{
    mw_grammar_vocabulary *v = mw_alloc(c, sizeof *v);
    int32_t *order = v ? mw_alloc(c, ((size_t)n + 1) * sizeof *order) : NULL, count = 0;
    if (order) {
        v->n = n;
        v->piece = mw_alloc(c, ((size_t)n + 1) * sizeof *v->piece);
        if (v->piece)
            read_pieces(c, v, of, user);
        v->node = mw_err(c) ? NULL : mw_alloc(c, (v->nbytes + 1) * sizeof *v->node);
    }
    if (order && v->node) {
        for (int32_t id = 0; id < n; id++)
            if (v->piece[id].kind == MW_PIECE_TEXT)
                order[count++] = id;
        qsort_r(order, (size_t)count, sizeof *order, compare, v);
        build(v, order, count);
    }
    free(order);
    if (!mw_err(c))
        return v;
    mw_grammar_vocabulary_free(v);
    return NULL;
}

void mw_grammar_vocabulary_free(mw_grammar_vocabulary *v)
{
    if (!v)
        return;
    free(v->piece);
    free(v->bytes);
    free(v->node);
    free(v);
}

void mw_grammar_mask(const mw_grammar *g, const mw_grammar_state *s, const mw_grammar_vocabulary *v, int left,
                     uint8_t *allowed)
{
    mw_grammar_state at[LONGEST + 1]; // by depth
    at[0] = *s;
    memset(allowed, 0, (size_t)v->n);
    for (uint32_t i = 0; i < v->nodes;) {
        const node *x = &v->node[i];
        at[x->depth] = at[x->depth - 1];
        if (!mw_grammar_step(g, &at[x->depth], x->byte)) {
            i = x->skip;
            continue;
        }
        if (x->id >= 0 && mw_grammar_shortest(g, &at[x->depth]) < left)
            for (int32_t id = x->id; id >= 0; id = v->piece[id].same)
                allowed[id] = 1;
        i++;
    }
    for (int32_t id = 0; mw_grammar_may_end(s) && id < v->n; id++)
        allowed[id] |= v->piece[id].kind == MW_PIECE_END;
}

bool mw_grammar_take(const mw_grammar *g, mw_grammar_state *s, const mw_grammar_vocabulary *v, int32_t id)
{
    if (id < 0 || id >= v->n || v->piece[id].kind != MW_PIECE_TEXT)
        return false;
    for (size_t i = 0; i < v->piece[id].length; i++)
        if (!mw_grammar_step(g, s, (uint8_t)v->bytes[v->piece[id].at + i]))
            return false;
    return true;
}
