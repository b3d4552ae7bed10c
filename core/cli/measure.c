// measure.c: moonweave bench and moonweave tune: how fast this device is, and how it is fastest.
#include "core/cl/device.h"
#include "core/cli/verb.h"
#include "core/measure/measure.h"

#include <stdio.h>

static mw_status bench(mw_cli *k)
{
    if (!mw_device_open(k->c, k->device, k->memory, true))
        mw_bench(k->c, stdout);
    mw_device_close(k->c);
    return mw_err(k->c);
}

static mw_status tune(mw_cli *k)
{
    if (!mw_device_open(k->c, k->device, k->memory, true))
        mw_tune(k->c, stdout);
    mw_device_close(k->c);
    return mw_err(k->c);
}

const mw_verb mw_verb_bench = {
    "bench", "", 0, 0, MW_OPT_DEVICE, "measure the kernels against what this device can do at best", bench,
};
const mw_verb mw_verb_tune = {
    "tune", "", 0, 0, MW_OPT_DEVICE, "find the fastest kernels for this device and remember them", tune,
};
