// tokens.c: the tokens of a text, as the vocabulary of a text encoder or a language model cuts it.
#include "core/base/pathname.h"
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/clip/clip_token_text.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/llm/llm.h"
#include "nodes/nets/llm/tokenizer.h"
#include "nodes/nets/text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL, TEXT, SPECIAL, ADD_SPECIAL, LENGTH };
static const mw_port in[] = {
    [MODEL] = {.name = "model",
               .type = "any",
               .doc =
                   "a checkpoint, its text_encoder or tokenizer, an llm that runs here, or a path: a model's "
                   "or tokenizer's folder, tokenizer.json, tokenizer.model, a .gguf"},
    [TEXT] = {.name = "text", .type = "texts", .doc = "one text, or a list of them"},
    [SPECIAL] = {.name = "special",
                 .type = "bool",
                 .def = "false",
                 .doc =
                     "control tokens written in the text (<|endoftext|>) are parsed, as text_encoder does"},
    [ADD_SPECIAL] = {.name = "add_special",
                     .type = "bool",
                     .def = "false",
                     .doc = "with the begin and end tokens that the tokenizer adds"},
    [LENGTH] = {.name = "length",
                .type = "integer",
                .def = "null",
                .min = 2,
                .max = 1 << 20,
                .unit = "tokens",
                .doc = "how many the encoder reads, begin and end included; null: the tokenizer's, 77; "
                       "of a language model no limit"},
    {.name = NULL},
};

enum { OUT_IDS, OUT_PIECES, OUT_COUNT, OUT_FITS };
static const mw_out out[] = {
    [OUT_IDS] = {.name = "ids", .type = "list", .doc = "all of them; of a list of texts a list for each"},
    [OUT_PIECES] = {.name = "pieces", .type = "list", .doc = "the part of the text that each stands for"},
    [OUT_COUNT] = {.name = "count", .type = "any", .doc = "how many there are; of a list a list"},
    [OUT_FITS] = {.name = "fits",
                  .type = "any",
                  .doc = "how many of them the encoder reads; of a list a list"},
    {.name = NULL},
};

typedef struct {
    mw_ctx *c;
    const mw_clip_tokenizer *t;
    mw_clip_token_texts *texts;
    const mw_llm_tokenizer *llm; // else that of a language model
    bool special, add_special;
    size_t length; // 0: no limit
} job;

static void put(const job *j, mw_value *ids, mw_value *pieces, int32_t id, const char *piece, size_t n)
{
    mw_value_push(j->c, ids, mw_value_number(j->c, id));
    mw_value_push(j->c, pieces, mw_value_text(j->c, piece, n));
}

// A token that stands nowhere in the text.
static void put_added(const job *j, mw_value *ids, mw_value *pieces, int32_t id)
{
    char buf[MW_CLIP_TOKEN_MAX];
    const char *name = mw_clip_token_text(j->texts, id, buf);
    put(j, ids, pieces, id, name, strlen(name));
}

// The text of a language model's token; bytes that are no character by themselves as <0xE4>.
static void put_llm(const job *j, mw_value *ids, mw_value *pieces, int32_t id)
{
    size_t size, n = 0, step;
    const char *text = mw_llm_token_text(j->llm, id, &size);
    char *piece = mw_alloc(j->c, 6 * size + 1);
    for (size_t i = 0; piece && i < size; i += step) {
        uint32_t code = mw_text_decode((const unsigned char *)text + i, size - i, &step);
        if (code != 0xFFFD || (step == 3 && memcmp(text + i, "\xEF\xBF\xBD", 3) == 0)) {
            memcpy(piece + n, text + i, step);
            n += step;
            continue;
        }
        for (size_t k = 0; k < step; k++)
            n += (size_t)sprintf(piece + n, "<0x%02X>", (unsigned char)text[i + k]);
    }
    if (piece)
        put(j, ids, pieces, id, piece, n);
    free(piece);
}

static void read_llm(const job *j, const char *text, size_t size, mw_value *r[4])
{
    mw_ctx *c = j->c;
    mw_llm_ids ids = {0};
    mw_llm_encode(c, j->llm, text, size, j->special, j->add_special, &ids);
    r[OUT_IDS] = mw_value_list(c);
    r[OUT_PIECES] = mw_value_list(c);
    for (size_t i = 0; i < ids.n && !mw_err(c); i++)
        put_llm(j, r[OUT_IDS], r[OUT_PIECES], ids.id[i]);
    r[OUT_COUNT] = mw_value_number(c, (double)ids.n);
    r[OUT_FITS] = mw_value_number(c, (double)(j->length && j->length < ids.n ? j->length : ids.n));
    mw_llm_ids_free(&ids);
}

// The four results of one text.
static void read_text(const job *j, const mw_value *v, mw_value *r[4])
{
    mw_ctx *c = j->c;
    const char *text = mw_value_as_text(v);
    if (j->llm) {
        read_llm(j, text, mw_value_text_length(v), r);
        return;
    }
    mw_clip_tokens all = {0};
    (j->special ? mw_clip_tokenize : mw_clip_tokenize_plain)(c, j->t, text, mw_value_text_length(v), &all);
    mw_value *ids = r[OUT_IDS] = mw_value_list(c), *pieces = r[OUT_PIECES] = mw_value_list(c);
    if (j->add_special)
        put_added(j, ids, pieces, mw_clip_tokenizer_begin(j->t));
    for (size_t i = 0; i < all.n && !mw_err(c); i++)
        put(j, ids, pieces, all.token[i].id, text + all.token[i].begin,
            all.token[i].end - all.token[i].begin);
    if (j->add_special)
        put_added(j, ids, pieces, mw_clip_tokenizer_end(j->t));
    size_t n = all.n + (j->add_special ? 2 : 0), room = j->length - (j->add_special ? 0 : 2);
    r[OUT_COUNT] = mw_value_number(c, (double)n);
    r[OUT_FITS] = mw_value_number(c, (double)(n < room ? n : room));
    mw_clip_tokens_free(&all);
}

