// select.c: which devices a selector means, and parts of CPUs.
#include "core/cl/device_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 256 };

typedef struct choice {
    mw_found all[MW_MOST_DEVICES];
    mw_device_info infos[MW_MOST_DEVICES];
    int n;
    mw_found *out; // what was chosen so far
    int chosen;
} choice;

static bool name_has(const char *name, const char *part)
{
    size_t n = strlen(part);
    for (; n && *name; name++)
        if (strncasecmp(name, part, n) == 0)
            return true;
    return false;
}

static char *list(mw_ctx *c, const choice *k, const bool *which)
{
    char *names = mw_strdup(c, "");
    for (int i = 0; i < k->n && names; i++) {
        if (which && !which[i])
            continue;
        char *more = mw_format(c, "%s%s%d \"%s\" (%s, %s)", names, *names ? ", " : "", i, k->infos[i].name,
                               k->infos[i].type, k->infos[i].platform);
        free(names);
        names = more;
    }
    return names;
}

static int refuse(mw_ctx *c, const choice *k, const bool *which, const char *what, const char *selector)
{
    char *names = list(c, k, which);
    if (names)
        mw_fail(c, MW_E_DEVICE, "%s '%s'; %s: %s", what, selector,
                which ? "say which by its index" : "there is", names);
    free(names);
    return -1;
}

static bool alike(const mw_device_info *a, const mw_device_info *b)
{
    return !strcmp(a->name, b->name) && !strcmp(a->platform, b->platform) && !strcmp(a->driver, b->driver);
}

// The one device whose own or platform's name has this part; of equal ones the first.
static int by_name(mw_ctx *c, const choice *k, const char *part)
{
    bool fits[MW_MOST_DEVICES] = {false};
    int first = -1;
    bool several = false;
    for (int i = 0; i < k->n; i++) {
        fits[i] = name_has(k->infos[i].name, part) || name_has(k->infos[i].platform, part);
        if (fits[i] && first < 0)
            first = i;
        several = several || (fits[i] && !alike(&k->infos[first], &k->infos[i]));
    }
    if (several)
        return refuse(c, k, fits, "several devices match", part);
    return first < 0 ? refuse(c, k, NULL, "no device matches", part) : first;
}

// Index of the device that `text` means; -1 with an error pending.
static int find(mw_ctx *c, const choice *k, const char *text)
{
    char *end;
    long index = strtol(text, &end, 10);
    if (*text && !*end)
        return index >= 0 && index < k->n ? (int)index : refuse(c, k, NULL, "no device matches", text);
    for (int i = 0; i < k->n; i++)
        if (strcasecmp(k->infos[i].type, text) == 0)
            return i;
    return by_name(c, k, text);
}

void mw_found_release(const mw_found *f)
{
    if (f->parts)
        clReleaseDevice(f->id);
}

static mw_status take(mw_ctx *c, choice *k, mw_found f)
{
    if (k->chosen == MW_MOST_STREAMS) {
        mw_found_release(&f);
        return mw_fail(c, MW_E_DEVICE, "more than %d devices", MW_MOST_STREAMS);
    }
    k->out[k->chosen++] = f;
    return MW_OK;
}

// The device in `parts` equal parts, each a device: what clCreateSubDevices makes.
static mw_status split(mw_ctx *c, choice *k, int index, int parts)
{
    const mw_device_info *i = &k->infos[index];
    int units = i->caps.compute_units;
    cl_device_id part[MW_MOST_STREAMS];
    cl_uint n = 0;
    if (parts < 2 || parts > MW_MOST_STREAMS || parts > units)
        return mw_fail(c, MW_E_DEVICE, "%s: cannot be split into %d parts; it has %d compute units", i->name,
                       parts, units);
    cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY, units / parts, 0};
    cl_int e = clCreateSubDevices(k->all[index].id, equally, MW_MOST_STREAMS, part, &n);
    if (e != CL_SUCCESS || (int)n < parts)
        return mw_fail(c, MW_E_DEVICE, "%s: its driver does not split it into %d parts (%s)", i->name, parts,
                       mw_cl_error_name(e));
    for (cl_uint p = 0; p < n; p++)
        if ((int)p >= parts)
            clReleaseDevice(part[p]); // of what did not divide
        else
            take(c, k, (mw_found){k->all[index].platform, part[p], index, (int)p + 1, parts});
    return mw_err(c);
}

