// launch.c: kernel launches on tensors.
#include "core/tensor/launch.h"

#include "core/cl/blas.h"
#include "core/tensor/tape.h"
#include "core/tensor/tensor_internal.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static const struct {
    enum { CPU, GPU, ANY } family;
    const char *files, *options;
} variants[] = {
#define VARIANT(name, family, files, options) {family, files, options},
#include "core/tensor/variants.h"
#undef VARIANT
};

const mw_caps *mw_device_caps(const mw_ctx *c)
{
    static const mw_caps without_device = {.cpu = true, .vector_width = 8, .compute_units = 1};
    return c->stream ? &c->stream->info.caps : &without_device;
}

// Sets the argument(s) for one mw_arg; returns the next index.
static cl_uint set_argument(cl_kernel k, cl_uint i, const mw_arg *a, cl_int *e)
{
    cl_mem none = NULL;
    cl_long begin = 0;
    cl_int failed = CL_SUCCESS;
    switch (a->kind) {
    case MW_ARG_TENSOR:
        if (a->t) {
            none = mw_tensor_buffer(a->t);
            begin = (cl_long)(mw_tensor_begin(a->t) / mw_dtype_size(a->t->dtype)) + a->t->offset;
        }
        failed = clSetKernelArg(k, i++, sizeof none, a->t ? &none : NULL);
        if (failed == CL_SUCCESS)
            failed = clSetKernelArg(k, i++, sizeof begin, &begin);
        break;
    case MW_ARG_INT: failed = clSetKernelArg(k, i++, sizeof a->i, &a->i); break;
    case MW_ARG_LONG: failed = clSetKernelArg(k, i++, sizeof a->l, &a->l); break;
    case MW_ARG_FLOAT: failed = clSetKernelArg(k, i++, sizeof a->f, &a->f); break;
    case MW_ARG_STRUCT: failed = clSetKernelArg(k, i++, a->size, a->at); break;
    case MW_ARG_LOCAL: failed = clSetKernelArg(k, i++, a->bytes, NULL); break;
    }
    if (failed != CL_SUCCESS && *e == CL_SUCCESS)
        *e = failed;
    return i;
}

// What the time of a launch follows from.
static uint64_t pace_key(const mw_kernel *k, const mw_launch *l, const mw_arg *args, int nargs)
{
    uint64_t part[4] = {(uint64_t)(uintptr_t)k, l->global[0], l->global[1], l->global[2]};
    uint64_t key = XXH3_64bits(part, sizeof part);
    for (int i = 0; i < nargs; i++)
        if (args[i].kind == MW_ARG_INT || args[i].kind == MW_ARG_LONG)
            key = key * 0x9E3779B97F4A7C15u + (uint64_t)(args[i].kind == MW_ARG_INT ? args[i].i : args[i].l);
    return key;
}

// What a launch takes before it was measured, rather too much: what a slow unit does in a second.
static double guess(const mw_stream *d, const mw_launch *l, const mw_arg *args, int nargs)
{
    static const double PRODUCTS = 1e10, BYTES = 1e9;
    double bytes = 0;
    for (int i = 0; i < nargs; i++)
        if (args[i].kind == MW_ARG_TENSOR && args[i].t)
            bytes += (double)mw_numel(args[i].t) * (double)mw_dtype_size(args[i].t->dtype);
    int units = d->info.caps.compute_units;
    return (l->products / PRODUCTS + bytes / BYTES) / (units > 0 ? units : 1);
}

void mw_launched(mw_stream *d, const char *file, const char *entry, const mw_pace_launch *l, cl_event event)
{
    if (event && d->profile) {
        pthread_mutex_lock(&d->lock);
        clRetainEvent(event);
        mw_profile_add(d->profile, file, entry, event);
        pthread_mutex_unlock(&d->lock);
    }
    if (event && l->marked)
        mw_pace_add(d, l, event);
    else if (event)
        clReleaseEvent(event);
}

// How far a part goes along dimension 0: whole work-groups, enough of them to keep all units busy.
static size_t length_of_part(const mw_stream *d, const mw_launch *l, size_t parts)
{
    enum { ANY_GROUP = 64 }; // items, where the driver chooses
    size_t group = l->local[0] ? l->local[0] : ANY_GROUP, groups = (l->global[0] + group - 1) / group;
    size_t beside = 1, units = (size_t)d->info.caps.compute_units;
    for (int i = 1; i < l->dims; i++)
        beside *= l->global[i] / (l->local[i] ? l->local[i] : 1);
    size_t each = (groups + parts - 1) / parts, least = (units + beside - 1) / beside;
    if (least > 1)
        each = (each + least - 1) / least * least;
    return each < groups ? each * group : l->global[0];
}

