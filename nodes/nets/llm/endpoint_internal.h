// endpoint_internal.h: the parts of a call to a server: its body, HTTP, the answer whole or in events.
#ifndef MW_ENDPOINT_INTERNAL_H
#define MW_ENDPOINT_INTERNAL_H

#include "nodes/nets/llm/endpoint.h"

#include <jansson.h>

// What went wrong with one try: data, since another try may follow.
typedef struct mw_fault {
    bool happened, retry; // retry: the same again may help
    double wait;          // seconds that the server asks for; 0: it does not say
    char words[512];      // fit to be shown
} mw_fault;
// printf into f->words, unless a fault is there already.
void mw_fault_set(mw_fault *f, bool retry, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

// ---- endpoint_body.c
// The body of a question as JSON; what is not set is left out. free() it.
char *mw_endpoint_body(mw_ctx *c, const char *model, bool chat, const mw_llm_request *r, bool stream);

// ---- endpoint_answer.c
// The answer so far. Free `text`.
typedef struct mw_reply {
    char *text; // `n` bytes and a zero
    size_t n;
    size_t prompt_tokens; // 0: not told
    char finish[24];      // "stop", "length", ...; "": not told
} mw_reply;
// The body of an answer with status 200.
void mw_reply_read(mw_ctx *c, mw_reply *r, const char *body, size_t n, mw_fault *f);
// One event's JSON: adds what it brings; an error in it is the fault.
void mw_reply_event(mw_ctx *c, mw_reply *r, const char *json, size_t n, mw_fault *f);
// Any other status, with the server's words, in whichever of the usual shapes.
void mw_reply_refused(int status, const char *body, size_t n, mw_fault *f);

// ---- endpoint_events.c
// Server-sent events, cut anywhere. Starts all zero; free `line` and `data`.
typedef struct mw_events {
    char *line, *data;
    size_t nline, ndata;
    bool after_cr, done; // done: [DONE] came
} mw_events;
void mw_events_feed(mw_ctx *c, mw_events *e, mw_reply *r, const char *at, size_t n, mw_fault *f);
// The connection ended: a fault where the answer had not.
void mw_events_end(mw_ctx *c, mw_events *e, mw_reply *r, mw_fault *f);

// ---- endpoint_http.c
#define MW_HTTP_LARGEST ((size_t)16 << 20) // bytes of an answer
typedef struct mw_http_call {
    const char *url, *body, *key; // key: NULL: none
    bool stream;                  // events are welcome
    double timeout;               // seconds without a byte
    // Called with what comes of events; of other answers nothing.
    void (*on_events)(void *user, const char *at, size_t n);
    void *user;
} mw_http_call;
typedef struct mw_http_answer {
    long status;
    bool events; // the answer is a stream of events: `body` is empty
    char *body;  // free() it
    size_t n;
} mw_http_answer;
// Posts. A redirect is followed where a POST stays one (307, 308) and the address keeps its scheme, host and
// port; any other is a fault. What fails besides c's memory and cancellation is a fault.
mw_status mw_http_post(mw_ctx *c, const mw_http_call *call, mw_http_answer *out, mw_fault *f);
// NULL when the address can be used; else what is wrong with it.
const char *mw_http_wrong(const char *url);
// What is sent there can be read on the way: http, and not to this machine.
bool mw_http_is_open(const char *url);

// Adds bytes and a zero behind; MW_E_MEMORY when out.
mw_status mw_bytes_add(mw_ctx *c, char **at, size_t *n, const char *more, size_t count);

#endif
