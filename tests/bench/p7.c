// p7.c: our side of p7.py: a language model reads a prompt and goes on, greedily, when told to.
//
//   p7 MODEL POSITIONS
//
// Commands on standard input, one line each; every one is answered by one line:
//   prompt ID...    forget what was, read these tokens: seconds, seconds of all processors, the token that
//   follows generate N      go on for N tokens: seconds, seconds of all processors, the tokens memory KiB of
//   private memory beyond those of the open device, now
#include "nodes/nets/llm/llm_network.h"
#include "tests/bench/bench.h"

#include <sys/resource.h>

enum { MOST = 1 << 16 };

typedef struct state {
    mw_ctx *c;
    mw_llm_network net;
    mw_kv_cache *cache;
    float *logits;
    int32_t ids[MOST];
    int32_t next;
} state;

static double processors(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
        1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static long private_kib(void)
{
    long kib = -1;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

// Reads n tokens; `next` is the likeliest that follows.
static void read_tokens(state *s, const int32_t *ids, int64_t n)
{
    mw_ctx *c = s->c;
    int32_t last = (int32_t)n - 1;
    mw_llm_pass p = {
        .batch = 1, .tokens = n, .ids = ids, .cache = s->cache, .blocks = -1, .rows = &last, .n_rows = 1};
    p.want_logits = true;
    mw_scope_begin(c);
    if (mw_llm_forward(c, &s->net, &p) == MW_OK && mw_tensor_read_f32(c, p.logits, s->logits) == MW_OK) {
        s->next = 0;
        for (int32_t i = 1; i < s->net.config.vocab; i++)
            if (s->logits[i] > s->logits[s->next])
                s->next = i;
    }
    mw_scope_end(c, NULL);
}

static void prompt(state *s, char *text)
{
    int64_t n = 0;
    for (char *end; n < MOST; text = end) {
        long id = strtol(text, &end, 10);
        if (end == text)
            break;
        s->ids[n++] = (int32_t)id;
    }
    double start = bench_now(), own = processors();
    mw_kv_cache_cut(s->cache, 0);
    read_tokens(s, s->ids, n);
    printf("%.9f %.9f %d\n", bench_now() - start, processors() - own, s->next);
}

static void generate(state *s, int n)
{
    double start = bench_now(), own = processors();
    for (int i = 0; i < n; i++) {
        s->ids[i] = s->next;
        read_tokens(s, &s->ids[i], 1);
    }
    printf("%.9f %.9f", bench_now() - start, processors() - own);
    for (int i = 0; i < n; i++)
        printf(" %d", s->ids[i]);
    puts("");
}

int main(int argc, char **argv)
{
    static state s;
    static char line[MOST * 8];
    int n;
    if (argc != 3 || !(s.c = mw_ctx_new()))
        return 2;
    mw_device_open(s.c, getenv("MOONWEAVE_DEVICE"), 0, false);
    mw_scope_begin(s.c);
    mw_full(s.c, MW_F32, MW_SHAPE(1), 0);
    mw_device_finish(s.c);
    mw_scope_end(s.c, NULL);
    long empty = private_kib();
    mw_llm_network_open(s.c, argv[1], MW_F32, &s.net);
    s.cache = mw_llm_cache(s.c, &s.net, 1, atoi(argv[2]));
    s.logits = malloc((size_t)(mw_err(s.c) ? 1 : s.net.config.vocab) * sizeof *s.logits);
    puts("ready");
    fflush(stdout);
    while (!mw_err(s.c) && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "prompt ", 7) == 0)
            prompt(&s, line + 7);
        else if (sscanf(line, "generate %d", &n) == 1 && n > 0 && n < MOST)
            generate(&s, n);
        else
            printf("%ld\n", private_kib() - empty);
        fflush(stdout);
    }
    if (mw_err(s.c))
        fprintf(stderr, "%s\n", mw_errmsg(s.c));
    bool failed = mw_err(s.c) != MW_OK;
    free(s.logits);
    mw_kv_cache_free(s.cache);
    mw_llm_network_close(&s.net);
    mw_device_close(s.c);
    mw_ctx_free(s.c);
    return failed;
}
