// endpoint.c: a language model behind an OpenAI-compatible server: opened, asked, asked again.
#include "nodes/nets/llm/endpoint_internal.h"

#include "core/base/clock.h"
#include "core/base/env.h"
#include "core/graph/node.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHORTEST_KEY = 4, MOST_STOPS = 4 }; // a shorter key is no secret, and its letters stand everywhere

typedef struct endpoint {
    mw_llm llm;
    char *url, *model, *key_env; // url: what is posted to
    double timeout, wait, longest_wait;
    int tries;
} endpoint;

static void free_endpoint(mw_object *o)
{
    endpoint *e = (endpoint *)o;
    free(e->llm.name);
    free(e->url);
    free(e->model);
    free(e->key_env);
    free(e);
}

static const mw_object_type object_type = {.name = "llm", .free = free_endpoint};

// ---- the key

// Borrowed from the environment; NULL: none is to be sent, or it can't be (then with an error).
static const char *key_of(mw_ctx *c, const endpoint *e)
{
    const char *key = e->key_env ? getenv(e->key_env) : NULL;
    if (e->key_env && (!key || !*key))
        mw_fail(c, MW_E_USAGE, "the environment variable '%s', which 'key_env' names, is not set",
                e->key_env);
    for (const char *p = key; p && *p; p++)
        if ((unsigned char)*p < 0x21 || (unsigned char)*p > 0x7e) {
            mw_fail(c, MW_E_USAGE,
                    "the key in the environment variable '%s' holds a blank or another character "
                    "that no key has",
                    e->key_env);
            break;
        }
    return mw_err(c) ? NULL : key;
}

// A server may repeat the key in what it says: it becomes asterisks.
static void take_out(char *text, size_t size, const char *key)
{
    size_t n = key ? strlen(key) : 0;
    char *end = text + size;
    for (char *at = text; n >= SHORTEST_KEY && size && (at = memmem(at, (size_t)(end - at), key, n)); at += n)
        memset(at, '*', n);
}

// ---- one try

typedef struct asking {
    mw_ctx *c;
    const mw_llm_request *r;
    mw_events events;
    mw_reply reply;
    mw_fault fault;
    size_t told; // bytes that the listener has
} asking;

static void tell(asking *a)
{
    if (a->r->on_text && a->reply.n > a->told)
        a->r->on_text(a->r->user, a->reply.text + a->told, a->reply.n - a->told);
    a->told = a->reply.n;
}

static void take_events(void *user, const char *at, size_t n)
{
    asking *a = user;
    mw_events_feed(a->c, &a->events, &a->reply, at, n, &a->fault);
    tell(a);
}

static void begin(asking *a)
{
    free(a->reply.text);
    free(a->events.line);
    free(a->events.data);
    a->reply = (mw_reply){0};
    a->events = (mw_events){0};
    a->fault = (mw_fault){0};
    a->told = 0;
}

static void ask(asking *a, const endpoint *e, const char *body, const char *key)
{
    mw_http_answer h;
    mw_http_call call = {e->url, body, key, a->r->on_text != NULL, e->timeout, take_events, a};
    begin(a);
    mw_http_post(a->c, &call, &h, &a->fault);
    if (mw_err(a->c) || a->fault.happened) {
        free(h.body);
        return;
    }
    take_out(h.body, h.n, key); // before what is shown of it is cut
    if (h.status != 200)
        mw_reply_refused((int)h.status, h.body, h.n, &a->fault);
    else if (h.events)
        mw_events_end(a->c, &a->events, &a->reply, &a->fault);
    else
        mw_reply_read(a->c, &a->reply, h.body, h.n, &a->fault);
    free(h.body);
    tell(a);
}

// ---- several

// "graphs/lmd.lua:12: layout_llm", for warnings; "llm" outside of a graph.
static char *asker(mw_ctx *c)
{
    const mw_node_type *t = mw_running_type();
    return t ? mw_format(c, "%s: %s", mw_running_where(), t->name) : mw_strdup(c, "llm");
}

static void pause_for(mw_ctx *c, double seconds)
{
    double end = mw_seconds() + seconds;
    while (mw_seconds() < end && !mw_cancelled(c))
        nanosleep(&(struct timespec){0, 20000000}, NULL);
}

// How long before try number `next`, from 2.
static double wait_before(const endpoint *e, const mw_fault *f, int next)
{
    double wait = f->wait > 0 ? f->wait : e->wait * pow(2, next - 2);
    return fmin(wait, e->longest_wait);
}

static void ask_until(asking *a, const endpoint *e, const char *body, const char *key)
{
    for (int n = 1;; n++) {
        ask(a, e, body, key);
        take_out(a->fault.words, strlen(a->fault.words), key);
        if (mw_err(a->c) || !a->fault.happened)
            return;
        if (!a->fault.retry || a->told || n == e->tries) {
            char times[32] = "";
            if (n > 1)
                snprintf(times, sizeof times, " (asked %d times)", n);
            mw_fail(a->c, MW_E_RUN, "%s: %s%s", e->llm.name, a->fault.words, times);
            return;
        }
        double wait = wait_before(e, &a->fault, n + 1);
        char *where = asker(a->c);
        mw_warn(a->c, "%s: %s: %s; asking again in %g s (%d of %d)", where ? where : "llm", e->llm.name,
                a->fault.words, wait, n + 1, e->tries);
        free(where);
        pause_for(a->c, wait);
    }
}

