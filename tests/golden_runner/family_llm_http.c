// family_llm_http.c: talking to OpenAI-compatible servers: what is asked, what is made of answers.
#include "tests/golden_runner/golden.h"
#include "tests/golden_runner/loopback.h"

#include "nodes/nets/llm/endpoint_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "sk-of-the-test";

// ---- a question over HTTP

static mw_llm *open_at(mw_ctx *c, int port, const char *base, const char *model, const char *key_env)
{
    // The case's address with the port of our server.
    const char *path = strstr(base, "/v1");
    char *url = mw_format(c, "http://127.0.0.1:%d%s", port, path ? path : "");
    mw_llm *m = url
        ? mw_endpoint_open(c, &(mw_endpoint_options){url, model, key_env, .timeout = 5, .tries = 1})
        : NULL;
    free(url);
    return m;
}

static void ignore(void *user, const char *utf8, size_t length)
{
    (void)user;
    (void)utf8;
    (void)length;
}

// The request that a body of requests.json is made from.
typedef struct asked {
    mw_llm_request r;
    mw_llm_message messages[4];
    const char *stop[1];
} asked;

static void ask_from(asked *a, const json_t *body)
{
    size_t i;
    const json_t *m, *seed = json_object_get(body, "seed");
    *a = (asked){.r = mw_llm_request_default()};
    a->r.prompt = json_string_value(json_object_get(body, "prompt"));
    json_array_foreach(json_object_get(body, "messages"), i, m) a->messages[i] = (mw_llm_message){
        json_string_value(json_object_get(m, "role")), json_string_value(json_object_get(m, "content"))};
    a->r.messages = a->messages;
    a->r.n_messages = json_array_size(json_object_get(body, "messages"));
    a->r.max_tokens = (int)json_integer_value(json_object_get(body, "max_tokens"));
    a->r.temperature = json_number_value(json_object_get(body, "temperature"));
    a->stop[0] = json_string_value(json_object_get(body, "stop"));
    a->r.stop = a->stop;
    a->r.n_stop = 1;
    a->r.seeded = seed;
    a->r.seed = (uint64_t)json_integer_value(seed);
    a->r.on_text = json_is_true(json_object_get(body, "stream")) ? ignore : NULL;
}

// The first line, then the headers that the case speaks of, then the body, as JSON.
static json_t *request_json(char *request)
{
    static const char *const names[] = {"Content-Type", "Accept-Encoding", "Authorization", "Accept"};
    char *body = strstr(request, "\r\n\r\n"), *state = NULL;
    json_t *o = json_object(), *headers = json_object();
    if (body)
        *body = 0;
    json_object_set_new(o, "body", body ? json_loads(body + 4, 0, NULL) : NULL);
    for (char *line = strtok_r(request, "\r\n", &state); line; line = strtok_r(NULL, "\r\n", &state))
        for (size_t i = 0; i < 4; i++) {
            size_t n = strlen(names[i]);
            if (!strncasecmp(line, names[i], n) && line[n] == ':' && strcmp(line + n + 1, " */*"))
                json_object_set_new(headers, names[i], json_string(line + n + 2));
        }
    json_object_set_new(o, "headers", headers);
    json_object_set_new(o, "line", json_string(request));
    return o;
}

static json_t *wanted_request(const json_t *requests, const char *name, bool with_key)
{
    const json_t *h = json_object_get(requests, "headers"), *body = json_object_get(requests, name);
    json_t *headers = json_deep_copy(json_object_get(h, "always"));
    if (with_key)
        json_object_set_new(headers, "Authorization", json_sprintf("Bearer %s", key));
    if (json_is_true(json_object_get(body, "stream")))
        json_object_update(headers, json_object_get(h, "streaming"));
    return json_pack(
        "{s:o,s:o,s:O}", "line",
        json_sprintf("POST %s HTTP/1.1",
                     json_object_get(body, "prompt") ? "/v1/completions" : "/v1/chat/completions"),
        "headers", headers, "body", body);
}

