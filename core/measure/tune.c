// tune.c: every way of every choice that an op meets, timed; the fastest right one is kept.
#include "core/cl/tune.h"
#include "core/measure/measure.h"
#include "core/measure/task_internal.h"

#include <stdlib.h>
#include <string.h>

// The task's result on the host; NULL on failure. free() it.
static float *result(mw_ctx *c, const mw_task *t, int64_t *n)
{
    mw_scope_begin(c);
    mw_tensor *y = mw_task_run(c, t, 0);
    *n = mw_numel(y);
    float *v = y ? mw_alloc(c, (size_t)*n * sizeof *v) : NULL;
    if (v)
        mw_tensor_read_f32(c, y, v);
    mw_scope_end(c, NULL);
    return v;
}

static bool close_to(const float *a, const float *b, int64_t n, double bound)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)a[i] * a[i];
    }
    return error <= bound * bound * norm; // false for NaN
}

// Seconds of the task as it is set up now; 0: its result is not the reference's. The first result becomes the
// reference. With an error pending nothing was measured.
static double measure(mw_ctx *c, const mw_task *t, float **reference)
{
    const double budget = 0.1, bound = t->dtype == MW_F16 ? 2e-3 : 2e-5;
    int64_t n;
    float *y = result(c, t, &n);
    bool right = y && !mw_err(c) && (!*reference || close_to(*reference, y, n, bound));
    double s = right ? mw_task_time(c, t, budget).seconds : 0;
    if (*reference || mw_cancelled(c) || mw_err(c))
        free(y);
    else
        *reference = y;
    return s;
}

// Times every way of a choice. Returns the fastest right one's index, -1 when there is none. Stops at an
// error other than that a way does not fit into memory.
static int fastest(mw_ctx *c, const mw_task *t, const char *key, const char *const *ways, FILE *log)
{
    float *reference = NULL;
    int best = -1;
    double least = 0;
    for (int w = 0; ways[w] && !mw_cancelled(c) && !mw_tune_set(c, key, ways[w]); w++) {
        double s = measure(c, t, &reference);
        if (mw_err(c) == MW_E_MEMORY) {
            mw_err_clear(c);
            fprintf(log, " %s does not fit", ways[w]);
        } else if (s > 0 && !mw_err(c)) {
            fprintf(log, " %s %.3f ms", ways[w], s * 1e3);
        } else if (!mw_err(c)) {
            fprintf(log, " %s differs", ways[w]);
        }
        if (s > 0 && !mw_err(c) && (best < 0 || s < least)) {
            best = w;
            least = s;
        }
    }
    free(reference);
    return best;
}

// Settle one choice of a task and keep it on disk; what was known of it stays when it is not measured to its
// end.
static void settle(mw_ctx *c, const mw_task *t, const char *key, const char *const *ways, FILE *log)
{
    int before = mw_tune_find(c, key, ways);
    fprintf(log, "%s %s %s:", t->op, t->shape, mw_dtype_name(t->dtype));
    int best = fastest(c, t, key, ways, log);
    if (mw_err(c)) {
        fprintf(log, " (not finished)\n");
        mw_tune_put_back(c, key, before >= 0 ? ways[before] : NULL);
    } else {
        mw_tune_set(c, key, best >= 0 ? ways[best] : NULL);
        mw_tune_save(c);
        fprintf(log, " -> %s\n", best >= 0 ? ways[best] : "none");
    }
    fflush(log);
}

// True the first time that it is given a key.
static bool is_new(mw_ctx *c, const char *key, char ***seen, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp((*seen)[i], key))
            return false;
    char **more = mw_realloc(c, *seen, (*n + 1) * sizeof *more), *own = more ? mw_strdup(c, key) : NULL;
    *seen = more ? more : *seen;
    if (!own)
        return false;
    (*seen)[(*n)++] = own;
    return true;
}

// Settle the choices that a task meets, except those seen.
static void settle_all(mw_ctx *c, const mw_task *t, char ***seen, size_t *nseen, FILE *log)
{
    const char *key;
    const char *const *ways;
    mw_tune_record(c, true);
    mw_scope_begin(c);
    mw_task_run(c, t, 0);
    mw_scope_end(c, NULL);
    for (size_t q = 0; mw_tune_recorded(c, q, &key, &ways) && !mw_cancelled(c); q++)
        if (is_new(c, key, seen, nseen))
            settle(c, t, key, ways, log);
    mw_tune_record(c, false);
}

void mw_tune_sizes(mw_ctx *c, const mw_size *sizes, mw_dtype dtype, FILE *log)
{
    char **seen = NULL;
    size_t nseen = 0;
    for (; sizes->op && !mw_cancelled(c); sizes++) {
        mw_task t;
        mw_scope_begin(c);
        if (mw_task_make(c, sizes, dtype, 0, &t) == MW_OK)
            settle_all(c, &t, &seen, &nseen, log);
        mw_scope_end(c, NULL);
        mw_task_done(c, &t, log);
    }
    for (size_t i = 0; i < nseen; i++)
        free(seen[i]);
    free(seen);
}

mw_status mw_tune(mw_ctx *c, FILE *log)
{
    mw_tune_sizes(c, mw_sizes, MW_F32, log);
    mw_tune_sizes(c, mw_sizes, MW_F16, log);
    return mw_err(c);
}