// The results have the same bits however it is cut.
static cl_int enqueue(mw_ctx *c, const mw_launch *l, cl_kernel k, mw_pace_launch *pace)
{
    mw_stream *d = c->stream;
    size_t parts = mw_pace_parts(d->pace, pace);
    size_t each = parts > 1 ? length_of_part(d, l, parts) : l->global[0];
    cl_int e = CL_SUCCESS;
    for (size_t begin = 0; begin < l->global[0] && e == CL_SUCCESS && !mw_cancelled(c); begin += each) {
        size_t n[3] = {0}, from[3] = {begin};
        memcpy(n, l->global, sizeof n);
        n[0] = each < l->global[0] - begin ? each : l->global[0] - begin;
        pace->share = (double)n[0] / (double)l->global[0];
        mw_pace_begin(d->pace, pace);
        cl_event event = NULL;
        e = clEnqueueNDRangeKernel(d->queue, k, (cl_uint)l->dims, begin ? from : NULL, n,
                                   l->local[0] ? l->local : NULL, 0, NULL,
                                   d->profile || pace->marked ? &event : NULL);
        mw_launched(d, l->file, l->entry, pace, event);
    }
    return e;
}

static bool lists(const char *files, const char *file)
{
    size_t n = strlen(file);
    for (const char *at = files; (at = strstr(at, file)); at += n)
        if ((at == files || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

// Only what the table lists is ever compiled.
static bool is_listed(mw_ctx *c, const mw_launch *l)
{
    bool cpu = mw_device_caps(c)->cpu;
    if (lists(variants[l->variant].files, l->file) && variants[l->variant].family != (cpu ? GPU : CPU))
        return true;
    mw_fail(c, MW_E_BUILD,
            "core/tensor/variants.h does not list kernels/%s.cl with options '%s' for the %s family", l->file,
            variants[l->variant].options, cpu ? "CPU" : "GPU");
    return false;
}

// While a tape records, a launch that is no op's (a gradient's own kernel) would leave a gap in it.
static void check_recorded(mw_ctx *c, const mw_launch *l, const mw_arg *args, int nargs)
{
    for (int i = 0; i < nargs && !mw_err(c); i++)
        if (args[i].kind == MW_ARG_TENSOR && mw_watched(c, args[i].t))
            mw_fail(c, MW_E_ARG,
                    "%s is watched, and the kernel %s:%s that reads it cannot be differentiated again",
                    args[i].t->label ? args[i].t->label : "a tensor", l->file, l->entry);
}

mw_status mw_run(mw_ctx *c, const mw_launch *l, const mw_arg *args, int nargs)
{
    if (c->tape)
        check_recorded(c, l, args, nargs);
    if (mw_err(c) || c->dry || mw_cancelled(c))
        return mw_err(c);
    mw_stream *d = c->stream;
    for (int i = 0; i < l->dims; i++)
        if (l->global[i] == 0)
            return MW_OK;
    if (!is_listed(c, l))
        return mw_err(c);
    char options[384];
    snprintf(options, sizeof options, "-cl-std=CL1.2 -cl-mad-enable -DCPU=%d -DT_F16=%d -DW_F16=%d %s",
             d->info.caps.cpu, l->t == MW_F16, l->w == MW_F16, variants[l->variant].options);

    mw_kernel *held;
    cl_kernel k = mw_kernel_begin(c, l->file, l->entry, options, &held);
    if (k) {
        cl_int e = CL_SUCCESS;
        cl_uint index = 0;
        for (int i = 0; i < nargs && e == CL_SUCCESS; i++) // one that lacks shifts those behind it
            index = set_argument(k, index, &args[i], &e);
        mw_pace_launch pace =
            mw_pace_look_up(d->pace, pace_key(held, l, args, nargs), guess(d, l, args, nargs));
        if (e == CL_SUCCESS)
            e = enqueue(c, l, k, &pace);
        if (e != CL_SUCCESS)
            mw_fail(c,
                    e == CL_MEM_OBJECT_ALLOCATION_FAILURE || e == CL_OUT_OF_RESOURCES ? MW_E_MEMORY
                                                                                      : MW_E_DEVICE,
                    "%s: kernel %s:%s: %s", d->name, l->file, l->entry, mw_cl_error_name(e));
        mw_kernel_end(held);
        pthread_mutex_lock(&d->lock);
        if (e == CL_SUCCESS)
            d->products += l->products;
        pthread_mutex_unlock(&d->lock);
    }
    return mw_err(c);
}

static mw_blas_matrix blas_matrix(mw_matrix m)
{
    size_t begin = mw_tensor_begin(m.t) / sizeof(float) + (size_t)m.t->offset;
    return (mw_blas_matrix){mw_tensor_buffer(m.t), begin, (size_t)m.pitch, (size_t)m.batch_stride};
}

bool mw_run_blas(mw_ctx *c, int64_t m, int64_t n, int64_t k, int64_t batch, double alpha, mw_matrix a,
                 mw_matrix b, mw_matrix y)
{
    if (mw_err(c) || c->dry || mw_cancelled(c) || a.t->dtype != MW_F32 || b.t->dtype != MW_F32)
        return false;
    return mw_blas_gemm(c, (size_t)m, (size_t)n, (size_t)k, (size_t)batch, (float)alpha, blas_matrix(a),
                        blas_matrix(b), blas_matrix(y));
}