static void requests(mw_ctx *c, const json_t *file, json_t *want, json_t *got)
{
    static const char *const names[] = {"chat", "chat_with_system", "chat_stream", "completion"};
    setenv("MOONWEAVE_TEST_KEY", key, 1);
    for (size_t i = 0; i < 4 && !mw_err(c); i++) {
        asked a;
        const json_t *body = json_object_get(file, names[i]);
        ask_from(&a, body);
        const char *base = a.r.prompt
            ? "/v1/completions"
            : json_string_value(json_object_get(json_array_get(json_object_get(file, "url"), i % 2), "base"));
        loopback *l = loopback_begin(c, "", 0);
        mw_llm *m = l ? open_at(c, loopback_port(l), base, json_string_value(json_object_get(body, "model")),
                                i % 2 ? "MOONWEAVE_TEST_KEY" : NULL)
                      : NULL;
        mw_llm_answer out = {0};
        if (m)
            mw_llm_complete(c, m, &a.r, &out);
        mw_llm_answer_free(&out);
        mw_err_clear(c); // no answer was given
        mw_object_release(m ? &m->object : NULL);
        char *request = l ? loopback_end(l) : NULL;
        if (request)
            json_object_set_new(got, names[i], request_json(request));
        json_object_set_new(want, names[i], wanted_request(file, names[i], i % 2));
        free(request);
    }
}

// ---- answers

static json_t *reply_json(const mw_reply *r, bool refused)
{
    if (refused)
        return json_string("refused");
    return json_pack("{s:s%,s:s?}", "text", r->n ? r->text : "", r->n, "finish_reason",
                     *r->finish ? r->finish : NULL);
}

static json_t *as_text(const json_t *row, const char *key_, const char *text_key)
{
    const json_t *body = json_object_get(row, key_);
    if (!body)
        return json_incref((json_t *)(uintptr_t)json_object_get(row, text_key));
    char *text = json_dumps(body, JSON_ENCODE_ANY);
    json_t *j = json_string(text);
    free(text);
    return j;
}

static void answers(mw_ctx *c, const json_t *file, json_t *want, json_t *got)
{
    static const char *const lists[] = {"good", "bad"};
    for (int bad = 0; bad < 2; bad++) {
        size_t i;
        const json_t *row;
        json_array_foreach(json_object_get(file, lists[bad]), i, row)
        {
            const char *name = json_string_value(json_object_get(row, "name"));
            json_t *body = as_text(row, "body", "body_text");
            mw_reply r = {0};
            mw_fault f = {0};
            mw_reply_read(c, &r, json_string_value(body), json_string_length(body), &f);
            json_object_set_new(got, name, reply_json(&r, f.happened));
            json_object_set_new(want, name,
                                bad ? json_string("refused")
                                    : json_pack("{s:O,s:O}", "text", json_object_get(row, "text"),
                                                "finish_reason", json_object_get(row, "finish_reason")));
            free(r.text);
            json_decref(body);
        }
    }
}

// The server's own words in a row of errors.json.
static const char *words_in(const json_t *row)
{
    const json_t *b = json_object_get(row, "body"), *e = json_object_get(b, "error");
    const char *words = json_string_value(json_object_get(row, "body_text"));
    if (!words)
        words = json_string_value(json_object_get(e, "message"));
    if (!words)
        words = json_string_value(e);
    if (!words)
        words = json_string_value(json_object_get(b, "message"));
    return words ? words
                 : json_string_value(json_object_get(json_array_get(json_object_get(b, "detail"), 0), "msg"));
}

static void errors(mw_ctx *c, const json_t *file, json_t *want, json_t *got)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(file, "rows"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        int status = (int)json_integer_value(json_object_get(row, "status"));
        json_t *body = as_text(row, "body", "body_text");
        mw_reply r = {0};
        mw_fault f = {0};
        char number[16];
        snprintf(number, sizeof number, "%d", status);
        if (status == 200)
            mw_reply_read(c, &r, json_string_value(body), json_string_length(body), &f);
        else
            mw_reply_refused(status, json_string_value(body), json_string_length(body), &f);
        bool said = strstr(f.words, words_in(row)) && (status == 200 || strstr(f.words, number));
        json_object_set_new(got, name, json_pack("{s:b,s:b}", "retry", f.retry, "said", said));
        json_object_set_new(want, name,
                            json_pack("{s:O,s:b}", "retry", json_object_get(row, "retry"), "said", 1));
        free(r.text);
        json_decref(body);
    }
}

