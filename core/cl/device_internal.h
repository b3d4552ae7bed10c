// device_internal.h: what a stream, an open device, is made of; private to core/cl and core/tensor.
#ifndef MW_DEVICE_INTERNAL_H
#define MW_DEVICE_INTERNAL_H

#include "core/cl/device.h"

#include <CL/cl.h>
#include <pthread.h>

struct mw_pool;
struct mw_programs;
struct mw_profile;
struct mw_staging;
struct mw_pace;
struct mw_tunings;

struct mw_stream {
    mw_stream *first, *next; // of those that were opened together
    int number;              // among them
    char name[192];          // in messages
    bool is_part;            // of a device: `id` is owned
    uint64_t limit;          // bytes that the pool may hold
    mw_device_info info;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue; // one, in order, shared by all threads: reuse of freed memory needs no events
    pthread_mutex_t lock;   // of the pool, the profile and the products
    struct mw_pool *pool;
    struct mw_programs *programs;
    struct mw_profile *profile; // NULL unless asked for
    struct mw_staging *staging;
    struct mw_tunings *tunings; // tune.c; NULL until first asked for
    struct mw_pace *pace;
    double products; // mw_device_products
};

// A device that can be opened. `id` is owned where it is a part.
typedef struct mw_found {
    cl_platform_id platform;
    cl_device_id id;
    int index;       // in mw_device_list's order
    int part, parts; // 1..parts of the device; 0: all of it
} mw_found;
enum { MW_MOST_DEVICES = 64 };

// Fill up to max entries; returns how many.
int mw_found_all(mw_ctx *c, mw_found *out, int max);
void mw_found_describe(const mw_found *f, mw_device_info *i);
void mw_found_release(const mw_found *f); // where `id` is owned

// ---- select.c
// The devices that the selector of mw_device_open means, into out[MW_MOST_STREAMS]; returns how many. 0 with
// MW_E_DEVICE pending.
int mw_select(mw_ctx *c, const char *selector, mw_found *out);

// ---- errors.c
const char *mw_cl_error_name(cl_int e);
// MW_E_DEVICE (or MW_E_MEMORY for the allocation failures): "<device>: <what>: <error name>"; MW_OK when e is
// CL_SUCCESS.
mw_status mw_cl_check(mw_ctx *c, cl_int e, const char *what);

// ---- buffer.c: a pool that hands out ranges of large buffers; ranges are aligned to 256 bytes, and to where
// a sub-buffer may start.
struct mw_range;
struct mw_pool *mw_pool_new(mw_ctx *c, uint64_t limit);
void mw_pool_free(struct mw_pool *p);
// With the device's lock not held. NULL with MW_E_MEMORY pending when the limit would be passed even after
// trimming.
struct mw_range *mw_pool_take(mw_ctx *c, size_t bytes);
// A range over bytes of the host, which the device reads where they lie; they are not counted as the pool's.
// They must stay, unchanged, until done(user) is called: once, by any thread, after mw_pool_give and the last
// kernel, and also when this fails.
struct mw_range *mw_pool_lend(mw_ctx *c, const void *data, size_t bytes, void (*done)(void *user),
                              void *user);
void mw_pool_give(mw_stream *d, struct mw_range *r);
cl_mem mw_range_buffer(const struct mw_range *r);
size_t mw_range_begin(const struct mw_range *r);

// ---- staging.c
struct mw_staging *mw_staging_new(mw_ctx *c);
void mw_staging_free(mw_stream *d, struct mw_staging *s);
// Enqueue the bytes to be written; the data may go at once. With the device's lock not held.
mw_status mw_stage(mw_ctx *c, cl_mem buffer, size_t begin, const void *data, size_t bytes);

// ---- wait.c: each call but the first counts as one of the context's waits.
bool mw_cl_event_came(cl_event e); // the command has run, or failed
void mw_cl_wait(mw_ctx *c, cl_event e);
mw_status mw_cl_read(mw_ctx *c, mw_stream *s, cl_mem buffer, size_t begin, void *out, size_t bytes);

