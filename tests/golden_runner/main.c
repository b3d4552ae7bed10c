// main.c: the program golden: computes reference cases and holds the results against what is expected.
#include "tests/golden_runner/runner.h"

#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/cl/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: golden [--out DIR] [--dtype f32|f16] CASE_FOLDER...\n"
    "Computes each case, prints the error of every tensor against its tolerance, and with --out writes\n"
    "DIR/actual.safetensors (of several cases DIR/<family>/<case>/actual.safetensors).\n"
    "Exit status: 0 all that was computed is right, 4 a case is not readable, 7 a tensor misses its "
    "tolerance.\n";

enum { USAGE = 2, MISSED = 7 };

#define FAMILY(name) extern const golden_family golden_##name;
#include "tests/golden_runner/families.h"
#undef FAMILY

static const golden_family *const families[] = {
#define FAMILY(name) &golden_##name,
#include "tests/golden_runner/families.h"
#undef FAMILY
};

typedef struct {
    const char *out; // NULL: write nothing
    mw_dtype dtype;
    char **folders;
    int n;
} options;

static const golden_family *family_of(const char *op)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const char *const *o = families[i]->ops; *o; o++)
            if (strcmp(*o, op) == 0)
                return families[i];
    return NULL;
}

// ---- writing

static mw_status write_tensors(mw_ctx *c, const golden_case *k, const char *folder)
{
    size_t n = 0, i = 0;
    for (const golden_result *r = k->results; r; r = r->next)
        n++;
    mw_st_out *list = mw_alloc(c, (n + 1) * sizeof *list);
    char *path = mw_format(c, "%s/actual.safetensors", folder);
    for (const golden_result *r = k->results; list && r; r = r->next)
        list[i++] = (mw_st_out){r->want->name, r->want->dtype, r->ndim, r->shape, r->bytes};
    if (list && path && n)
        mw_st_write(c, path, list, n, NULL);
    free(list);
    free(path);
    return mw_err(c);
}

static mw_status write_json(mw_ctx *c, const golden_case *k, const char *folder)
{
    char *path = mw_format(c, "%s/actual.json", folder);
    char *text = json_dumps(k->actual_json, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    if (path && text)
        mw_file_write(c, path, text, strlen(text));
    free(text);
    free(path);
    return mw_err(c);
}

static mw_status write_actual(mw_ctx *c, const golden_case *k, const options *o)
{
    char *folder = o->n == 1 ? mw_strdup(c, o->out) : mw_format(c, "%s/%s", o->out, k->name);
    if (folder && mw_make_dirs(c, folder) == MW_OK) {
        write_tensors(c, k, folder);
        if (k->actual_json)
            write_json(c, k, folder);
    }
    free(folder);
    return mw_err(c);
}

// ---- running

static void compute(mw_ctx *c, golden_case *k)
{
    const golden_family *f = family_of(k->op);
    if (!k->expected && !k->expected_json && !(f && f->expects)) {
        mw_fail(c, MW_E_FILE, "%s: neither expected.safetensors nor expected.json is there", k->folder);
        return;
    }
    if (!f) {
        printf("%s: op %s is not computed yet\n", k->name, k->op);
        return;
    }
    if (f->device && !c->stream && mw_device_open(c, NULL, 0, false))
        return;
    mw_scope_begin(c);
    f->run(c, k);
    mw_scope_end(c, NULL);
}

// The exit status of a pending error, which is printed and forgotten; 0 without one.
static int settle(mw_ctx *c, const char *folder)
{
    int code = mw_status_exit_code(mw_err(c));
    if (code) {
        fflush(stdout);
        fprintf(stderr, "golden: %s: %s\n", folder, mw_errmsg(c));
    }
    mw_err_clear(c);
    return code;
}

static int larger(int a, int b) { return a > b ? a : b; }

// Runs one case and prints its lines. Returns the exit status it asks for.
static int run_case(mw_ctx *c, const char *folder, const options *o)
{
    golden_case k;
    int code = 0;
    if (golden_open(c, &k, folder, o->dtype) == MW_OK) {
        compute(c, &k);
        code = settle(c, folder);
        if (golden_report(c, &k) + golden_report_json(&k) > 0)
            code = larger(code, MISSED);
        if (o->out)
            write_actual(c, &k, o);
    }
    code = larger(code, settle(c, folder));
    golden_close(&k);
    return code;
}

// Options may stand before, between and after the folders; these are moved to the front of argv.
static bool parse(int argc, char **argv, options *o)
{
    *o = (options){.dtype = MW_F32, .folders = argv};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strncmp(argv[i], "--", 2) != 0)
            argv[o->n++] = argv[i];
        else if (strcmp(argv[i], "--out") == 0 && *value)
            o->out = argv[++i];
        else if (strcmp(argv[i], "--dtype") == 0 && (strcmp(value, "f32") == 0 || strcmp(value, "f16") == 0))
            o->dtype = argv[++i][1] == '1' ? MW_F16 : MW_F32;
        else
            return fprintf(stderr, "golden: '%s' is no option, or its value is missing or wrong\n", argv[i]),
                   false;
    }
    return o->n > 0;
}

int main(int argc, char **argv)
{
    options o;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) < 0;
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return USAGE;
    }
    mw_ctx *c = mw_ctx_new();
    if (!c)
        return 1;
    int code = 0;
    for (int i = 0; i < o.n; i++)
        code = larger(code, run_case(c, o.folders[i], &o));
    if (c->stream)
        mw_device_close(c);
    mw_ctx_free(c);
    return code;
}
