// device.c: listing, opening and closing OpenCL devices.
#include "core/cl/device_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_DEVICES = 64, MAX_PLATFORMS = 16 };

typedef struct found {
    cl_platform_id platform;
    cl_device_id id;
} found;

static int find_all(mw_ctx *c, found *out, int max)
{
    mw_lend_driver_cache(c);
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint np = 0;
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &np) != CL_SUCCESS)
        return 0;
    int n = 0;
    for (cl_uint p = 0; p < np && p < MAX_PLATFORMS; p++) {
        cl_device_id ids[MAX_DEVICES];
        cl_uint nd = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &nd) != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < nd && d < MAX_DEVICES && n < max; d++)
            out[n++] = (found){platforms[p], ids[d]};
    }
    return n;
}

static void trim_spaces(char *s)
{
    size_t n = strlen(s), skip = strspn(s, " ");
    memmove(s, s + skip, n - skip + 1);
    for (n -= skip; n && s[n - 1] == ' ';)
        s[--n] = 0;
}

static void device_text(cl_device_id id, cl_device_info what, char *out, size_t size)
{
    out[0] = 0;
    if (clGetDeviceInfo(id, what, size, out, NULL) != CL_SUCCESS)
        out[0] = 0;
    out[size - 1] = 0;
    trim_spaces(out);
}

static uint64_t device_number(cl_device_id id, cl_device_info what, size_t size)
{
    union {
        cl_uint u;
        cl_ulong l;
        size_t s;
        cl_bool b;
    } v = {.l = 0};
    if (clGetDeviceInfo(id, what, size, &v, NULL) != CL_SUCCESS)
        return 0;
    return size == 4 ? v.u : v.l;
}

