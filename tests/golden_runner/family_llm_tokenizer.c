// family_llm_tokenizer.c: ops tokenizer.spm, tokenizer.bbpe, tokenizer.gguf: texts to ids and back, from the
// model's own file and from the same vocabulary in vocab.gguf, which must agree, or one of the two;
// tokenizer.byte_table.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/llm/chat_template.h"
#include "nodes/nets/text/bpe.h"
#include "nodes/nets/text/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    mw_ctx *c;
    golden_case *k;
    const mw_llm_tokenizer *t;
    bool bytes; // byte-level
} job;

static json_t *ids_json(const mw_llm_ids *ids)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ids->n; i++)
        json_array_append_new(list, json_integer(ids->id[i]));
    return list;
}

static json_t *text_json(char *text, size_t size)
{
    json_t *v = text ? json_stringn(text, size) : json_null();
    free(text);
    return v;
}

// A token as its file writes it.
static json_t *piece_json(const job *j, int32_t id)
{
    size_t size, n = 0;
    const char *text = mw_llm_token_text(j->t, id, &size);
    char *out = mw_alloc(j->c, 3 * size + 8);
    if (!text || !out) {
        free(out);
        return json_null();
    }
    if (mw_llm_token_type_of(j->t, id) == MW_LLM_BYTE)
        n = (size_t)sprintf(out, "<0x%02X>", (unsigned char)text[0]);
    else
        for (size_t i = 0; i < size; i++)
            if (j->bytes)
                n += (size_t)mw_text_utf8(mw_bpe_letter((unsigned char)text[i]), (unsigned char *)out + n);
            else if (text[i] == ' ')
                n += (size_t)(stpcpy(out + n, "\xE2\x96\x81") - (out + n));
            else
                out[n++] = text[i];
    return text_json(out, n);
}

// The bytes that hexadecimal digits stand for; free() it.
static char *bytes_of(const job *j, const json_t *hex, size_t *size)
{
    *size = json_string_length(hex) / 2;
    char *out = mw_alloc(j->c, *size + 1);
    for (size_t i = 0; out && i < *size; i++)
        out[i] = (char)strtol((char[]){json_string_value(hex)[2 * i], json_string_value(hex)[2 * i + 1], 0},
                              NULL, 16);
    return out;
}

static void read_ids(const job *j, const json_t *list, mw_llm_ids *ids)
{
    *ids = (mw_llm_ids){.room = json_array_size(list) + 1};
    ids->id = mw_alloc(j->c, ids->room * sizeof *ids->id);
    for (size_t i = 0; ids->id && i < json_array_size(list); i++)
        ids->id[ids->n++] = (int32_t)json_integer_value(json_array_get(list, i));
}

// The fields of a row that are computed of its text.
static json_t *encoded(const job *j, const json_t *row)
{
    const char *from = json_object_get(row, "utf8") ? "utf8" : "hex", *key;
    json_t *out = json_object(), *want;
    size_t size;
    char *text = bytes_of(j, json_object_get(row, from), &size);
    mw_llm_ids plain = {0};
    mw_llm_encode(j->c, j->t, text, size, false, false, &plain);
    json_object_foreach((json_t *)row, key, want)
    {
        mw_llm_ids ids = {0};
        if (strcmp(key, from) == 0 || strcmp(key, "text") == 0) {
            json_object_set(out, key, want);
        } else if (strcmp(key, "decoded") == 0) {
            char *decoded = mw_llm_decode(j->c, j->t, plain.id, plain.n, false, &size);
            json_object_set_new(out, key, text_json(decoded, size));
        } else if (strcmp(key, "pieces") == 0 || strcmp(key, "tokens") == 0) {
            json_t *list = json_array();
            for (size_t i = 0; i < plain.n; i++)
                json_array_append_new(list, piece_json(j, plain.id[i]));
            json_object_set_new(out, key, list);
        } else {
            bool begin = strcmp(key, "ids_with_bos") == 0,
                 special = begin || strcmp(key, "ids_special_parsed") == 0;
            size_t n = json_string_length(json_object_get(row, from)) / 2;
            mw_llm_encode(j->c, j->t, text, n, special, begin, &ids);
            json_object_set_new(out, key, ids_json(&ids));
        }
        mw_llm_ids_free(&ids);
    }
    mw_llm_ids_free(&plain);
    free(text);
    return out;
}

static json_t *decoded(const job *j, const json_t *row)
{
    mw_llm_ids ids;
    json_t *out = json_object();
    const char *key;
    json_t *want;
    read_ids(j, json_object_get(row, "ids"), &ids);
    json_object_foreach((json_t *)row, key, want)
    {
        size_t size = 0;
        if (strcmp(key, "ids") == 0) {
            json_object_set(out, key, want);
            continue;
        }
        char *text = mw_llm_decode(j->c, j->t, ids.id, ids.n, strcmp(key, "text_with_special") == 0, &size);
        json_object_set_new(out, key, text_json(text, size));
    }
    mw_llm_ids_free(&ids);
    return out;
}

