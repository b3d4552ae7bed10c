// text_kernel.c: kernels whose text somebody hands over: checked against their arguments, and launched.
#include "core/tensor/text_kernel.h"

#include "core/ops.h"
#include "core/tensor/launch.h"
#include "core/tensor/tensor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

typedef struct mw_text_built {
    cl_kernel kernel;
    bool known;                           // the driver says how arguments are declared
    mw_dtype dtype[MW_MAXIN + MW_MAXOUT]; // then what the elements of the tensors are
} built;

void mw_text_kernel_forget(mw_text_kernel *k)
{
    for (int i = 0; i < MW_MOST_STREAMS; i++) {
        if (k->built[i])
            clReleaseKernel(k->built[i]->kernel);
        free(k->built[i]);
        k->built[i] = NULL;
    }
}

// ---- what the arguments are declared as

static int tensors_of(const mw_text_kernel *k) { return k->nin + k->nout; }
static int args_of(const mw_text_kernel *k) { return tensors_of(k) + k->nparams + 1; }

// "global const float *x": argument i as it should be.
static const char *expected(const mw_text_kernel *k, int i, char *text, size_t size)
{
    int param = i - tensors_of(k);
    if (param < 0)
        snprintf(text, size, "global %sfloat *%s", i < k->nin ? "const " : "", k->arg[i]);
    else if (param < k->nparams)
        snprintf(text, size, "%s %s", k->whole[param] ? "int" : "float", k->arg[i]);
    else
        snprintf(text, size, "ulong n");
    return text;
}

// "kernel void swish(global const float *x, global float *y, ulong n)"
static char *declaration(mw_ctx *c, const mw_text_kernel *k)
{
    char *all = mw_format(c, "kernel void %s(", k->name), one[256];
    for (int i = 0; all && i < args_of(k); i++) {
        char *longer =
            mw_format(c, "%s%s%s", all, expected(k, i, one, sizeof one), i + 1 < args_of(k) ? ", " : ")");
        free(all);
        all = longer;
    }
    return all;
}

// Elements of "half*" and "half4*".
static bool elements(const char *type, mw_dtype *dtype)
{
    static const struct {
        const char *name;
        mw_dtype dtype;
    } types[] = {{"float", MW_F32}, {"half", MW_F16}, {"int", MW_I32}, {"uchar", MW_U8}};
    static const char *const ends[] = {"*", "2*", "4*", "8*", "16*"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t n = strlen(types[i].name);
        for (size_t e = 0; !strncmp(type, types[i].name, n) && e < sizeof ends / sizeof *ends; e++)
            if (!strcmp(type + n, ends[e])) {
                *dtype = types[i].dtype;
                return true;
            }
    }
    return false;
}

static bool is_right(const mw_text_kernel *k, int i, const mw_kernel_arg *a, mw_dtype *dtype)
{
    int param = i - tensors_of(k);
    if (param < 0)
        return a->is_global && a->is_const == (i < k->nin) && elements(a->type, dtype) &&
            !strcmp(a->name, k->arg[i]);
    const char *type = param == k->nparams ? "ulong" : k->whole[param] ? "int" : "float";
    return !a->is_global && !strcmp(a->type, type) && !strcmp(a->name, param == k->nparams ? "n" : k->arg[i]);
}

// Argument i as the driver says it is; false where it does not.
static bool check_argument(mw_ctx *c, const mw_text_kernel *k, built *b, int i)
{
    char want[256];
    mw_kernel_arg a;
    mw_dtype none, *dtype = i < tensors_of(k) ? &b->dtype[i] : &none;
    if (!mw_kernel_arg_info(c, b->kernel, (cl_uint)i, &a))
        return false;
    if (!is_right(k, i, &a, dtype))
        mw_fail(c, MW_E_SCRIPT, "its argument %d is '%s%s%s %s', expected '%s'%s", i + 1,
                a.is_global ? "global " : "", a.is_const ? "const " : "", a.type, a.name,
                expected(k, i, want, sizeof want),
                i < tensors_of(k) ? " (or half, int, uchar, vectors of them)" : "");
    return true;
}

