// devices.c: moonweave devices: what there is to compute on.
#include "core/cl/device.h"
#include "core/cli/verb.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64 };

static void print_json(const mw_device_info *d, int index)
{
    json_t *j =
        json_pack("{si ss ss ss ss ss ss sb sb sb sb sb sb si si sI sI sI sI si}", "index", index, "name",
                  d->name, "type", d->type, "platform", d->platform, "vendor", d->vendor, "driver", d->driver,
                  "version", d->version, "fp16", d->caps.fp16, "fp64", d->caps.fp64, "subgroups",
                  d->caps.subgroups, "local_memory", d->caps.local_memory, "images", d->images,
                  "unified_memory", d->unified_memory, "compute_units", d->caps.compute_units, "vector_width",
                  d->caps.vector_width, "memory", (json_int_t)d->memory, "max_alloc",
                  (json_int_t)d->max_alloc, "local_bytes", (json_int_t)d->caps.local_bytes, "max_group",
                  (json_int_t)d->caps.max_group, "clock_mhz", (int)d->clock_mhz);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(j);
}

static const char *yes(bool b) { return b ? "yes" : "no"; }

static void print_text(const mw_device_info *d, int index)
{
    printf("%d  %s (%s)\n", index, d->name, d->type);
    printf("   platform %s, %s; driver %s\n", d->platform, d->version, d->driver);
    printf("   %d compute units at %u MHz, %.1f GiB (one buffer: %.1f GiB), unified: %s\n",
           d->caps.compute_units, d->clock_mhz, (double)d->memory / 0x1p30, (double)d->max_alloc / 0x1p30,
           yes(d->unified_memory));
    printf("   fp16 %s, fp64 %s, sub-groups %s, images %s, %d-wide vectors\n", yes(d->caps.fp16),
           yes(d->caps.fp64), yes(d->caps.subgroups), yes(d->images), d->caps.vector_width);
    printf("   work-groups up to %zu, local memory %zu KiB (%s), kernels for %ss\n", d->caps.max_group,
           d->caps.local_bytes >> 10, d->caps.local_memory ? "its own" : "in global memory",
           d->caps.cpu ? "CPU" : "GPU");
}

static mw_status devices(mw_cli *k)
{
    static mw_device_info d[MOST];
    int n = mw_device_list(k->c, d, MOST);
    for (int i = 0; i < n && i < MOST; i++) {
        if (k->json)
            print_json(&d[i], i);
        else
            print_text(&d[i], i);
    }
    if (!n && !mw_err(k->c))
        mw_device_open(k->c, NULL, 0, false); // fails, and says what to install
    return mw_err(k->c);
}

const mw_verb mw_verb_devices = {
    "devices", "", 0, 0, MW_OPT_JSON, "list the devices and what they can do", devices,
};