// ---- pace.c
struct mw_pace *mw_pace_new(mw_ctx *c);
void mw_pace_free(struct mw_pace *p);
typedef struct mw_pace_launch {
    uint64_t key;   // what its time follows from
    double seconds; // of the whole
    bool measured;  // they were; otherwise they are a guess
    double share;   // of the whole that is enqueued now, at most 1
    bool marked;    // an event of this share is wanted
} mw_pace_launch;
// guess: seconds, where none were measured yet. Without a lock held, as the two below.
mw_pace_launch mw_pace_look_up(struct mw_pace *p, uint64_t key, double guess);
// In how many parts it should go, 1 where it cannot take long.
size_t mw_pace_parts(const struct mw_pace *p, const mw_pace_launch *l);
void mw_pace_set_longest(struct mw_pace *p, double seconds); // of a part, instead of 50 ms: for tests
// Before a share is enqueued: sets l->marked.
void mw_pace_begin(struct mw_pace *p, mw_pace_launch *l);
// After it, where it is marked: takes the event over, and waits while too much is in flight.
void mw_pace_add(mw_stream *s, const mw_pace_launch *l, cl_event event);

// ---- program.c
struct mw_programs *mw_programs_new(mw_ctx *c);
void mw_programs_free(struct mw_programs *p);
typedef struct mw_kernel mw_kernel;
// The kernel `entry` of kernels/<file>.cl built with options, to be launched once; owned by the table, and
// *held by this thread, with its arguments, until mw_kernel_end. Builds it at the first call, which may take
// seconds and holds up nobody but those who want the same program. Call without the lock of the device.
cl_kernel mw_kernel_begin(mw_ctx *c, const char *file, const char *entry, const char *options,
                          mw_kernel **held);
void mw_kernel_end(mw_kernel *held);

// ---- program_file.c
// The bytes of a program that was written under this path; NULL when there are none, or others. free() them.
unsigned char *mw_program_file_read(const char *path, size_t *size);
void mw_program_file_write(mw_ctx *c, const char *path, cl_program g); // where it fails nothing is left

// ---- turn.c
typedef struct mw_turn { // of zeros while it is nobody's
    bool taken;
    uint64_t what; // a hash
    struct mw_turn *next;
} mw_turn;
// Waits while another turn at the same thing is taken, in this process. Nothing happens where this one is.
void mw_turn_begin(mw_turn *t, uint64_t what);
void mw_turn_end(mw_turn *t); // one that was not taken, too

// ---- text_program.c: programs that are none of kernels/
// The kernel `entry` of the text, built for the context's stream; to be released by the caller. Messages of
// the compiler name `place` and lines that count from `line`. MW_E_SCRIPT with what the compiler says. Takes
// seconds: without the device's lock.
cl_kernel mw_text_program(mw_ctx *c, const char *text, const char *entry, const char *place, int line);
typedef struct mw_kernel_arg {
    char name[128], type[64]; // "x", "float*"
    bool is_global, is_const;
} mw_kernel_arg;
// What argument i was declared as. False where the driver does not say.
bool mw_kernel_arg_info(mw_ctx *c, cl_kernel k, cl_uint i, mw_kernel_arg *arg);

// ---- driver_cache.c
// Before the first call of OpenCL: sees to it that the driver can keep compiled kernels somewhere.
void mw_lend_driver_cache(mw_ctx *c);

// ---- tune.c
void mw_tunings_free(struct mw_tunings *t);

// ---- profile.c
struct mw_profile *mw_profile_new(void);
void mw_profile_free(struct mw_profile *p);
void mw_profile_add(struct mw_profile *p, const char *file, const char *entry, cl_event event);
void mw_profile_collect(struct mw_profile *p); // after the queue has finished

#endif
