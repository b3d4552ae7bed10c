// program.c: kernels by name: compiled once, kept in memory and on disk.
//
// The key of a compiled program is a hash of everything that went into it: source, prelude, options, device,
// driver. A file of the disk cache (program_file.c) that is damaged, belongs to another program or lacks a
// kernel is compiled again. A program is kept there once a kernel of it was found.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/cl/device_internal.h"
#include "core/cl/driver_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

// Whoever first wants a program builds it, with its own lock held and no other; who wants the same meanwhile
// waits. Another device of the same kind takes it from the disk then.
typedef struct program {
    pthread_mutex_t lock; // of all below but `next`
    char *key;            // "file|options"
    cl_program program;
    bool from_disk; // not compiled in this process
    char *unsaved;  // where it is to be kept; NULL: nowhere, or it is there
    mw_turn turn;   // at what is kept there: devices that are alike share it
    struct program *next;
} program;

struct mw_kernel {
    pthread_mutex_t lock;   // of the kernel and its arguments
    char *key;              // "file|options|entry"
    cl_kernel kernel;       // NULL until it was made
    atomic_ullong launches; // since they were last asked for
    struct mw_kernel *next;
};

enum { BUCKETS = 256, LONGEST_SOURCE = 1 << 20 };

struct mw_programs {
    pthread_mutex_t lock; // of the two tables and the prelude; never held while something is built
    program *programs;
    mw_kernel *kernels[BUCKETS];
    char *cache_dir; // NULL: no disk cache
    char *prelude;
};

struct mw_programs *mw_programs_new(mw_ctx *c)
{
    struct mw_programs *p = mw_alloc(c, sizeof *p);
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->cache_dir = mw_cache_dir(c, "kernels");
    if (!p->cache_dir && mw_err(c) != MW_E_MEMORY) {
        mw_warn(c, "compiled kernels are not kept: %s", mw_errmsg(c));
        mw_err_clear(c);
    }
    return p;
}

void mw_programs_free(struct mw_programs *p)
{
    if (!p)
        return;
    for (int i = 0; i < BUCKETS; i++)
        for (mw_kernel *k = p->kernels[i], *next; k; k = next) {
            next = k->next;
            if (k->kernel)
                clReleaseKernel(k->kernel);
            pthread_mutex_destroy(&k->lock);
            free(k->key);
            free(k);
        }
    for (program *g = p->programs, *next; g; g = next) {
        next = g->next;
        if (g->program)
            clReleaseProgram(g->program);
        pthread_mutex_destroy(&g->lock);
        free(g->key);
        free(g->unsaved);
        free(g);
    }
    pthread_mutex_destroy(&p->lock);
    free(p->cache_dir);
    free(p->prelude);
    free(p);
}

static char *read_kernel_file(mw_ctx *c, const char *name)
{
    char *relative = mw_format(c, "kernels/%s", name);
    char *path = relative ? mw_share_path(c, relative) : NULL;
    char *text = path ? mw_file_read(c, path, LONGEST_SOURCE, NULL) : NULL;
    if (mw_err(c) == MW_E_FILE)
        mw_fail_as(c, MW_E_BUILD);
    free(relative);
    free(path);
    return text;
}

static char *cache_path(mw_ctx *c, const char *source, const char *options)
{
    mw_stream *d = c->stream;
    if (!d->programs->cache_dir)
        return NULL;
    XXH3_state_t *h = XXH3_createState();
    if (!h)
        return NULL;
    XXH3_128bits_reset(h);
    const char *parts[] = {source,       options,        d->info.platform, d->info.platform_version,
                           d->info.name, d->info.driver, d->info.version};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        XXH3_128bits_update(h, parts[i], strlen(parts[i]) + 1);
    XXH128_hash_t key = XXH3_128bits_digest(h);
    XXH3_freeState(h);
    return mw_format(c, "%s/%016llx%016llx.bin", d->programs->cache_dir, (unsigned long long)key.high64,
                     (unsigned long long)key.low64);
}

// clBuildProgram, whose compiler's chatter goes to the log.
static cl_int build_program(mw_ctx *c, cl_program g, const char *options)
{
    mw_driver_output_begin();
    cl_int e = clBuildProgram(g, 1, &c->stream->id, options, NULL, NULL);
    mw_driver_output_end(c);
    return e;
}

