// tokenizer_model_file.c: reads tokenizer.model, sentencepiece's own file: a protocol buffer. Fields by the
// numbers of sentencepiece_model.proto; others are skipped.
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/file.h"
#include "core/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)256 << 20)

// What is left of a message, and the field that was read last.
typedef struct {
    const uint8_t *at, *end;
    uint32_t field;
    uint64_t number; // of a varint
    float real;      // of four bytes
    const uint8_t *data;
    size_t size; // of bytes
    bool damaged;
} message;

static bool varint(message *m, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        uint8_t byte = *m->at++;
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return true;
    }
    m->damaged = true;
    return false;
}

static bool skip(message *m, uint64_t size)
{
    m->data = m->at;
    m->size = (size_t)size;
    m->damaged |= size > (uint64_t)(m->end - m->at);
    m->at += m->damaged ? 0 : size;
    return !m->damaged;
}

// The next field of either kind; false at the end and where the message is damaged.
static bool next(message *m)
{
    uint64_t key, size;
    if (m->damaged || m->at == m->end || !varint(m, &key))
        return false;
    m->field = key >> 3 > UINT32_MAX ? 0 : (uint32_t)(key >> 3);
    m->number = 0;
    m->size = 0;
    m->real = NAN;
    m->data = NULL;
    switch (m->field ? key & 7 : 8) {
    case 0: return varint(m, &m->number);
    case 1: return skip(m, 8);
    case 2: return varint(m, &size) && skip(m, size);
    case 5:
        if (skip(m, 4))
            memcpy(&m->real, m->data, 4);
        return !m->damaged;
    default: m->damaged = true; return false;
    }
}

// The message in the field that was read; empty where that is of another kind.
static message inner(const message *m)
{
    static const uint8_t nothing[1];
    const uint8_t *at = m->data ? m->data : nothing;
    return (message){.at = at, .end = at + m->size};
}

// ---- what the file says

typedef struct {
    mw_ctx *c;
    mw_llm_tokenizer *t;
    const char *path;
    bool escapes_spaces;
    int64_t model;           // kind
    char begin[64], end[64]; // names
    const uint8_t *charsmap;
    size_t ncharsmap;
} file;

static mw_status bad(const file *f, const char *why)
{
    return mw_fail(f->c, MW_E_FILE, "%s: is no sentencepiece model: %s", f->path, why);
}

static void read_piece(file *f, message m)
{
    const uint8_t *text = NULL;
    size_t size = 0;
    float score = 0;
    uint64_t type = MW_LLM_NORMAL;
    while (next(&m))
        if (m.field == 1 && m.size)
            text = m.data, size = m.size;
        else if (m.field == 2)
            score = m.real;
        else if (m.field == 3)
            type = m.number;
    if (m.damaged || !text || size > MW_LLM_TOKEN_MAX || !isfinite(score) || type < MW_LLM_NORMAL ||
        type > MW_LLM_BYTE || f->t->size >= MW_LLM_MAX_ID) {
        char why[96];
        snprintf(why, sizeof why, "its piece %d is damaged", f->t->size);
        bad(f, why);
        return;
    }
    char *kept = mw_alloc(f->c, size);
    if (!kept)
        return;
    memcpy(kept, text, size);
    int byte = type == MW_LLM_BYTE ? mw_llm_byte_name(kept, size) : -1;
    if (type == MW_LLM_BYTE && byte < 0) {
        bad(f, "one of its pieces is a byte whose name is none");
    } else if (byte >= 0) {
        kept[0] = (char)byte;
        size = 1;
    }
    mw_llm_add_escaped(f->c, f->t, kept, size, score, (mw_llm_token_type)type);
    free(kept);
}

static void copy_name(char to[64], const message *m)
{
    if (m->size && m->size < 64) {
        memcpy(to, m->data, m->size);
        to[m->size] = 0;
    }
}

static void read_trainer(file *f, message m)
{
    while (next(&m))
        switch (m.field) {
        case 3: f->model = (int64_t)m.number; break;
        case 24: f->t->normal.space_behind = m.number != 0; break;
        case 46: copy_name(f->begin, &m); break;
        case 47: copy_name(f->end, &m); break;
        }
    if (m.damaged)
        bad(f, "what it says of its training is damaged");
}

static void read_normalizer(file *f, message m)
{
    mw_llm_normal *n = &f->t->normal;
    while (next(&m))
        switch (m.field) {
        case 2: f->charsmap = m.data, f->ncharsmap = m.size; break;
        case 3: n->space_before = m.number != 0; break;
        case 4: n->collapse = m.number != 0; break;
        case 5: f->escapes_spaces = m.number != 0; break;
        }
    if (m.damaged)
        bad(f, "what it says of preparing texts is damaged");
}

static void finish(file *f)
{
    mw_llm_tokenizer *t = f->t;
    if (f->model != 1 && f->model != 2)
        bad(f, "its kind is neither unigram (1) nor BPE (2)");
    else if (!f->escapes_spaces)
        bad(f, "it keeps spaces as they are (escape_whitespaces), which is not known here");
    t->limit = t->size + MW_LLM_SPARE_IDS;
    t->kind = f->model == 1 ? MW_LLM_UNIGRAM : MW_LLM_SPM;
    mw_llm_read_charsmap(f->c, &t->normal, f->path, f->charsmap, f->ncharsmap);
    for (int32_t i = 0; i < t->size; i++) {
        const mw_llm_piece *p = &t->piece[i];
        if (p->type != MW_LLM_CONTROL)
            continue;
        if (p->size == strlen(f->begin) && memcmp(t->pool + p->at, f->begin, p->size) == 0)
            t->begin = i;
        if (p->size == strlen(f->end) && memcmp(t->pool + p->at, f->end, p->size) == 0)
            t->end = i;
    }
    t->add_begin = t->kind == MW_LLM_SPM; // as LLaMA's and its likes
    t->add_end = t->kind == MW_LLM_UNIGRAM;
    mw_llm_add_end(f->c, t, t->end);
}

mw_status mw_llm_read_model(mw_ctx *c, mw_llm_tokenizer *t, const char *path)
{
    size_t size;
    char *data = mw_file_read(c, path, MAX_FILE, &size);
    if (!data)
        return mw_err(c);
    file f = {c, t, path, .escapes_spaces = true, .model = 1, .begin = "<s>", .end = "</s>"};
    t->words_inside = true;
    t->normal.space_before = t->normal.collapse = true; // where the file says nothing
    message m = {.at = (const uint8_t *)data, .end = (const uint8_t *)data + size};
    while (mw_err(c) == MW_OK && next(&m))
        if (m.field == 1)
            read_piece(&f, inner(&m));
        else if (m.field == 2)
            read_trainer(&f, inner(&m));
        else if (m.field == 3)
            read_normalizer(&f, inner(&m));
    if (mw_err(c) == MW_OK && (m.damaged || t->size == 0))
        bad(&f, m.damaged ? "its protocol buffer is cut or damaged" : "it has no pieces");
    if (mw_err(c) == MW_OK)
        finish(&f);
    free(data);
    return mw_err(c);
}
