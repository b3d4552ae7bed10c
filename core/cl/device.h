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
    int unknown;            // the OpenCL error that kept something of this from being known; 0: all is
} mw_device_info;

// Fill up to max entries; returns how many devices there are (0: none; an error only when looking failed).
int mw_device_list(mw_ctx *c, mw_device_info *out, int max);

// Open devices, and make the first the context's stream. selector, of any case: NULL (the first GPU, else the
// first device); an index in mw_device_list's order; a type ("cpu": its first device); a part of a device's
// or its platform's name (of equal devices the first); "0/2": the device in two equal parts, each a device
// (of CPUs, whose drivers can split them); "0@3", "@3": a CPU with three of its threads; several of these
// with commas between; "all". limit: bytes that the pool of each may hold; 0: what the device has (a part:
// its share). MW_E_DEVICE when there is none (says what to install), none matches or several different ones
// do (names those), or one is named twice; nothing is open then.
mw_status mw_device_open(mw_ctx *c, const char *selector, uint64_t limit, bool profile);
// Close all that were opened with the context's stream; everything on them must have been released.
void mw_device_close(mw_ctx *c);

// ---- streams that were opened together; a context changes to another one with c->stream = s
enum { MW_MOST_STREAMS = 16 };
int mw_stream_count(const mw_ctx *c);            // 0: no device is open
mw_stream *mw_stream_at(const mw_ctx *c, int i); // in the selector's order; NULL when there is none
int mw_stream_number(const mw_stream *s);        // mw_stream_at's
// "NVIDIA H200", where several are open "device 1 (NVIDIA H200)".
const char *mw_stream_name(const mw_stream *s);
const mw_device_info *mw_stream_info(const mw_stream *s);
// Whether both run the same kernels in the same way: results have the same bits.
bool mw_stream_alike(const mw_stream *a, const mw_stream *b);

// ---- of the context's stream, from here on
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
// Set for all streams that were opened together.
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
// Operations of the matrix products launched since the device was opened, a multiply-add counts as two: what
// was computed, which is less than a convolution's definition asks for where a faster method was taken.
double mw_device_products(const mw_ctx *c);

#endif
