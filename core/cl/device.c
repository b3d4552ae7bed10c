// device.c: listing, opening and closing OpenCL devices.
#include "core/cl/device_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PLATFORMS = 16 };
enum { NO_PLATFORM = -1001 }; // CL_PLATFORM_NOT_FOUND_KHR, of the loader

int mw_found_all(mw_ctx *c, mw_found *out, int max)
{
    mw_lend_driver_cache(c);
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint np = 0;
    cl_int e = clGetPlatformIDs(MAX_PLATFORMS, platforms, &np);
    int n = 0;
    if (e == NO_PLATFORM)
        e = CL_SUCCESS;
    for (cl_uint p = 0; p < np && p < MAX_PLATFORMS; p++) {
        cl_device_id ids[MW_MOST_DEVICES];
        cl_uint nd = 0;
        cl_int failed = clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MW_MOST_DEVICES, ids, &nd);
        if (failed != CL_SUCCESS && failed != CL_DEVICE_NOT_FOUND)
            e = failed;
        if (failed != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < nd && d < MW_MOST_DEVICES && n < max; d++, n++)
            out[n] = (mw_found){.platform = platforms[p], .id = ids[d], .index = n};
    }
    if (n == 0)
        mw_cl_check(c, e, "looking for devices");
    return n;
}

static void trim_spaces(char *s)
{
    size_t n = strlen(s), skip = strspn(s, " ");
    memmove(s, s + skip, n - skip + 1);
    for (n -= skip; n && s[n - 1] == ' ';)
        s[--n] = 0;
}

static void device_text(mw_device_info *i, cl_device_id id, cl_device_info what, char *out, size_t size)
{
    out[0] = 0;
    cl_int e = clGetDeviceInfo(id, what, size, out, NULL);
    if (e != CL_SUCCESS)
        out[0] = 0;
    i->unknown = i->unknown ? i->unknown : e;
    out[size - 1] = 0;
    trim_spaces(out);
}

static uint64_t device_number(mw_device_info *i, cl_device_id id, cl_device_info what, size_t size)
{
    union {
        cl_uint u;
        cl_ulong l;
        size_t s;
        cl_bool b;
    } v = {.l = 0};
    cl_int e = clGetDeviceInfo(id, what, size, &v, NULL);
    i->unknown = i->unknown ? i->unknown : e;
    if (e != CL_SUCCESS)
        return 0;
    return size == 4 ? v.u : v.l;
}

void mw_found_describe(const mw_found *f, mw_device_info *i)
{
    memset(i, 0, sizeof *i);
    cl_int e = clGetPlatformInfo(f->platform, CL_PLATFORM_NAME, sizeof i->platform, i->platform, NULL);
    i->unknown = e ? e
                   : clGetPlatformInfo(f->platform, CL_PLATFORM_VERSION, sizeof i->platform_version,
                                       i->platform_version, NULL);
    device_text(i, f->id, CL_DEVICE_NAME, i->name, sizeof i->name);
    device_text(i, f->id, CL_DEVICE_VENDOR, i->vendor, sizeof i->vendor);
    device_text(i, f->id, CL_DRIVER_VERSION, i->driver, sizeof i->driver);
    device_text(i, f->id, CL_DEVICE_VERSION, i->version, sizeof i->version);
    cl_device_type type = device_number(i, f->id, CL_DEVICE_TYPE, sizeof type);
    i->type = type & CL_DEVICE_TYPE_GPU ? "gpu" : type & CL_DEVICE_TYPE_CPU ? "cpu" : "accelerator";
    i->memory = device_number(i, f->id, CL_DEVICE_GLOBAL_MEM_SIZE, 8);
    i->max_alloc = device_number(i, f->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8);
    i->clock_mhz = (unsigned)device_number(i, f->id, CL_DEVICE_MAX_CLOCK_FREQUENCY, 4);
    i->images = device_number(i, f->id, CL_DEVICE_IMAGE_SUPPORT, 4);
    i->unified_memory = device_number(i, f->id, CL_DEVICE_HOST_UNIFIED_MEMORY, 4);
    i->address_align = (unsigned)device_number(i, f->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 4) / 8;

    char extensions[8192];
    device_text(i, f->id, CL_DEVICE_EXTENSIONS, extensions, sizeof extensions);
    mw_caps *k = &i->caps;
    k->fp16 = strstr(extensions, "cl_khr_fp16") != NULL;
    k->fp64 = strstr(extensions, "cl_khr_fp64") != NULL;
    k->subgroups = strstr(extensions, "_subgroups") != NULL;
    k->local_memory = device_number(i, f->id, CL_DEVICE_LOCAL_MEM_TYPE, 4) == CL_LOCAL;
    k->vector_width = (int)device_number(i, f->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, 4);
    k->compute_units = (int)device_number(i, f->id, CL_DEVICE_MAX_COMPUTE_UNITS, 4);
    k->max_group = device_number(i, f->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    k->local_bytes = device_number(i, f->id, CL_DEVICE_LOCAL_MEM_SIZE, 8);
    const char *family = getenv("MOONWEAVE_FAMILY");
    k->cpu = family ? strcmp(family, "gpu") != 0 : strcmp(i->type, "cpu") == 0;
}

int mw_device_list(mw_ctx *c, mw_device_info *out, int max)
{
    mw_found all[MW_MOST_DEVICES];
    int n = mw_found_all(c, all, MW_MOST_DEVICES);
    for (int i = 0; i < n && i < max; i++)
        mw_found_describe(&all[i], &out[i]);
    return n;
}

mw_status mw_cl_check(mw_ctx *c, cl_int e, const char *what)
{
    if (e == CL_SUCCESS)
        return MW_OK;
    bool memory =
        e == CL_MEM_OBJECT_ALLOCATION_FAILURE || e == CL_OUT_OF_RESOURCES || e == CL_OUT_OF_HOST_MEMORY;
    return mw_fail(c, memory ? MW_E_MEMORY : MW_E_DEVICE, "%s: %s: %s",
                   c->stream ? c->stream->name : "OpenCL", what, mw_cl_error_name(e));
}

// What messages call it: by its number where there are several.
static void name_stream(mw_stream *s, const mw_found *f, int n)
{
    char part[48] = "";
    if (f->parts)
        snprintf(part, sizeof part, ", part %d of %d", f->part, f->parts);
    if (n > 1)
        snprintf(s->name, sizeof s->name, "device %d (%s%s)", s->number, s->info.name, part);
    else
        snprintf(s->name, sizeof s->name, "%s", s->info.name);
}

// Opens the device as the context's stream. What it holds goes with close_stream.
static mw_status open_stream(mw_ctx *c, mw_stream *s, bool profile)
{
    cl_int e = CL_SUCCESS;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)s->platform, 0};
    c->stream = s;
    if (mw_cl_check(c, s->info.unknown, "asking what the device can do"))
        return mw_err(c);
    s->context = clCreateContext(properties, 1, &s->id, NULL, NULL, &e);
    if (e == CL_SUCCESS)
        s->queue = clCreateCommandQueue(s->context, s->id, CL_QUEUE_PROFILING_ENABLE, &e);
    mw_cl_check(c, e, "opening the device");
    s->profile = profile ? mw_profile_new() : NULL;
    s->programs = mw_programs_new(c);
    s->staging = mw_staging_new(c);
    s->pace = mw_pace_new(c);
    s->pool = mw_pool_new(c, s->limit);
    return mw_err(c);
}