// ---- bytes

static char *unhex(mw_ctx *c, const json_t *hex, size_t *n)
{
    const char *s = json_string_value(hex);
    char *bytes = mw_alloc(c, json_string_length(hex) / 2 + 1);
    *n = json_string_length(hex) / 2;
    for (size_t i = 0; bytes && i < *n; i++)
        sscanf(s + 2 * i, "%2hhx", (unsigned char *)&bytes[i]);
    return bytes;
}

static void http(mw_ctx *c, const json_t *file, json_t *want, json_t *got)
{
    size_t i, n;
    const json_t *row;
    json_array_foreach(json_object_get(file, "rows"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        char *bytes = unhex(c, json_object_get(row, "hex"), &n);
        loopback *l = bytes ? loopback_begin(c, bytes, n) : NULL;
        mw_llm *m = l ? open_at(c, loopback_port(l), "/v1", NULL, NULL) : NULL;
        mw_llm_request r = mw_llm_request_default();
        mw_llm_answer out = {0};
        r.prompt = "hello";
        bool ok = m && mw_llm_complete(c, m, &r, &out) == MW_OK;
        mw_err_clear(c);
        json_object_set_new(got, name, ok ? json_stringn(out.text, out.length) : json_string("refused"));
        json_object_set_new(want, name,
                            json_is_true(json_object_get(row, "ok"))
                                ? json_incref(json_object_get(file, "text"))
                                : json_string("refused"));
        mw_llm_answer_free(&out);
        mw_object_release(m ? &m->object : NULL);
        if (l)
            free(loopback_end(l));
        free(bytes);
    }
}

// What came stays, also where the stream is wrong.
static void streams(mw_ctx *c, const json_t *file, json_t *want, json_t *got)
{
    size_t i, k, n;
    const json_t *row, *part;
    json_array_foreach(json_object_get(file, "rows"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        const json_t *ok = json_object_get(row, "ok");
        mw_events e = {0};
        mw_reply r = {0};
        mw_fault f = {0};
        json_array_foreach(json_object_get(row, "parts_hex"), k, part)
        {
            char *bytes = unhex(c, part, &n);
            if (bytes && !f.happened)
                mw_events_feed(c, &e, &r, bytes, n, &f);
            free(bytes);
        }
        if (!f.happened)
            mw_events_end(c, &e, &r, &f);
        if (!json_is_null(ok)) {
            json_object_set_new(got, name,
                                json_pack("{s:o,s:b}", "reply", reply_json(&r, false), "ok", !f.happened));
            json_object_set_new(want, name,
                                json_pack("{s:{s:O,s:O},s:O}", "reply", "text", json_object_get(row, "text"),
                                          "finish_reason", json_object_get(row, "finish_reason"), "ok", ok));
        }
        free(r.text);
        free(e.line);
        free(e.data);
    }
}

// ----

static mw_status run(mw_ctx *c, golden_case *k)
{
    static const struct {
        const char *name;
        void (*run)(mw_ctx *c, const json_t *file, json_t *want, json_t *got);
    } part[] = {{"requests", requests},
                {"answers", answers},
                {"errors", errors},
                {"http", http},
                {"streams", streams}};
    json_t *want = json_object(), *got = json_object();
    for (size_t i = 0; i < sizeof part / sizeof *part && !mw_err(c); i++) {
        const char *path = golden_path(c, k, golden_text(c, k, "%s.json", part[i].name));
        json_t *file = path ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
        json_t *w = json_object(), *g = json_object();
        if (file)
            part[i].run(c, file, w, g);
        else
            mw_fail(c, MW_E_FILE, "%s: can't be read", path);
        json_object_set_new(want, part[i].name, w);
        json_object_set_new(got, part[i].name, g);
        json_decref(file);
    }
    golden_expect_json(k, want);
    return golden_give_json(c, k, got);
}

const golden_family golden_llm_http = {.ops = {"llm.http"}, .expects = true, .run = run};