// The tokenizer's folder for a path: itself, "tokenizer" in it, or that of a file of it. free() it.
static char *folder_of(mw_ctx *c, const char *name)
{
    char *path = mw_find_path(c, name);
    if (!path)
        return NULL;
    if (!mw_path_is_folder(path)) {
        char *slash = strrchr(path, '/');
        const char *file = slash ? slash + 1 : path;
        if (strcmp(file, "tokenizer.json") != 0 && strcmp(file, "vocab.json") != 0)
            mw_fail(c, MW_E_FILE,
                    "%s: is no tokenizer: a folder, a tokenizer.json, vocab.json or tokenizer.model, or a "
                    ".gguf is "
                    "expected",
                    path);
        else if (slash)
            *slash = 0;
        else
            strcpy(path, ".");
        return path;
    }
    char *inner = mw_path_join(c, path, "tokenizer");
    bool has = inner && mw_path_is_folder(inner);
    free(has ? path : inner);
    return has ? inner : path;
}

// What a path holds; free both.
static void open_path(job *j, const char *name, mw_clip_tokenizer **clip, mw_llm_tokenizer **llm)
{
    char *found = mw_find_path(j->c, name);
    if (found && mw_llm_tokenizer_is_at(j->c, found)) {
        j->llm = *llm = mw_llm_tokenizer_open(j->c, found);
    } else if (found && !mw_err(j->c)) {
        char *folder = folder_of(j->c, name);
        j->t = *clip = folder && !mw_err(j->c) ? mw_clip_tokenizer_load(j->c, folder, NULL) : NULL;
        free(folder);
    }
    free(found);
}

// The tokenizer in a handle; neither, with an error pending, where it has none.
static void of_object(job *j, const mw_value *v)
{
    mw_object *o = mw_value_as_object(v);
    const mw_llm *llm = mw_llm_of(v);
    const char *type = o ? o->type->name : "nothing";
    if (o && strcmp(type, "checkpoint") == 0)
        o = o->type->part(o, "tokenizer");
    if (llm)
        j->llm = llm->tokenizer;
    else if (o && strcmp(o->type->name, "tokenizer") == 0)
        j->t = ((mw_tokenizer *)o)->tokenizer;
    else if (o && strcmp(type, "text_encoder") == 0)
        j->t = ((mw_text_encoder *)o)->tokenizer[0]->tokenizer;
    if (llm && !j->llm)
        mw_fail(j->c, MW_E_ARG, "'model' is %s: its tokens are the server's, and not known here", llm->name);
    else if (!j->llm && !j->t)
        mw_fail(j->c, MW_E_ARG,
                "'model' must be a checkpoint, its text_encoder or tokenizer, an llm, or a path, got a %s",
                type);
}

// The limit on tokens, of a text encoder the tokenizer's where nothing is said.
static size_t length_of(const job *j, const mw_value *v)
{
    if (mw_value_kind(v) != MW_NIL)
        return (size_t)mw_value_as_number(v);
    return j->t ? (size_t)mw_clip_tokenizer_length(j->t) : 0;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_clip_tokenizer *clip = NULL;
    mw_llm_tokenizer *llm = NULL;
    job j = {
        .c = c, .special = mw_value_as_bool(i[SPECIAL]), .add_special = mw_value_as_bool(i[ADD_SPECIAL])};
    if (mw_value_kind(i[MODEL]) == MW_TEXT)
        open_path(&j, mw_value_as_text(i[MODEL]), &clip, &llm);
    else
        of_object(&j, i[MODEL]);
    j.texts = j.t && !mw_err(c) ? mw_clip_token_texts_new(c, j.t) : NULL;
    if (!mw_err(c)) {
        bool many = mw_value_kind(i[TEXT]) == MW_LIST;
        j.length = length_of(&j, i[LENGTH]);
        for (int k = 0; many && k < 4; k++)
            o[k] = mw_value_list(c);
        mw_value *r[4];
        for (size_t b = 0; many && b < mw_value_count(i[TEXT]) && !mw_err(c); b++) {
            read_text(&j, mw_value_at(i[TEXT], b), r);
            for (int k = 0; k < 4; k++)
                mw_value_push(c, o[k], r[k]);
        }
        if (!many)
            read_text(&j, i[TEXT], o);
    }
    mw_clip_token_texts_free(j.texts);
    mw_clip_tokenizer_free(clip);
    mw_llm_tokenizer_free(llm);
    return mw_err(c);
}

const mw_node_type mw_node_tokens = {
    .name = "tokens",
    .version = 1,
    .flags = MW_NODE_IMPURE | MW_NODE_HOST, // a folder given as text is not part of the key
    .doc =
        "The tokens of a text in the vocabulary of a model's (first) text encoder, or of a language model. "
        "Nothing is cut, no network is run.",
    .in = in,
    .out = out,
    .run = run,
};
