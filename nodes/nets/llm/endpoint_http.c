// endpoint_http.c: a question posted to a server with libcurl, and its answer.
#include "nodes/nets/llm/endpoint_internal.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REDIRECTS = 3, POLL_MS = 100 };
static const double connect_seconds = 15;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;
static void init(void) { ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }

typedef struct transfer {
    mw_ctx *c;
    const mw_http_call *call;
    mw_http_answer *out;
    mw_fault *f;
    CURL *easy;
    char words[CURL_ERROR_SIZE]; // libcurl's of a failure
    double heard;                // when the last byte came
    size_t bytes;
} transfer;

// ---- addresses

// A part of an address; curl_free() it; NULL: it has none.
static char *part(const char *url, CURLUPart which)
{
    char *text = NULL;
    CURLU *u = curl_url();
    if (u && !curl_url_set(u, CURLUPART_URL, url, 0) && curl_url_get(u, which, &text, CURLU_DEFAULT_PORT))
        text = NULL;
    curl_url_cleanup(u);
    return text;
}

static bool has(const char *url, CURLUPart which)
{
    char *text = part(url, which);
    curl_free(text);
    return text;
}

static bool is_http(const char *url)
{
    char *scheme = part(url, CURLUPART_SCHEME);
    bool http = scheme && (!strcasecmp(scheme, "http") || !strcasecmp(scheme, "https"));
    curl_free(scheme);
    return http;
}

const char *mw_http_wrong(const char *url)
{
    if (!strstr(url, "://") || !is_http(url) || !has(url, CURLUPART_HOST))
        return "must be an address as http://127.0.0.1:8080/v1";
    if (has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD))
        return "must not hold a name or password: they would get into logs and pictures; a key belongs into "
               "the "
               "environment variable that 'key_env' names";
    if (has(url, CURLUPART_QUERY) || has(url, CURLUPART_FRAGMENT))
        return "must not hold a query (?...) or a fragment (#...)";
    return NULL;
}

bool mw_http_is_open(const char *url)
{
    char *scheme = part(url, CURLUPART_SCHEME), *host = part(url, CURLUPART_HOST);
    bool local =
        host && (!strcasecmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "[::1]"));
    bool open = scheme && !strcasecmp(scheme, "http") && !local;
    curl_free(scheme);
    curl_free(host);
    return open;
}

static bool same_part(const char *a, const char *b, CURLUPart which)
{
    char *x = part(a, which), *y = part(b, which);
    bool same = x && y && !strcasecmp(x, y);
    curl_free(x);
    curl_free(y);
    return same;
}

static bool same_server(const char *a, const char *b)
{
    return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
        same_part(a, b, CURLUPART_PORT);
}

// ---- one transfer

static size_t take_header(char *at, size_t size, size_t n, void *user)
{
    transfer *t = user;
    static const char events[] = "content-type: text/event-stream";
    (void)size;
    if (n > 5 && !strncasecmp(at, "http/", 5))
        t->out->events = false; // another answer begins: after 100 Continue
    if (n >= sizeof events - 1 && !strncasecmp(at, events, sizeof events - 1))
        t->out->events = true;
    t->heard = mw_seconds();
    return n;
}

static size_t take_body(char *at, size_t size, size_t n, void *user)
{
    transfer *t = user;
    long status = 0;
    (void)size;
    t->heard = mw_seconds();
    t->bytes += n;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->out->events = t->out->events && status == 200;
    if (t->bytes > MW_HTTP_LARGEST)
        mw_fault_set(t->f, false, "the answer is longer than %zu MiB", MW_HTTP_LARGEST >> 20);
    else if (t->out->events)
        t->call->on_events(t->call->user, at, n);
    else
        mw_bytes_add(t->c, &t->out->body, &t->out->n, at, n);
    return t->f->happened || mw_err(t->c) ? 0 : n;
}