// The CPU with so many of its threads: a part of it, where that is not all.
static mw_status with_threads(mw_ctx *c, choice *k, int index, int threads)
{
    const mw_device_info *i = &k->infos[index];
    int units = i->caps.compute_units;
    cl_device_id part = NULL;
    if (strcmp(i->type, "cpu") != 0)
        return mw_fail(c, MW_E_DEVICE,
                       "%s is no CPU, of which a number of threads can be chosen (--device cpu)", i->name);
    if (threads < 1 || threads > units)
        return mw_fail(c, MW_E_DEVICE, "%s has %d threads, not %d", i->name, units, threads);
    if (threads == units)
        return take(c, k, k->all[index]);
    cl_device_partition_property counts[] = {CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                             CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_int e = clCreateSubDevices(k->all[index].id, counts, 1, &part, NULL);
    if (e != CL_SUCCESS)
        return mw_fail(c, MW_E_DEVICE, "%s: its driver gives no part of %d threads (%s)", i->name, threads,
                       mw_cl_error_name(e));
    return take(c, k, (mw_found){k->all[index].platform, part, index, 1, 1});
}

static int usual(const choice *k);

// The number behind the last `mark` of text, which is then cut off; 0 where there is none.
static int number_behind(char *text, char mark)
{
    char *at = strrchr(text, mark), *end = at;
    long n = at ? strtol(at + 1, &end, 10) : 0;
    if (!at || end == at + 1 || *end)
        return 0;
    *at = 0;
    return n < 1 || n > 1 << 20 ? 1 << 20 : (int)n;
}

static mw_status choose(mw_ctx *c, choice *k, char *text)
{
    int threads = number_behind(text, '@'), parts = number_behind(text, '/');
    int index = *text || !threads ? find(c, k, text) : usual(k);
    for (int i = 0; index >= 0 && i < k->chosen; i++)
        if (k->out[i].index == index)
            return mw_fail(c, MW_E_DEVICE, "device %d, %s, is named twice", index, k->infos[index].name);
    if (index < 0)
        return mw_err(c);
    return parts  ? split(c, k, index, parts)
        : threads ? with_threads(c, k, index, threads)
                  : take(c, k, k->all[index]);
}

// The first GPU, else the first device.
static int usual(const choice *k)
{
    for (int i = 0; i < k->n; i++)
        if (strcmp(k->infos[i].type, "gpu") == 0)
            return i;
    return 0;
}

int mw_select(mw_ctx *c, const char *selector, mw_found *out)
{
    choice k = {.out = out};
    k.n = mw_found_all(c, k.all, MW_MOST_DEVICES);
    for (int i = 0; i < k.n; i++)
        mw_found_describe(&k.all[i], &k.infos[i]);
    if (k.n == 0)
        mw_fail(c, MW_E_DEVICE,
                "no OpenCL device: install your GPU's OpenCL driver, or the package pocl-opencl-icd "
                "to run on the CPU");
    else if (!selector)
        take(c, &k, k.all[usual(&k)]);
    else if (!strcasecmp(selector, "all"))
        for (int i = 0; i < k.n && !mw_err(c); i++)
            take(c, &k, k.all[i]);
    else
        for (const char *at = selector; at && !mw_err(c);) {
            char one[LONGEST];
            size_t n = strcspn(at, ",");
            snprintf(one, sizeof one, "%.*s", (int)(n < sizeof one ? n : sizeof one - 1), at);
            choose(c, &k, one);
            at = at[n] ? at + n + 1 : NULL;
        }
    for (int i = 0; mw_err(c) && i < k.chosen; i++)
        mw_found_release(&out[i]);
    return mw_err(c) ? 0 : k.chosen;
}
