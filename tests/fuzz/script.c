// script.c: a graph script: wired only, or with FUZZ_DEVICE run on a device.
#include "core/cl/device.h"
#include "tests/fuzz/fuzz_script.h"

static void run_outputs(mw_exec *x, const mw_script *s)
{
    int n, targets[64], count = 0;
    const mw_output *o = mw_script_outputs(s, &n);
    for (int i = 0; i < n && count < 64; i++)
        if (mw_link_of(o[i].value))
            targets[count++] = mw_link_of(o[i].value)->node;
    if (count && !mw_exec_run(c, x, targets, count))
        for (int i = 0; i < count; i++)
            mw_exec_let_go(x, targets[i]);
}

static void close_device(void) { mw_device_close(c); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool device = getenv("FUZZ_DEVICE") != NULL;
    begin();
    if (device && !c->stream) {
        if (mw_device_open(c, NULL, (uint64_t)256 << 20, false))
            exit(1);
        atexit(close_device);
    }
    static const char *const params[] = {"n=3", "t=x", NULL};
    run_script((const char *)data, size, params, !device, device ? run_outputs : NULL);
    return 0;
}
