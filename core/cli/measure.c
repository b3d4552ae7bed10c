// measure.c: moonweave bench and moonweave tune: how fast this device is, and how it is fastest.
#include "core/cl/device.h"
#include "core/cli/verb.h"
#include "core/measure/measure.h"

#include <stdio.h>

// One device after the other, where several are named.
static mw_status measure(mw_cli *k, mw_status (*run)(mw_ctx *c, FILE *out))
{
    mw_ctx *c = k->c;
    mw_stream *each;
    mw_device_open(c, k->device, k->memory, true);
    for (int i = 0; !mw_err(c) && (each = mw_stream_at(c, i)); i++) {
        c->stream = each;
        run(c, stdout);
    }
    mw_device_close(c);
    return mw_err(c);
}

static mw_status bench(mw_cli *k) { return measure(k, mw_bench); }
static mw_status tune(mw_cli *k) { return measure(k, mw_tune); }

const mw_verb mw_verb_bench = {
    "bench", "", 0, 0, MW_OPT_DEVICE, "measure the kernels against what this device can do at best", bench,
};
const mw_verb mw_verb_tune = {
    "tune", "", 0, 0, MW_OPT_DEVICE, "find the fastest kernels for this device and remember them", tune,
};