static mw_llm_reason reason_of(const mw_reply *r)
{
    return !strcmp(r->finish, "length") ? MW_LLM_LENGTH
        : !strcmp(r->finish, "stop")    ? MW_LLM_STOP
                                        : MW_LLM_END;
}

static mw_status complete(mw_ctx *c, mw_llm *m, const mw_llm_request *r, mw_llm_answer *out)
{
    endpoint *e = (endpoint *)m;
    asking a = {.c = c, .r = r};
    if (r->grammar)
        return mw_fail(c, MW_E_ARG,
                       "%s: a grammar needs a model that runs here: servers have no common way to be "
                       "told of one",
                       m->name);
    if (r->n_stop > MOST_STOPS)
        return mw_fail(c, MW_E_ARG, "%s: a server takes at most %d stop texts, got %zu", m->name, MOST_STOPS,
                       r->n_stop);
    const char *key = key_of(c, e);
    char *body = mw_err(c) ? NULL : mw_endpoint_body(c, e->model, m->chats, r, r->on_text != NULL);
    if (body)
        ask_until(&a, e, body, key);
    free(body);
    out->text = a.reply.text ? a.reply.text : mw_strdup(c, "");
    out->length = a.reply.n;
    out->prompt_tokens = a.reply.prompt_tokens;
    out->reason = reason_of(&a.reply);
    a.reply.text = NULL;
    begin(&a);
    return mw_err(c);
}

static const mw_llm_type llm_type = {.complete = complete};

// ---- opening

static void check(mw_ctx *c, const mw_endpoint_options *o)
{
    static const char refused[] =
        "was neither typed as a parameter (-p) nor is it in the configuration file; whom "
        "a script talks to, and with which key, is its user's to say (or --trust)";
    mw_env env = mw_env_of(c);
    const char *wrong = mw_http_wrong(o->url);
    if (wrong && strchr(o->url, '@'))
        mw_fail(c, MW_E_ARG, "the endpoint %s", wrong);
    else if (wrong)
        mw_fail(c, MW_E_ARG, "the endpoint %s, got '%s'", wrong, o->url);
    if (mw_err(c) || !env.may_contact)
        return;
    // Both are asked, so that both can be told how to be let.
    bool here = env.may_contact(env.user, o->url), key = !o->key_env || env.may_contact(env.user, o->key_env);
    if (!here)
        mw_fail(c, MW_E_SCRIPT, "the endpoint '%s' %s", o->url, refused);
    else if (!key)
        mw_fail(c, MW_E_SCRIPT, "the key's variable '%s' %s", o->key_env, refused);
}

static void warn_of_open_key(mw_ctx *c, const mw_endpoint_options *o)
{
    char *where = o->key_env && mw_http_is_open(o->url) ? asker(c) : NULL;
    if (where)
        mw_warn(c, "%s: the key goes to %s as it is: whoever is on the way can read it (https hides it)",
                where, o->url);
    free(where);
}

static bool ends_in(const char *text, size_t n, const char *end)
{
    size_t k = strlen(end);
    return n >= k && !memcmp(text + n - k, end, k);
}

static void place(mw_ctx *c, endpoint *e, const char *url)
{
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    bool chat = ends_in(url, n, "/chat/completions"), text = !chat && ends_in(url, n, "/completions");
    e->url = mw_format(c, "%.*s%s", (int)n, url, chat || text ? "" : "/chat/completions");
    e->llm.chats = e->llm.chats_only = !text;
}

mw_llm *mw_endpoint_open(mw_ctx *c, const mw_endpoint_options *o)
{
    check(c, o);
    if (!mw_err(c))
        warn_of_open_key(c, o);
    endpoint *e = mw_err(c) ? NULL : mw_alloc(c, sizeof *e);
    if (!e)
        return NULL;
    *e = (endpoint){.llm = {.object = {.type = &object_type}, .type = &llm_type},
                    .timeout = o->timeout,
                    .wait = o->wait,
                    .longest_wait = o->longest_wait,
                    .tries = o->tries};
    atomic_init(&e->llm.object.refs, 1);
    place(c, e, o->url);
    e->model = o->model ? mw_strdup(c, o->model) : NULL;
    e->key_env = o->key_env ? mw_strdup(c, o->key_env) : NULL;
    e->llm.name = o->model ? mw_format(c, "%s at %s", o->model, o->url) : mw_strdup(c, o->url);
    if (!mw_err(c))
        return &e->llm;
    free_endpoint(&e->llm.object);
    return NULL;
}
