// tokenizer_normalize.c: a text as sentencepiece prepares it: replacements by a file's table, spaces.
#include "nodes/nets/llm/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

bool mw_llm_put_text(mw_llm_job *j, const char *text, size_t size)
{
    if (j->size + size > j->room) {
        size_t room = 2 * (j->size + size) + 64;
        char *grown = mw_realloc(j->c, j->text, room);
        if (!grown)
            return false;
        j->text = grown;
        j->room = room;
    }
    memcpy(j->text + j->size, text, size);
    j->size += size;
    return true;
}

// ---- the table: a double-array trie of darts-clone, and texts

static uint32_t child_base(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

// The longest entry that the text begins with: *size its bytes, the result its replacement; NULL: none.
static const char *replacement(const mw_llm_normal *n, const char *text, size_t left, size_t *size)
{
    const char *found = NULL;
    size_t node = n->ntrie ? child_base(n->trie[0]) : 0;
    for (size_t i = 0; n->ntrie && i < left; i++) {
        node ^= (unsigned char)text[i];
        if (node >= n->ntrie || (n->trie[node] & 0x800000FFu) != (unsigned char)text[i])
            break;
        uint32_t unit = n->trie[node];
        node ^= child_base(unit);
        if ((unit & 0x100u) && node < n->ntrie && (n->trie[node] & 0x7FFFFFFFu) < n->nreplacement) {
            found = n->replacement + (n->trie[node] & 0x7FFFFFFFu);
            *size = i + 1;
        }
    }
    return found;
}

mw_status mw_llm_read_charsmap(mw_ctx *c, mw_llm_normal *n, const char *file, const uint8_t *data,
                               size_t size)
{
    uint32_t bytes = size >= 4 ? data[0] | data[1] << 8 | data[2] << 16 | (uint32_t)data[3] << 24 : 0;
    if (size == 0)
        return MW_OK;
    if (size < 8 || bytes % 4 || bytes < 4 || bytes >= size - 4 || data[size - 1] != 0)
        return mw_fail(c, MW_E_FILE, "%s: its table of replacements (precompiled_charsmap) is damaged", file);
    n->ntrie = bytes / 4;
    n->trie = mw_alloc(c, bytes);
    n->nreplacement = size - 4 - bytes;
    n->replacement = mw_alloc(c, n->nreplacement);
    if (!n->trie || !n->replacement)
        return mw_err(c);
    for (size_t i = 0; i < n->ntrie; i++) {
        const uint8_t *u = data + 4 + 4 * i;
        n->trie[i] = u[0] | u[1] << 8 | u[2] << 16 | (uint32_t)u[3] << 24;
    }
    memcpy(n->replacement, data + 4 + bytes, n->nreplacement);
    return MW_OK;
}

// ---- what one place of the text becomes

typedef struct {
    const char *text;
    size_t size, taken;
} part;

// Added words stay as they are; each byte that is no UTF-8 is one U+FFFD.
static part part_at(const mw_llm_job *j, const char *text, size_t left)
{
    int32_t id[MW_LLM_PREFIXES];
    const mw_llm_tokenizer *t = j->t;
    size_t n = t->words_inside && t->normal.ntrie ? mw_llm_find_prefixes(t, &t->words, text, left, id) : 0;
    while (n--)
        if (t->piece[id[n]].type == MW_LLM_USER)
            return (part){text, t->piece[id[n]].size, t->piece[id[n]].size};
    size_t taken;
    const char *other = replacement(&t->normal, text, left, &taken);
    if (other)
        return (part){other, strlen(other), taken};
    uint32_t code = mw_text_decode((const unsigned char *)text, left, &taken);
    bool wrong = code == 0xFFFD && !(taken == 3 && memcmp(text, "\xEF\xBF\xBD", 3) == 0);
    return wrong ? (part){"\xEF\xBF\xBD", 3, 1} : (part){text, taken, taken};
}

static bool put_unescaped(mw_llm_job *j, const char *text, size_t size)
{
    size_t from = j->size;
    if (!mw_llm_put_text(j, text, size))
        return false;
    j->size = from + mw_llm_unescape_spaces(j->text + from, size);
    return true;
}

bool mw_llm_normalize(mw_llm_job *j, const char *text, size_t size, bool first)
{
    const mw_llm_normal *n = &j->t->normal;
    size_t i = 0;
    j->size = 0;
    while (n->collapse && i < size) {
        part p = part_at(j, text + i, size - i);
        if (p.size != 1 || p.text[0] != ' ')
            break;
        i += p.taken;
    }
    bool has_one =
        i < size && (text[i] == ' ' || (size - i >= 3 && memcmp(text + i, "\xE2\x96\x81", 3) == 0));
    bool space = n->space_before && first && i < size && !(n->space_once && has_one),
         after_space = n->collapse;
    if (space && !n->space_behind && !mw_llm_put_text(j, " ", 1))
        return false;
    while (i < size) {
        part p = part_at(j, text + i, size - i);
        i += p.taken;
        while (after_space && p.size && p.text[0] == ' ')
            p.text++, p.size--;
        if (p.size == 0)
            continue;
        after_space = n->collapse && p.text[p.size - 1] == ' ';
        if (!put_unescaped(j, p.text, p.size))
            return false;
    }
    while (n->collapse && j->size && j->text[j->size - 1] == ' ')
        j->size--;
    return !space || !n->space_behind || mw_llm_put_text(j, " ", 1);
}
