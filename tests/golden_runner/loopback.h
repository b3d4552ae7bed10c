// loopback.h: a server on 127.0.0.1 that answers one connection with given bytes.
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include "core/base/ctx.h"

typedef struct loopback loopback;

// Listens on a free port, keeps the first request (headers and body as their length says), sends `bytes` of
// the answer, closes. The bytes are borrowed until loopback_end. NULL with an error pending on failure.
loopback *loopback_begin(mw_ctx *c, const void *bytes, size_t size);
int loopback_port(const loopback *l);
// Waits for the connection's end, or gives up when nobody has come; the request, "" when there was none.
// free() it.
char *loopback_end(loopback *l);

#endif