static void stream_one(const job *j, const mw_llm_ids *ids, bool continuing, const char *key, const char *end,
                       json_t *out)
{
    mw_llm_stream *s = mw_llm_stream_new(j->c, j->t, continuing);
    json_t *chunks = json_array();
    size_t size = 0;
    for (size_t i = 0; s && i < ids->n; i++) {
        const char *text = mw_llm_stream_put(j->c, s, ids->id[i], &size);
        json_array_append_new(chunks, text ? json_stringn(text, size) : json_null());
    }
    json_object_set_new(out, key, chunks);
    const char *rest = s ? mw_llm_stream_end(j->c, s, &size) : NULL;
    json_object_set_new(out, end, rest ? json_stringn(rest, size) : json_null());
    mw_llm_stream_free(s);
}

static json_t *streamed(const job *j, const json_t *row)
{
    mw_llm_ids ids;
    json_t *out = json_object();
    read_ids(j, json_object_get(row, "ids"), &ids);
    json_object_set(out, "ids", json_object_get(row, "ids"));
    if (json_object_get(row, "chunks")) {
        stream_one(j, &ids, false, "chunks", "end", out);
    } else {
        stream_one(j, &ids, false, "from_start", "from_start_end", out);
        stream_one(j, &ids, true, "continuing", "continuing_end", out);
    }
    mw_llm_ids_free(&ids);
    return out;
}

// The tokens that end an answer, sorted.
static json_t *ends_json(const mw_llm_tokenizer *t)
{
    size_t n;
    const int32_t *ends = mw_llm_tokenizer_ends(t, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < i && json_integer_value(json_array_get(list, at)) < ends[i])
            at++;
        json_array_insert_new(list, at, json_integer(ends[i]));
    }
    return list;
}

// A user's words as the model's own chat template writes them out.
static json_t *chatted(const job *j, const json_t *row)
{
    json_t *out = json_copy((json_t *)row);
    mw_llm_message said = {"user", json_string_value(json_object_get(row, "content"))};
    mw_chat_template *x = mw_chat_template_open(j->c, j->t, j->k->name);
    mw_llm_ids ids = {0};
    if (x)
        mw_chat_encode(j->c, x, &said, 1, true, &ids);
    json_object_set_new(out, "ids", ids_json(&ids));
    mw_llm_ids_free(&ids);
    mw_chat_template_free(x);
    return out;
}

static json_t *rows_json(const job *j, const char *key, const json_t *rows)
{
    json_t *list = json_array(), *row;
    size_t i;
    json_t *(*one)(const job *j, const json_t *row) = strcmp(key, "decode") == 0 ? decoded
        : strcmp(key, "stream") == 0                                             ? streamed
        : strcmp(key, "chats") == 0                                              ? chatted
                                                                                 : encoded;
    json_array_foreach((json_t *)rows, i, row) json_array_append_new(list, one(j, row));
    return list;
}

// All that the case expects, by the tokenizer at the path; NULL with an error pending.
static json_t *all_of(mw_ctx *c, golden_case *k, const char *path)
{
    mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, path);
    if (!t)
        return NULL;
    job j = {c, k, t, strcmp(k->op, "tokenizer.bbpe") == 0};
    json_t *out = json_object(), *rows;
    const char *key;
    json_object_foreach(k->expected_json, key, rows)
        json_object_set_new(out, key, strcmp(key, "ends") == 0 ? ends_json(t) : rows_json(&j, key, rows));
    mw_llm_tokenizer_free(t);
    if (mw_err(c) == MW_OK)
        return out;
    json_decref(out);
    return NULL;
}

static void give_byte_table(mw_ctx *c, golden_case *k)
{
    json_t *list = json_array();
    for (int b = 0; b < 256; b++)
        json_array_append_new(list, json_integer(mw_bpe_letter(b)));
    golden_give_json(c, k, json_pack("{s:o}", "byte_to_codepoint", list));
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    if (strcmp(k->op, "tokenizer.byte_table") == 0) {
        give_byte_table(c, k);
        return mw_err(c);
    }
    const char *folder = golden_path(c, k, "model"), *gguf = golden_path(c, k, "vocab.gguf");
    if (!folder || !gguf)
        return mw_err(c);
    bool has_own = access(folder, F_OK) == 0,
         has_gguf = access(gguf, F_OK) == 0; // not all kinds can be written as both
    json_t *own = has_own ? all_of(c, k, folder) : NULL,
           *other = has_gguf || !has_own ? all_of(c, k, gguf) : NULL;
    if (own && other && !json_equal(own, other))
        mw_fail(c, MW_E_NUMBER, "%s: vocab.gguf gives other ids than the model's own file", k->name);
    golden_give_json(c, k, json_incref(own ? own : other));
    json_decref(own);
    json_decref(other);
    return mw_err(c);
}

const golden_family golden_llm_tokenizer = {
    {"tokenizer.spm", "tokenizer.bbpe", "tokenizer.gguf", "tokenizer.byte_table"}, false, run};
