// compare.c: results held against what is expected.
//
// A tensor is right when BOTH max|got - want| <= max_abs and ||got - want|| / ||want|| <= rel_l2. The
// tolerance is the entry of its name under tolerance.tensors, else the two numbers at the top; of f32 where
// the case has none for f16. `levels` and `share` (pictures): no value is off by more than that many levels,
// and no more than that share of the values is off by half a level. Where a case limits nothing
// ("exact": true), values must be equal.
#include "tests/golden_runner/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double max_abs, rel_l2, levels, share; // negative: not limited
} limits;

typedef struct {
    double max_abs, rel_l2, share;
} errors;

static void take(const json_t *o, const char *key, double *to)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_number(v))
        *to = json_number_value(v);
}

static limits limits_of(const golden_case *k, const char *name)
{
    limits l = {-1, -1, -1, -1};
    const json_t *all = json_object_get(k->json, "tolerance");
    const json_t *own = json_object_get(json_object_get(all, "tensors"), name);
    const char *dtype = k->dtype == MW_F16 ? "f16" : "f32";
    const json_t *const found[] = {json_object_get(own, dtype), json_object_get(all, dtype),
                                   json_object_get(own, "f32"), json_object_get(all, "f32")};
    for (int i = 0; i < 4; i++) {
        if (!json_is_object(found[i]))
            continue;
        take(found[i], "max_abs", &l.max_abs);
        take(found[i], "rel_l2", &l.rel_l2);
        break;
    }
    take(own, "levels", &l.levels);
    take(own, "share", &l.share);
    if (l.max_abs < 0 && l.rel_l2 < 0 && l.levels < 0)
        l.max_abs = 0;
    return l;
}

// False when a value is not finite where a finite one is expected.
static bool measure(const double *got, const double *want, int64_t n, errors *e)
{
    double difference = 0, size = 0;
    int64_t off = 0;
    *e = (errors){0};
    for (int64_t i = 0; i < n; i++) {
        double d = fabs(got[i] - want[i]);
        if (!isfinite(got[i]))
            return false;
        difference += d * d;
        size += want[i] * want[i];
        off += d > 0.5;
        e->max_abs = d > e->max_abs ? d : e->max_abs;
    }
    e->rel_l2 = size > 0 ? sqrt(difference / size) : difference > 0 ? INFINITY : 0;
    e->share = n ? (double)off / (double)n : 0;
    return true;
}

static bool within(double error, double limit) { return limit < 0 || error <= limit; }

static bool passes(const errors *e, const limits *l)
{
    return within(e->max_abs, l->max_abs) && within(e->rel_l2, l->rel_l2) && within(e->max_abs, l->levels) &&
        (l->levels < 0 || within(e->share, l->share));
}

static void print_shape(int ndim, const int64_t *shape)
{
    putchar('[');
    for (int i = 0; i < ndim; i++)
        printf("%s%lld", i ? "," : "", (long long)shape[i]);
    putchar(']');
}

static bool same_shape(const golden_result *r)
{
    return r->ndim == r->want->ndim &&
        memcmp(r->shape, r->want->shape, (size_t)r->ndim * sizeof *r->shape) == 0;
}

// Prints the line of a computed tensor; true when it is right.
static bool report_one(mw_ctx *c, const golden_case *k, const golden_result *r)
{
    const mw_st_entry *w = r->want;
    if (!same_shape(r)) {
        printf("  MISS  %-56s shape ", w->name);
        print_shape(r->ndim, r->shape);
        printf(", expected ");
        print_shape(w->ndim, w->shape);
        putchar('\n');
        return false;
    }
    double *got = golden_unpack(c, w->name, w->dtype, r->bytes, r->count);
    double *want = got ? golden_unpack(c, w->name, w->dtype, w->data, w->count) : NULL;
    limits l = limits_of(k, w->name);
    errors e = {0};
    bool finite = want && measure(got, want, r->count, &e), ok = finite && passes(&e, &l);
    if (want && !finite)
        printf("  MISS  %-56s NaN or infinity in it\n", w->name);
    else if (want)
        printf("  %s  %-56s max_abs %.2e (<= %.1e)  rel_l2 %.2e (<= %.1e)\n", ok ? "ok  " : "MISS", w->name,
               e.max_abs, l.max_abs, e.rel_l2, l.rel_l2);
    free(got);
    free(want);
    return ok;
}

