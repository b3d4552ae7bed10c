// clip_vocab_check.c: whether merges and vocabulary of a CLIP tokenizer belong together.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include "core/base/text.h"

#include <stdlib.h>

static void mark_known(const mw_clip_tokenizer *t, bool *known)
{
    for (int byte = 0; byte < 256; byte++) {
        if (t->bpe.byte[byte] >= 0)
            known[t->bpe.byte[byte]] = true;
        if (t->bpe.last_byte[byte] >= 0)
            known[t->bpe.last_byte[byte]] = true;
    }
    for (size_t i = 0; i <= t->bpe.merges.mask; i++)
        if (t->bpe.merges.at[i].id >= 0)
            known[t->bpe.merges.at[i].id] = true;
    for (size_t i = 0; i < t->nspecial; i++)
        known[t->special[i].id] = true;
}

// Tokens behind the special ones were added by hand: those are never made by merges, and that is well.
mw_status mw_clip_check_merges(mw_ctx *c, const mw_clip_tokenizer *t, const json_t *vocab, const char *folder)
{
    bool *known = mw_alloc(c, (size_t)t->size * sizeof *known);
    if (!known)
        return mw_err(c);
    mark_known(t, known);
    const char *token, *first = NULL;
    json_t *id;
    int unmade = 0;
    json_object_foreach((json_t *)vocab, token, id)
    {
        if (json_integer_value(id) >= t->end || known[json_integer_value(id)])
            continue;
        first = first ? first : token;
        unmade++;
    }
    free(known);
    char shown[80];
    if (first)
        mw_fail(
            c, MW_E_FILE,
            "%s: its merges are cut, or not of its vocabulary: no merge makes %d of its tokens, such as '%s'",
            folder, unmade, mw_printable(first, shown, sizeof shown));
    return mw_err(c);
}