static void close_stream(mw_stream *s)
{
    if (s->queue)
        clFinish(s->queue);
    mw_pace_free(s->pace);
    mw_profile_free(s->profile);
    mw_tunings_free(s->tunings);
    mw_programs_free(s->programs);
    mw_staging_free(s, s->staging);
    mw_pool_free(s->pool);
    if (s->queue)
        clReleaseCommandQueue(s->queue);
    if (s->context)
        clReleaseContext(s->context);
    if (s->is_part)
        clReleaseDevice(s->id);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

// A stream that is not open yet, behind `last`, which may be NULL.
static mw_stream *add_stream(mw_ctx *c, mw_stream *last, const mw_found *f, int n)
{
    mw_stream *s = mw_alloc(c, sizeof *s);
    if (!s) {
        mw_found_release(f);
        return NULL;
    }
    mw_found_describe(f, &s->info);
    s->is_part = f->parts > 0;
    s->platform = f->platform;
    s->id = f->id;
    s->number = last ? last->number + 1 : 0;
    s->first = last ? last->first : s;
    if (last)
        last->next = s;
    pthread_mutex_init(&s->lock, NULL);
    name_stream(s, f, n);
    return s;
}

mw_status mw_device_open(mw_ctx *c, const char *selector, uint64_t limit, bool profile)
{
    mw_found chosen[MW_MOST_STREAMS];
    int n = mw_select(c, selector, chosen);
    mw_stream *first = NULL, *last = NULL;
    for (int i = 0; i < n; i++) {
        mw_stream *s = add_stream(c, last, &chosen[i], n);
        if (!s)
            continue;
        s->limit = limit ? limit : s->info.memory / (chosen[i].parts ? (unsigned)chosen[i].parts : 1);
        first = first ? first : s;
        last = s;
        open_stream(c, s, profile);
    }
    c->stream = first;
    if (mw_err(c))
        mw_device_close(c);
    return mw_err(c);
}

void mw_device_close(mw_ctx *c)
{
    for (mw_stream *s = c->stream ? c->stream->first : NULL, *next; s; s = next) {
        next = s->next;
        close_stream(s);
    }
    c->stream = NULL;
}

int mw_stream_count(const mw_ctx *c)
{
    int n = 0;
    for (const mw_stream *s = c->stream ? c->stream->first : NULL; s; s = s->next)
        n++;
    return n;
}

mw_stream *mw_stream_at(const mw_ctx *c, int i)
{
    mw_stream *s = c->stream ? c->stream->first : NULL;
    while (s && s->number != i)
        s = s->next;
    return s;
}

int mw_stream_number(const mw_stream *s) { return s->number; }
const char *mw_stream_name(const mw_stream *s) { return s->name; }
const mw_device_info *mw_stream_info(const mw_stream *s) { return &s->info; }

bool mw_stream_alike(const mw_stream *a, const mw_stream *b)
{
    const mw_device_info *x = &a->info, *y = &b->info;
    return !strcmp(x->platform, y->platform) && !strcmp(x->platform_version, y->platform_version) &&
        !strcmp(x->name, y->name) && !strcmp(x->driver, y->driver) && !strcmp(x->version, y->version) &&
        x->caps.compute_units == y->caps.compute_units && a->limit == b->limit;
}

const mw_device_info *mw_device_get_info(const mw_ctx *c) { return c->stream ? &c->stream->info : NULL; }

double mw_device_products(const mw_ctx *c)
{
    pthread_mutex_lock(&c->stream->lock);
    double products = c->stream->products;
    pthread_mutex_unlock(&c->stream->lock);
    return products;
}
