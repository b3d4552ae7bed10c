// device.h: OpenCL devices through the ICD loader: what there is, what each can do, opening one.
//
// An open device is a stream: the device, its queue, its memory and the limit of that, its compiled kernels.
// A context's ops run on its stream, in order; a tensor lies in the memory of the stream that it was made on.
#ifndef MW_DEVICE_H
#define MW_DEVICE_H

#include "core/base/ctx.h"
#include "core/cl/caps.h"

typedef struct mw_stream mw_stream;

// What a device says of itself, and what that makes of it.
typedef struct mw_device_info {
    char platform[128], platform_version[128], name[128], vendor[128], driver[128], version[128];
    const char *type; // "cpu", "gpu", "accelerator"
    mw_caps caps;
    bool images, unified_memory;
    uint64_t memory, max_alloc; // bytes
    unsigned clock_mhz;
    unsigned address_align; // bytes a sub-range of a buffer should start at
} mw_device_info;

// Fill up to max entries; returns how many devices there are (0: none; not an error).
int mw_device_list(mw_ctx *c, mw_device_info *out, int max);

// Open a device and make it the context's. selector: NULL (the first GPU, else the first device), an index in
// mw_device_list's order, a type, or a part of the name (any case). limit: bytes the pool may hold; 0: what
// the device has. MW_E_DEVICE when there is none (says what to install) or none matches (names those there
// are).
mw_status mw_device_open(mw_ctx *c, const char *selector, uint64_t limit, bool profile);
// Close the context's device; everything on it must have been released.
void mw_device_close(mw_ctx *c);
const mw_device_info *mw_device_get_info(const mw_ctx *c);

// Wait until all work has run. Errors of the work surface here.
mw_status mw_device_finish(mw_ctx *c);

// ---- memory
typedef struct mw_memory_use {
    uint64_t held, used, peak, limit; // bytes: from the driver, by tensors, the most ever held, the limit
    uint64_t allocations;             // buffers asked of the driver so far; constant in a steady state
} mw_memory_use;
mw_memory_use mw_device_memory(const mw_ctx *c);
// Called when an allocation would pass the limit: give up what can be given up (caches); returns bytes freed.
typedef uint64_t (*mw_trim_fn)(void *user, uint64_t wanted);
void mw_device_set_trim(mw_ctx *c, mw_trim_fn trim, void *user);

// ---- profile: time on the device for each kernel, longest first; empty unless opened with profile.
typedef struct mw_kernel_time {
    char name[96]; // "softmax:softmax_rows"
    uint64_t launches;
    double seconds;
} mw_kernel_time;
int mw_device_profile(mw_ctx *c, mw_kernel_time *out, int max);

// ---- launches: which kernels ran, of any device.
typedef struct mw_kernel_launches {
    const char *kernel; // "norm|<options it was compiled with>|softmax"; the device's
    uint64_t launches;
} mw_kernel_launches;
// Fill up to max entries with the kernels launched since the device was opened or since the last call, in no
// order; returns how many there are. Tests prove with it what they ran.
int mw_device_launches(mw_ctx *c, mw_kernel_launches *out, int max);

#endif