int golden_report(mw_ctx *c, const golden_case *k)
{
    int misses = 0, right = 0, missing = 0;
    for (size_t i = 0; k->expected && i < mw_st_count(k->expected); i++) {
        const mw_st_entry *want = mw_st_at(k->expected, i);
        const golden_result *r = k->results;
        while (r && r->want != want)
            r = r->next;
        if (!r) {
            printf("  --    %-56s not computed\n", want->name);
            missing++;
        } else if (report_one(c, k, r)) {
            right++;
        } else {
            misses++;
        }
    }
    if (k->expected)
        printf("%s: %d right, %d missed, %d not computed\n", k->name, right, misses, missing);
    return misses;
}

// ---- JSON

static bool same_number(const golden_case *k, double got, double want)
{
    const json_t *any = json_object_get(json_object_get(k->json, "tolerance"), "any");
    double rtol = 1e-12, atol = 0;
    take(any, "rtol", &rtol);
    take(any, "atol", &atol);
    return got == want || fabs(got - want) <= atol + rtol * fabs(want);
}

static int differs(const char *path, const char *what)
{
    printf("  MISS  %s: %s\n", path, what);
    return 1;
}

static int compare_json(const golden_case *k, const char *path, const json_t *got, const json_t *want);

// Of an error only that there is one counts, not its wording.
static int compare_objects(const golden_case *k, const char *path, const json_t *got, const json_t *want)
{
    int misses = 0;
    const char *key;
    json_t *v;
    char inner[512];
    json_object_foreach((json_t *)want, key, v)
    {
        const json_t *g = json_object_get(got, key);
        snprintf(inner, sizeof inner, "%s.%s", path, key);
        if (!g)
            misses += differs(inner, "missing");
        else if (strcmp(key, "error") != 0 || json_is_null(v) != json_is_null(g))
            misses += compare_json(k, inner, g, v);
    }
    json_object_foreach((json_t *)got, key, v)
    {
        snprintf(inner, sizeof inner, "%s.%s", path, key);
        if (!json_object_get(want, key))
            misses += differs(inner, "not expected");
    }
    return misses;
}

static int compare_json(const golden_case *k, const char *path, const json_t *got, const json_t *want)
{
    if (json_is_number(want) && json_is_number(got))
        return same_number(k, json_number_value(got), json_number_value(want))
            ? 0
            : differs(path, "another number");
    if (json_typeof(got) != json_typeof(want))
        return differs(path, "another type");
    if (json_is_object(want))
        return compare_objects(k, path, got, want);
    if (!json_is_array(want))
        return json_equal(got, want) ? 0 : differs(path, "another value");
    if (json_array_size(got) != json_array_size(want))
        return differs(path, "another number of items");
    int misses = 0;
    char inner[512];
    for (size_t i = 0; i < json_array_size(want); i++) {
        snprintf(inner, sizeof inner, "%s[%zu]", path, i);
        misses += compare_json(k, inner, json_array_get(got, i), json_array_get(want, i));
    }
    return misses;
}

int golden_report_json(const golden_case *k)
{
    if (!k->expected_json)
        return 0;
    if (!k->actual_json) {
        printf("%s: expected.json not computed\n", k->name);
        return 0;
    }
    int misses = compare_json(k, "expected.json", k->actual_json, k->expected_json);
    printf("%s: expected.json %s\n", k->name, misses ? "missed" : "right");
    return misses;
}