static void check_arguments(mw_ctx *c, const mw_text_kernel *k, built *b)
{
    cl_uint n = 0;
    if (mw_cl_check(c, clGetKernelInfo(b->kernel, CL_KERNEL_NUM_ARGS, sizeof n, &n, NULL), k->name))
        return;
    if (n != (cl_uint)args_of(k))
        mw_fail(c, MW_E_SCRIPT, "it takes %u arguments, expected %d", n, args_of(k));
    b->known = true;
    for (int i = 0; b->known && i < args_of(k) && !mw_err(c); i++)
        b->known = check_argument(c, k, b, i);
    char *all = mw_err(c) == MW_E_SCRIPT ? declaration(c, k) : NULL;
    if (all)
        mw_fail_context(c, "the kernel '%s' must begin as %s", k->name, all);
    free(all);
}

static built *build(mw_ctx *c, mw_text_kernel *k)
{
    built **at = &k->built[mw_stream_number(c->stream)];
    if (*at)
        return *at;
    built *b = mw_alloc(c, sizeof *b);
    if (b)
        b->kernel = mw_text_program(c, k->text, k->name, k->place, k->line);
    if (b && b->kernel)
        check_arguments(c, k, b);
    if (!mw_err(c))
        return *at = b;
    if (b && b->kernel)
        clReleaseKernel(b->kernel);
    free(b);
    return NULL;
}

// ---- tensors as the kernel takes them

static mw_dtype taken_as(const built *b, int i, const mw_tensor *t)
{
    return b->known ? b->dtype[i] : t->dtype == MW_F16 ? MW_F32 : t->dtype;
}

static bool check_elements(mw_ctx *c, const mw_text_kernel *k, const built *b, int i, const mw_tensor *t)
{
    char shape[128];
    mw_dtype as = taken_as(b, i, t);
    if (as == t->dtype || (as <= MW_F16 && t->dtype <= MW_F16))
        return true;
    mw_fail(c, MW_E_SCRIPT, "the kernel '%s' takes '%s' as %s, got %s", k->name, k->arg[i], mw_dtype_name(as),
            mw_shape_text(t, shape, sizeof shape));
    return false;
}

static size_t first_byte(const mw_tensor *t)
{
    return mw_tensor_begin(t) + (size_t)t->offset * mw_dtype_size(t->dtype);
}

// Contiguous, of the kernel's dtype, and beginning where a sub-buffer may.
static mw_tensor *input(mw_ctx *c, const mw_text_kernel *k, const built *b, int i, mw_tensor *t)
{
    if (!check_elements(c, k, b, i, t))
        return NULL;
    mw_tensor *x = mw_contiguous(c, mw_cast(c, t, taken_as(b, i, t)));
    unsigned align = c->stream->info.address_align;
    if (!x || !align || first_byte(x) % align == 0)
        return x;
    mw_tensor *own = mw_tensor_new(c, x->dtype, x->ndim, x->shape);
    if (own)
        mw_copy_elements(c, x, own);
    return own;
}

// What the kernel writes for t: t itself where it has the dtype.
static mw_tensor *output(mw_ctx *c, const mw_text_kernel *k, const built *b, int i, mw_tensor *t)
{
    if (!check_elements(c, k, b, i, t))
        return NULL;
    mw_dtype as = taken_as(b, i, t);
    mw_tensor *y = as == t->dtype ? t : mw_tensor_new(c, as, t->ndim, t->shape);
    return mw_fill(c, y, 0) ? NULL : y;
}

static cl_mem sub_buffer(mw_ctx *c, const mw_tensor *t)
{
    size_t bytes = (size_t)mw_numel(t) * mw_dtype_size(t->dtype);
    cl_buffer_region part = {first_byte(t), bytes ? bytes : 1};
    cl_int e;
    cl_mem m = clCreateSubBuffer(mw_tensor_buffer(t), 0, CL_BUFFER_CREATE_TYPE_REGION, &part, &e);
    return mw_cl_check(c, e, "a part of a buffer") ? NULL : m;
}

// ---- launching

static cl_int set_number(cl_kernel kernel, int i, bool whole, double value)
{
    cl_int number = whole ? (cl_int)value : 0;
    cl_float real = (cl_float)value;
    return whole ? clSetKernelArg(kernel, (cl_uint)i, sizeof number, &number)
                 : clSetKernelArg(kernel, (cl_uint)i, sizeof real, &real);
}

