// tokens.c: the tokens of a text, as a text encoder's vocabulary cuts it.
#include "core/base/pathname.h"
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/clip/clip_token_text.h"
#include "nodes/nets/clip/clip_tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL, TEXT, SPECIAL, ADD_SPECIAL, LENGTH };
static const mw_port in[] = {
    [MODEL] = {.name = "model",
               .type = "any",
               .doc = "a checkpoint, its text_encoder or tokenizer, or the path of a tokenizer's folder or "
                      "tokenizer.json"},
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
                .doc = "how many the encoder reads, begin and end included; null: the tokenizer's, 77"},
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
    bool special, add_special;
    size_t length;
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

// The four results of one text.
static void read_text(const job *j, const mw_value *v, mw_value *r[4])
{
    mw_ctx *c = j->c;
    const char *text = mw_value_as_text(v);
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
                    "%s: is no tokenizer: a folder, a tokenizer.json or a vocab.json is expected", path);
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

// The tokenizer in a handle; NULL with an error pending where it has none.
static const mw_clip_tokenizer *of_object(mw_ctx *c, mw_object *o)
{
    const char *type = o ? o->type->name : "nothing";
    if (o && strcmp(type, "checkpoint") == 0)
        o = o->type->part(o, "tokenizer");
    if (o && strcmp(o->type->name, "tokenizer") == 0)
        return ((mw_tokenizer *)o)->tokenizer;
    if (o && strcmp(type, "text_encoder") == 0)
        return ((mw_text_encoder *)o)->tokenizer[0]->tokenizer;
    mw_fail(c, MW_E_ARG, "'model' must be a checkpoint, its text_encoder or tokenizer, or a path, got a %s",
            type);
    return NULL;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_clip_tokenizer *own = NULL;
    char *folder = NULL;
    job j = {
        .c = c, .special = mw_value_as_bool(i[SPECIAL]), .add_special = mw_value_as_bool(i[ADD_SPECIAL])};
    if (mw_value_kind(i[MODEL]) == MW_TEXT) {
        folder = folder_of(c, mw_value_as_text(i[MODEL]));
        own = folder && !mw_err(c) ? mw_clip_tokenizer_load(c, folder, NULL) : NULL;
        j.t = own;
    } else {
        j.t = of_object(c, mw_value_as_object(i[MODEL]));
    }
    j.texts = j.t && !mw_err(c) ? mw_clip_token_texts_new(c, j.t) : NULL;
    if (j.texts) {
        bool many = mw_value_kind(i[TEXT]) == MW_LIST;
        j.length = mw_value_kind(i[LENGTH]) == MW_NIL ? (size_t)mw_clip_tokenizer_length(j.t)
                                                      : (size_t)mw_value_as_number(i[LENGTH]);
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
    mw_clip_tokenizer_free(own);
    free(folder);
    return mw_err(c);
}

const mw_node_type mw_node_tokens = {
    .name = "tokens",
    .version = 1,
    .flags = MW_NODE_IMPURE | MW_NODE_HOST, // a folder given as text is not part of the key
    .doc = "The tokens of a text in the vocabulary of a model's (first) text encoder. Nothing is cut, no "
           "network is "
           "run.",
    .in = in,
    .out = out,
    .run = run,
};
