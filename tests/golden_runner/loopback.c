// loopback.c: a server on 127.0.0.1 that answers one connection with given bytes.
#include "tests/golden_runner/loopback.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST_REQUEST = 1 << 16 };

struct loopback {
    int socket, port;
    const char *bytes;
    size_t size;
    char request[LARGEST_REQUEST];
    pthread_t thread;
};

// All of it is there: the headers, and as many bytes behind them as they say.
static bool whole(const char *request, size_t n)
{
    const char *body = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "content-length:");
    size_t want = length ? strtoul(length + 15, NULL, 10) : 0;
    return body && n >= (size_t)(body + 4 - request) + want;
}

static void *serve(void *arg)
{
    loopback *l = arg;
    int s = accept(l->socket, NULL, NULL);
    if (s < 0)
        return NULL;
    size_t n = 0;
    for (ssize_t k = 1; k > 0 && n + 1 < LARGEST_REQUEST && !whole(l->request, n); n += k > 0 ? (size_t)k : 0)
        k = read(s, l->request + n, LARGEST_REQUEST - 1 - n);
    for (size_t at = 0; at < l->size;) {
        ssize_t k = send(s, l->bytes + at, l->size - at, MSG_NOSIGNAL);
        if (k <= 0)
            break;
        at += (size_t)k;
    }
    close(s);
    return NULL;
}

loopback *loopback_begin(mw_ctx *c, const void *bytes, size_t size)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    loopback *l = mw_alloc(c, sizeof *l);
    if (!l)
        return NULL;
    l->bytes = bytes;
    l->size = size;
    l->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (l->socket < 0 || bind(l->socket, (struct sockaddr *)&a, sizeof a) || listen(l->socket, 4) ||
        getsockname(l->socket, (struct sockaddr *)&a, &n) || pthread_create(&l->thread, NULL, serve, l)) {
        mw_fail(c, MW_E_RUN, "no server on 127.0.0.1");
        close(l->socket);
        free(l);
        return NULL;
    }
    l->port = ntohs(a.sin_port);
    return l;
}

int loopback_port(const loopback *l) { return l->port; }

char *loopback_end(loopback *l)
{
    shutdown(l->socket, SHUT_RDWR); // accept returns, where nobody has come
    pthread_join(l->thread, NULL);
    char *request = strdup(l->request);
    close(l->socket);
    free(l);
    return request;
}