// What the time of a launch follows from.
static uint64_t pace_key(const mw_text_kernel *k, const double *params, const mw_text_range *r)
{
    uint64_t key = XXH3_64bits_withSeed(r->global, sizeof r->global, (uint64_t)(uintptr_t)k);
    return XXH3_64bits_withSeed(params, (size_t)k->nparams * sizeof *params, key);
}

static void enqueue(mw_ctx *c, const mw_text_kernel *k, const built *b, mw_tensor *const *t,
                    const double *params, const mw_text_range *r)
{
    mw_stream *d = c->stream;
    int n = tensors_of(k);
    cl_mem part[MW_MAXIN + MW_MAXOUT] = {0};
    cl_event event = NULL;
    cl_int e = CL_SUCCESS;
    cl_ulong count = (cl_ulong)mw_numel(t[k->nin]);
    mw_pace_launch l = mw_pace_look_up(d->pace, pace_key(k, params, r), 0);
    mw_pace_begin(d->pace, &l);
    for (int i = 0; i < n && !mw_err(c) && e == CL_SUCCESS; i++)
        if ((part[i] = sub_buffer(c, t[i])))
            e = clSetKernelArg(b->kernel, (cl_uint)i, sizeof(cl_mem), &part[i]);
    for (int i = 0; i < k->nparams && e == CL_SUCCESS; i++)
        e = set_number(b->kernel, n + i, k->whole[i], params[i]);
    if (e == CL_SUCCESS)
        e = clSetKernelArg(b->kernel, (cl_uint)(n + k->nparams), sizeof count, &count);
    if (!mw_err(c) && e == CL_SUCCESS)
        e = clEnqueueNDRangeKernel(d->queue, b->kernel, (cl_uint)r->dims, NULL, r->global,
                                   r->local[0] ? r->local : NULL, 0, NULL,
                                   d->profile || l.marked ? &event : NULL);
    for (int i = 0; i < n; i++)
        if (part[i])
            clReleaseMemObject(part[i]);
    mw_cl_check(c, e, k->name);
    mw_launched(d, "script", k->name, &l, event);
}

static bool check_range(mw_ctx *c, const mw_text_kernel *k, const mw_text_range *r)
{
    size_t group = 1, most = mw_device_caps(c)->max_group;
    for (int i = 0; i < r->dims && r->local[0]; i++) {
        if (r->global[i] % r->local[i])
            mw_fail(c, MW_E_ARG, "the kernel '%s': global size %zu is no multiple of the local size %zu",
                    k->name, r->global[i], r->local[i]);
        group *= r->local[i] < most ? r->local[i] : most + 1;
    }
    if (group > most)
        mw_fail(c, MW_E_ARG, "the kernel '%s': its local size is more than the %zu items that %s allows",
                k->name, most, c->stream->name);
    return !mw_err(c);
}

mw_status mw_text_kernel_run(mw_ctx *c, mw_text_kernel *k, mw_tensor *const *in, mw_tensor *const *out,
                             const double *params, const mw_text_range *range)
{
    mw_tensor *t[MW_MAXIN + MW_MAXOUT];
    if (mw_err(c) || c->dry || mw_cancelled(c) || !check_range(c, k, range))
        return mw_err(c);
    const built *b = build(c, k);
    if (!b)
        return mw_err(c);
    mw_scope_begin(c);
    for (int i = 0; i < k->nin && !mw_err(c); i++)
        t[i] = input(c, k, b, i, in[i]);
    for (int i = 0; i < k->nout && !mw_err(c); i++)
        t[k->nin + i] = output(c, k, b, k->nin + i, out[i]);
    bool empty = false;
    for (int i = 0; i < range->dims; i++)
        empty = empty || !range->global[i];
    if (!empty && !mw_err(c))
        enqueue(c, k, b, t, params, range);
    for (int i = 0; i < k->nout && !mw_err(c); i++)
        if (t[k->nin + i] != out[i])
            mw_copy_elements(c, t[k->nin + i], out[i]);
    mw_scope_end(c, NULL);
    return mw_err(c);
}
