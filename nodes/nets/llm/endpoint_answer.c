// endpoint_answer.c: what a server answers: the text, or its words about what went wrong.
#include "nodes/nets/llm/endpoint_internal.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mw_fault_set(mw_fault *f, bool retry, const char *fmt, ...)
{
    if (f->happened)
        return;
    f->happened = true;
    f->retry = retry;
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->words, sizeof f->words, fmt, args);
    va_end(args);
    f->words[mw_utf8_length(f->words, strlen(f->words))] = 0; // not cut within a letter
}

mw_status mw_bytes_add(mw_ctx *c, char **at, size_t *n, const char *more, size_t count)
{
    // Room grows in powers of two.
    size_t need = *n + count + 1, room = 64, had = *at ? 64 : 0;
    while (had && had < *n + 1)
        had *= 2;
    while (room < need)
        room *= 2;
    if (room != had) {
        char *larger = mw_realloc(c, *at, room);
        if (!larger)
            return mw_err(c);
        *at = larger;
    }
    memcpy(*at + *n, more, count);
    *n += count;
    (*at)[*n] = 0;
    return mw_err(c);
}

// ---- the server's words about a failure

static const char *text_at(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && *s ? s : NULL;
}

// {"detail": "..."} or {"detail": [{"msg": ..., "loc": ["body", "messages"]}, ...]}: the first of them.
static const char *detail(const json_t *o, char *buf, size_t size)
{
    const json_t *d = json_object_get(o, "detail"), *first = json_array_get(d, 0);
    const json_t *loc = json_object_get(first, "loc");
    const char *at = json_string_value(json_array_get(loc, json_array_size(loc) - 1));
    const char *msg = text_at(first, "msg");
    if (msg)
        snprintf(buf, size, "%s%s%s", msg, at ? ": " : "", at ? at : "");
    return msg ? buf : text_at(o, "detail");
}

static const char *words_of(const json_t *root, char *buf, size_t size)
{
    const json_t *error = json_object_get(root, "error");
    const char *words = json_string_value(error);
    if (!words)
        words = text_at(error, "message");
    if (!words && !error)
        words = text_at(root, "message");
    return words ? words : detail(root, buf, size);
}

static bool says(const json_t *error, const char *key, const char *word)
{
    const char *s = text_at(error, key);
    return s && !strcmp(s, word);
}

static size_t without_line_ends(const char *body, size_t n)
{
    while (n && (body[n - 1] == '\n' || body[n - 1] == '\r'))
        n--;
    return n;
}

void mw_reply_refused(int status, const char *body, size_t n, mw_fault *f)
{
    char buf[300], shown[400];
    json_t *root = json_loadb(n ? body : "", n, JSON_ALLOW_NUL, NULL);
    const json_t *error = json_object_get(root, "error");
    const char *words = words_of(root, buf, sizeof buf);
    bool spent = says(error, "code", "insufficient_quota") || says(error, "type", "insufficient_quota");
    if (words)
        mw_printable(words, shown, sizeof shown);
    else
        mw_printable_n(n ? body : "", without_line_ends(body, n), shown, sizeof shown);
    mw_fault_set(f, !spent && (status == 429 || status >= 500), "the server answers with status %d%s%s",
                 status, *shown ? ": " : ", without a word", shown);
    json_decref(root);
}

// An error that came with status 200, perhaps in the middle of a stream.
static void told(const json_t *error, mw_fault *f)
{
    char shown[400];
    const json_t *code = json_object_get(error, "code");
    const char *words = json_is_string(error) ? json_string_value(error) : text_at(error, "message");
    json_int_t status = json_integer_value(code);
    mw_fault_set(f, !status || status == 429 || status >= 500, "the server reports an error: %s",
                 words ? mw_printable(words, shown, sizeof shown) : "without a word");
}

// ---- the answer

// The choice with index 0, or the first one where they have none.
static const json_t *choice(const json_t *root)
{
    size_t i;
    const json_t *item, *choices = json_object_get(root, "choices");
    json_array_foreach(choices, i, item)
    {
        const json_t *index = json_object_get(item, "index");
        if (!json_is_integer(index) || json_integer_value(index) == 0)
            return item;
    }
    return NULL;
}

static void take_finish(mw_reply *r, const json_t *root, const json_t *item)
{
    const char *finish = text_at(item, "finish_reason");
    if (finish)
        snprintf(r->finish, sizeof r->finish, "%s", finish);
    json_int_t n = json_integer_value(json_object_get(json_object_get(root, "usage"), "prompt_tokens"));
    if (n > 0)
        r->prompt_tokens = (size_t)n;
}

static void without_text(mw_fault *f, const char *body, size_t n)
{
    char shown[200];
    mw_fault_set(f, false, "the answer has no text where an OpenAI-compatible server puts it: %s",
                 mw_printable_n(body, n, shown, sizeof shown));
}

static json_t *parse(const char *body, size_t n, mw_fault *f)
{
    char shown[200];
    json_t *root = json_loadb(n ? body : "", n, JSON_ALLOW_NUL, NULL);
    if (!root && !n)
        mw_fault_set(f, false, "the answer is empty, no JSON");
    else if (!root)
        mw_fault_set(f, false, "the answer is no JSON: %s", mw_printable_n(body, n, shown, sizeof shown));
    return root;
}

void mw_reply_read(mw_ctx *c, mw_reply *r, const char *body, size_t n, mw_fault *f)
{
    json_t *root = parse(body, n, f);
    const json_t *error = json_object_get(root, "error"), *item = choice(root);
    const json_t *message = json_object_get(item, "message");
    const json_t *text = message ? json_object_get(message, "content") : json_object_get(item, "text");
    if (error && !json_is_null(error))
        told(error, f);
    else if (root && !json_is_string(text))
        without_text(f, body, n);
    else if (root)
        mw_bytes_add(c, &r->text, &r->n, json_string_value(text), json_string_length(text));
    take_finish(r, root, item);
    json_decref(root);
}

void mw_reply_event(mw_ctx *c, mw_reply *r, const char *json, size_t n, mw_fault *f)
{
    json_t *root = parse(json, n, f);
    const json_t *error = json_object_get(root, "error"), *item = choice(root);
    const json_t *delta = json_object_get(item, "delta");
    const json_t *text = delta ? json_object_get(delta, "content") : json_object_get(item, "text");
    if (error && !json_is_null(error))
        told(error, f);
    else if (root &&
             (!json_is_array(json_object_get(root, "choices")) ||
              (text && !json_is_string(text) && !json_is_null(text))))
        without_text(f, json, n);
    else if (json_is_string(text))
        mw_bytes_add(c, &r->text, &r->n, json_string_value(text), json_string_length(text));
    take_finish(r, root, item);
    json_decref(root);
}