static void describe(found f, mw_device_info *i)
{
    memset(i, 0, sizeof *i);
    clGetPlatformInfo(f.platform, CL_PLATFORM_NAME, sizeof i->platform, i->platform, NULL);
    clGetPlatformInfo(f.platform, CL_PLATFORM_VERSION, sizeof i->platform_version, i->platform_version, NULL);
    device_text(f.id, CL_DEVICE_NAME, i->name, sizeof i->name);
    device_text(f.id, CL_DEVICE_VENDOR, i->vendor, sizeof i->vendor);
    device_text(f.id, CL_DRIVER_VERSION, i->driver, sizeof i->driver);
    device_text(f.id, CL_DEVICE_VERSION, i->version, sizeof i->version);
    cl_device_type type = device_number(f.id, CL_DEVICE_TYPE, sizeof type);
    i->type = type & CL_DEVICE_TYPE_GPU ? "gpu" : type & CL_DEVICE_TYPE_CPU ? "cpu" : "accelerator";
    i->memory = device_number(f.id, CL_DEVICE_GLOBAL_MEM_SIZE, 8);
    i->max_alloc = device_number(f.id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8);
    i->clock_mhz = (unsigned)device_number(f.id, CL_DEVICE_MAX_CLOCK_FREQUENCY, 4);
    i->images = device_number(f.id, CL_DEVICE_IMAGE_SUPPORT, 4);
    i->unified_memory = device_number(f.id, CL_DEVICE_HOST_UNIFIED_MEMORY, 4);
    i->address_align = (unsigned)device_number(f.id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 4) / 8;

    char extensions[8192];
    device_text(f.id, CL_DEVICE_EXTENSIONS, extensions, sizeof extensions);
    mw_caps *k = &i->caps;
    k->fp16 = strstr(extensions, "cl_khr_fp16") != NULL;
    k->fp64 = strstr(extensions, "cl_khr_fp64") != NULL;
    k->subgroups = strstr(extensions, "_subgroups") != NULL;
    k->local_memory = device_number(f.id, CL_DEVICE_LOCAL_MEM_TYPE, 4) == CL_LOCAL;
    k->vector_width = (int)device_number(f.id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, 4);
    k->compute_units = (int)device_number(f.id, CL_DEVICE_MAX_COMPUTE_UNITS, 4);
    k->max_group = device_number(f.id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    k->local_bytes = device_number(f.id, CL_DEVICE_LOCAL_MEM_SIZE, 8);
    const char *family = getenv("MOONWEAVE_FAMILY");
    k->cpu = family ? strcmp(family, "gpu") != 0 : strcmp(i->type, "cpu") == 0;
}

int mw_device_list(mw_ctx *c, mw_device_info *out, int max)
{
    found all[MAX_DEVICES];
    int n = find_all(c, all, MAX_DEVICES);
    for (int i = 0; i < n && i < max; i++)
        describe(all[i], &out[i]);
    return n;
}

static bool name_has(const char *name, const char *part)
{
    size_t n = strlen(part);
    for (; *name; name++)
        if (strncasecmp(name, part, n) == 0)
            return true;
    return false;
}

// Index of the device that selector means, -1 when none.
static int choose(const mw_device_info *all, int n, const char *selector)
{
    if (!selector) {
        for (int i = 0; i < n; i++)
            if (strcmp(all[i].type, "gpu") == 0)
                return i;
        return 0;
    }
    char *end;
    long index = strtol(selector, &end, 10);
    if (*selector && !*end)
        return index >= 0 && index < n ? (int)index : -1;
    for (int i = 0; i < n; i++)
        if (strcasecmp(all[i].type, selector) == 0)
            return i;
    for (int i = 0; i < n; i++)
        if (*selector && name_has(all[i].name, selector))
            return i;
    return -1;
}

static mw_status no_match(mw_ctx *c, const mw_device_info *all, int n, const char *selector)
{
    char *names = mw_strdup(c, "");
    for (int i = 0; i < n && names; i++) {
        char *more = mw_format(c, "%s%s%d \"%s\" (%s)", names, i ? ", " : "", i, all[i].name, all[i].type);
        free(names);
        names = more;
    }
    if (names)
        mw_fail(c, MW_E_DEVICE, "no device matches '%s'; there is: %s", selector, names);
    free(names);
    return mw_err(c);
}

mw_status mw_cl_check(mw_ctx *c, cl_int e, const char *what)
{
    if (e == CL_SUCCESS)
        return MW_OK;
    bool memory =
        e == CL_MEM_OBJECT_ALLOCATION_FAILURE || e == CL_OUT_OF_RESOURCES || e == CL_OUT_OF_HOST_MEMORY;
    return mw_fail(c, memory ? MW_E_MEMORY : MW_E_DEVICE, "%s: %s: %s",
                   c->stream ? c->stream->info.name : "OpenCL", what, mw_cl_error_name(e));
}

mw_status mw_device_open(mw_ctx *c, const char *selector, uint64_t limit, bool profile)
{
    found all[MAX_DEVICES];
    mw_device_info infos[MAX_DEVICES];
    int n = find_all(c, all, MAX_DEVICES);
    for (int i = 0; i < n; i++)
        describe(all[i], &infos[i]);
    if (n == 0)
        return mw_fail(c, MW_E_DEVICE,
                       "no OpenCL device: install your GPU's OpenCL driver, or the package pocl-opencl-icd "
                       "to run on the CPU");
    int i = choose(infos, n, selector);
    if (i < 0)
        return no_match(c, infos, n, selector);

    mw_stream *d = mw_alloc(c, sizeof *d);
    if (!d)
        return mw_err(c);
    d->info = infos[i];
    d->platform = all[i].platform;
    d->id = all[i].id;
    pthread_mutex_init(&d->lock, NULL);
    c->stream = d;
    cl_int e = CL_SUCCESS;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)d->platform, 0};
    d->context = clCreateContext(properties, 1, &d->id, NULL, NULL, &e);
    if (e == CL_SUCCESS)
        d->queue = clCreateCommandQueue(d->context, d->id, profile ? CL_QUEUE_PROFILING_ENABLE : 0, &e);
    mw_cl_check(c, e, "opening the device");
    d->profile = profile ? mw_profile_new() : NULL;
    d->programs = mw_programs_new(c);
    d->pool = mw_pool_new(c, limit ? limit : d->info.memory);
    if (mw_err(c))
        mw_device_close(c);
    return mw_err(c);
}

void mw_device_close(mw_ctx *c)
{
    mw_stream *d = c->stream;
    if (!d)
        return;
    if (d->queue)
        clFinish(d->queue);
    for (int i = 0; i < 2; i++)
        if (d->throttle[i])
            clReleaseEvent(d->throttle[i]);
    mw_profile_free(d->profile);
    mw_tunings_free(d->tunings);
    mw_programs_free(d->programs);
    mw_pool_free(d->pool);
    if (d->queue)
        clReleaseCommandQueue(d->queue);
    if (d->context)
        clReleaseContext(d->context);
    pthread_mutex_destroy(&d->lock);
    free(d);
    c->stream = NULL;
}

const mw_device_info *mw_device_get_info(const mw_ctx *c) { return c->stream ? &c->stream->info : NULL; }

mw_status mw_device_finish(mw_ctx *c)
{
    mw_stream *d = c->stream;
    if (!d || c->dry)
        return mw_err(c);
    mw_cl_check(c, clFinish(d->queue), "waiting for the device");
    if (d->profile) {
        pthread_mutex_lock(&d->lock);
        mw_profile_collect(d->profile);
        pthread_mutex_unlock(&d->lock);
    }
    return mw_err(c);
}