static void judge(transfer *t, CURLcode code)
{
    char shown[200];
    const char *words = mw_printable(*t->words ? t->words : curl_easy_strerror(code), shown, sizeof shown);
    switch (code) {
    case CURLE_OK: return;
    case CURLE_COULDNT_CONNECT: mw_fault_set(t->f, true, "%s: is the server running?", words); return;
    case CURLE_GOT_NOTHING:
        mw_fault_set(t->f, true, "the server closed the connection without an answer");
        return;
    case CURLE_PARTIAL_FILE:
        mw_fault_set(t->f, true, "the answer ends too early: %zu bytes came", t->bytes);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        mw_fault_set(t->f, true, "no connection within %g s", connect_seconds);
        return;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: mw_fault_set(t->f, true, "the connection broke: %s", words); return;
    default: mw_fault_set(t->f, false, "%s", words);
    }
}

// Until it is done, or nothing came for too long, or the user stops it.
static void drive(transfer *t, CURLM *multi)
{
    int running = 1, left;
    while (running && !mw_cancelled(t->c) && !mw_err(t->c)) {
        if (curl_multi_perform(multi, &running) ||
            (running && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL))) {
            mw_fault_set(t->f, false, "libcurl failed");
            return;
        }
        if (running && mw_seconds() - t->heard > t->call->timeout) {
            mw_fault_set(t->f, true, "no answer within %g s", t->call->timeout);
            return;
        }
    }
    for (CURLMsg *m = NULL; (m = curl_multi_info_read(multi, &left));)
        if (m->msg == CURLMSG_DONE)
            judge(t, m->data.result);
}

static struct curl_slist *headers_of(const mw_http_call *call)
{
    static const char *const always[] = {"Content-Type: application/json", "Accept-Encoding: identity",
                                         "Expect:"};
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        list = curl_slist_append(list, always[i]);
    if (call->stream)
        list = curl_slist_append(list, "Accept: text/event-stream");
    if (call->key) {
        size_t n = strlen(call->key) + sizeof "Authorization: Bearer ";
        char *line = malloc(n);
        if (line) {
            snprintf(line, n, "Authorization: Bearer %s", call->key);
            list = curl_slist_append(list, line);
            explicit_bzero(line, n);
        }
        free(line);
    }
    return list;
}

static void set_up(transfer *t, const char *url, struct curl_slist *headers)
{
    CURL *h = t->easy;
    *t->words = 0;
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->words);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "moonweave");
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_seconds * 1000));
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, t->call->body);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(t->call->body));
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
}

// What is to be asked again elsewhere; NULL: nothing. free() it.
static char *redirect(transfer *t, const char *url)
{
    char *to = NULL, shown[200];
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
    if (!to || t->f->happened)
        return NULL;
    bool keeps = (t->out->status == 307 || t->out->status == 308) && same_server(url, to);
    if (!keeps)
        mw_fault_set(
            t->f, false,
            "the server sends on to %s; nothing is sent there: name that address as the endpoint if it is "
            "the right one",
            mw_printable(to, shown, sizeof shown));
    return keeps ? mw_strdup(t->c, to) : NULL;
}

// One question to one address. The address to go on to, or NULL.
static char *ask(transfer *t, const char *url)
{
    char *next = NULL;
    curl_off_t wait = 0;
    struct curl_slist *headers = headers_of(t->call);
    CURLM *multi = curl_multi_init();
    t->easy = curl_easy_init();
    t->heard = mw_seconds();
    if (!headers || !multi || !t->easy) {
        mw_fail(t->c, MW_E_MEMORY, "host memory ran out");
    } else {
        set_up(t, url, headers);
        curl_multi_add_handle(multi, t->easy);
        drive(t, multi);
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->out->status);
        curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
        t->f->wait = (double)wait;
        next = redirect(t, url);
        curl_multi_remove_handle(multi, t->easy);
    }
    curl_easy_cleanup(t->easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    return next;
}

mw_status mw_http_post(mw_ctx *c, const mw_http_call *call, mw_http_answer *out, mw_fault *f)
{
    transfer t = {.c = c, .call = call, .out = out, .f = f};
    char *url = mw_strdup(c, call->url);
    *out = (mw_http_answer){0};
    pthread_once(&once, init);
    if (!ready)
        mw_fault_set(f, false, "libcurl can't be used");
    for (int i = 0; url && !mw_err(c) && !f->happened; i++) {
        if (i > REDIRECTS)
            mw_fault_set(f, false, "the server sends on and on");
        free(out->body);
        *out = (mw_http_answer){0};
        char *next = f->happened ? NULL : ask(&t, url);
        free(url);
        url = next;
    }
    free(url);
    return mw_err(c);
}