// A built program from the disk cache; NULL when absent, damaged or refused by the driver.
static cl_program load_binary(mw_ctx *c, const char *path, const char *options)
{
    mw_stream *d = c->stream;
    size_t n = 0;
    unsigned char *body = mw_program_file_read(path, &n);
    if (!body)
        return NULL;
    cl_int e, status;
    cl_program g =
        clCreateProgramWithBinary(d->context, 1, &d->id, &n, &(const unsigned char *){body}, &status, &e);
    if (e != CL_SUCCESS)
        g = NULL;
    if (g && (status != CL_SUCCESS || build_program(c, g, options) != CL_SUCCESS)) {
        clReleaseProgram(g);
        g = NULL;
    }
    free(body);
    return g;
}

// For tests: a driver's warning is an error. What lies in the disk cache was built without telling, and is
// left alone.
static bool is_strict(void) { return getenv("MOONWEAVE_STRICT_KERNELS") != NULL; }

// Whether the driver built the program without an error, in strict mode without a warning.
static bool built_well(mw_ctx *c, const char *file, cl_program g, cl_int e)
{
    size_t size = 0;
    clGetProgramBuildInfo(g, c->stream->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = mw_alloc(c, size + 1);
    if (log)
        clGetProgramBuildInfo(g, c->stream->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    bool warned = log && strcasestr(log, "warning");
    if (e != CL_SUCCESS || (warned && is_strict()))
        mw_fail(c, MW_E_BUILD, "kernels/%s.cl does not compile%s on %s:\n%s", file,
                e == CL_SUCCESS ? " without a warning" : "", c->stream->name, log ? log : "");
    free(log);
    return mw_err(c) == MW_OK;
}

// The file's text, its line #include "NAME.clh" replaced by kernels/NAME.clh, so that the text is all that a
// program is made of. There is one such line at most.
static char *read_with_header(mw_ctx *c, const char *file)
{
    static const char include[] = "\n#include \"";
    char *name = mw_format(c, "%s.cl", file), *text = name ? read_kernel_file(c, name) : NULL;
    char *at = text ? strstr(text, include) : NULL, *from = at ? at + strlen(include) : NULL;
    char *end = at ? strchr(from, '\n') : NULL;
    if (end && end > from + 1) {
        int line = 2; // of what stands behind it
        for (const char *p = text; p <= at; p++)
            line += *p == '\n';
        end[-1] = *at = '\0';
        char *header = read_kernel_file(c, from), *all = NULL;
        if (header)
            all = mw_format(c, "%s\n#line 1 \"kernels/%s\"\n%s\n#line %d \"kernels/%s\"%s", text, from,
                            header, line, name, end);
        free(header);
        free(text);
        text = all;
    }
    free(name);
    return text;
}

// The preprocessed inputs of a build: prelude, then the file with its own line numbers.
static char *full_source(mw_ctx *c, const char *file)
{
    struct mw_programs *p = c->stream->programs;
    pthread_mutex_lock(&p->lock);
    if (!p->prelude)
        p->prelude = read_kernel_file(c, "prelude.cl");
    pthread_mutex_unlock(&p->lock);
    char *own = read_with_header(c, file);
    char *all =
        own && p->prelude ? mw_format(c, "%s\n#line 1 \"kernels/%s.cl\"\n%s", p->prelude, file, own) : NULL;
    free(own);
    return all;
}

static cl_program compile(mw_ctx *c, const char *file, const char *source, const char *options)
{
    mw_stream *d = c->stream;
    cl_int e;
    cl_program g = clCreateProgramWithSource(d->context, 1, &source, NULL, &e);
    if (mw_cl_check(c, e, "making a program"))
        return NULL;
    if (built_well(c, file, g, build_program(c, g, options)))
        return g;
    clReleaseProgram(g);
    return NULL;
}

// Fills g from the disk cache, if it may, or from the source.
static mw_status build(mw_ctx *c, program *g, const char *file, const char *options, bool from_disk)
{
    char *source = full_source(c, file);
    char *path = source ? cache_path(c, source, options) : NULL;
    if (path)
        mw_turn_begin(&g->turn, XXH3_64bits(path, strlen(path)));
    g->program = path && from_disk && !is_strict() ? load_binary(c, path, options) : NULL;
    g->from_disk = g->program != NULL;
    if (source && !g->program)
        g->program = compile(c, file, source, options);
    free(source);
    free(g->unsaved);
    g->unsaved = g->from_disk ? NULL : path;
    if (g->from_disk)
        free(path);
    return mw_err(c);
}

// The entry of a program, which may not be built yet.
static program *find_program(mw_ctx *c, const char *file, const char *options)
{
    struct mw_programs *p = c->stream->programs;
    char *key = mw_format(c, "%s|%s", file, options);
    if (!key)
        return NULL;
    pthread_mutex_lock(&p->lock);
    program *g = p->programs;
    while (g && strcmp(g->key, key) != 0)
        g = g->next;
    if (!g && (g = mw_alloc(c, sizeof *g))) {
        pthread_mutex_init(&g->lock, NULL);
        g->key = key;
        g->next = p->programs;
        p->programs = g;
        key = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    free(key);
    return g;
}

// With the program's lock held: its kernel `entry`.
static cl_kernel kernel_of(mw_ctx *c, program *g, const char *file, const char *entry, const char *options)
{
    cl_int e;
    if (!g->program && build(c, g, file, options, true))
        return NULL;
    cl_kernel kernel = clCreateKernel(g->program, entry, &e);
    if (e != CL_SUCCESS && g->from_disk) {
        cl_program useless = g->program; // kernels that were made of it hold it still
        if (build(c, g, file, options, false)) {
            g->program = useless;
            return NULL;
        }
        clReleaseProgram(useless);
        kernel = clCreateKernel(g->program, entry, &e);
    }
    if (e != CL_SUCCESS) {
        mw_fail(c, MW_E_BUILD, "kernels/%s.cl has no kernel '%s' (%s)", file, entry, mw_cl_error_name(e));
        return NULL;
    }
    if (g->unsaved)
        mw_program_file_write(c, g->unsaved, g->program);
    free(g->unsaved);
    g->unsaved = NULL;
    return kernel;
}

static cl_kernel make_kernel(mw_ctx *c, const char *file, const char *entry, const char *options)
{
    program *g = find_program(c, file, options);
    if (!g)
        return NULL;
    pthread_mutex_lock(&g->lock);
    cl_kernel kernel = kernel_of(c, g, file, entry, options);
    mw_turn_end(&g->turn);
    pthread_mutex_unlock(&g->lock);
    return kernel;
}

static mw_kernel *find_kernel(mw_ctx *c, const char *key)
{
    struct mw_programs *p = c->stream->programs;
    mw_kernel **bucket = &p->kernels[XXH3_64bits(key, strlen(key)) % BUCKETS];
    pthread_mutex_lock(&p->lock);
    mw_kernel *k = *bucket;
    while (k && strcmp(k->key, key) != 0)
        k = k->next;
    if (!k) {
        k = mw_alloc(c, sizeof *k);
        char *kept = k ? mw_strdup(c, key) : NULL;
        if (kept) {
            pthread_mutex_init(&k->lock, NULL);
            k->key = kept;
            k->next = *bucket;
            *bucket = k;
        } else {
            free(k);
            k = NULL;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return k;
}

cl_kernel mw_kernel_begin(mw_ctx *c, const char *file, const char *entry, const char *options,
                          mw_kernel **held)
{
    char key[512];
    *held = NULL;
    if ((size_t)snprintf(key, sizeof key, "%s|%s|%s", file, options, entry) >= sizeof key) {
        mw_fail(c, MW_E_BUILD, "kernels/%s.cl: options too long", file);
        return NULL;
    }
    mw_kernel *k = find_kernel(c, key);
    if (!k)
        return NULL;
    pthread_mutex_lock(&k->lock);
    if (!k->kernel)
        k->kernel = make_kernel(c, file, entry, options);
    if (!k->kernel) {
        pthread_mutex_unlock(&k->lock);
        return NULL;
    }
    atomic_fetch_add(&k->launches, 1);
    *held = k;
    return k->kernel;
}

void mw_kernel_end(mw_kernel *k) { pthread_mutex_unlock(&k->lock); }

int mw_device_launches(mw_ctx *c, mw_kernel_launches *out, int max)
{
    mw_stream *d = c->stream;
    int n = 0;
    if (!d)
        return 0;
    pthread_mutex_lock(&d->programs->lock);
    for (int i = 0; i < BUCKETS; i++)
        for (mw_kernel *k = d->programs->kernels[i]; k; k = k->next) {
            uint64_t launches = atomic_exchange(&k->launches, 0);
            if (launches && n++ < max)
                out[n - 1] = (mw_kernel_launches){k->key, launches};
        }
    pthread_mutex_unlock(&d->programs->lock);
    return n;
}
