// write.c: changing tensors in place, and the generations by which it is noticed.
#include "core/ops.h"
#include "core/tensor/record.h"

#include <math.h>
#include <string.h>

unsigned long mw_generation(const mw_tensor *t)
{
    return t && t->storage ? atomic_load(&t->storage->generation) : 0;
}

static atomic_ulong revision;

unsigned long mw_revision_next(void) { return atomic_fetch_add(&revision, 1) + 1; }
unsigned long mw_revision_last(void) { return atomic_load(&revision); }

void mw_made_from(mw_tensor *copy, const mw_tensor *source)
{
    mw_storage *s = copy->storage, *old = s->source;
    atomic_fetch_add(&source->storage->kept, 1);
    s->source = source->storage;
    s->source_generation = mw_generation(source);
    mw_storage_unkeep(old);
}

bool mw_stale(const mw_tensor *copy)
{
    const mw_storage *s = copy->storage, *source = s ? s->source : NULL;
    return source && atomic_load(&source->generation) != s->source_generation;
}

static const char *name_of(const mw_tensor *t) { return t->label ? t->label : "a tensor"; }

// Also from within a part of a network that is run again.
static bool followed(const mw_ctx *c, const mw_tensor *t)
{
    int out;
    return mw_record_of(c->tape, t, true, &out);
}

static bool overlaps_itself(const mw_tensor *y)
{
    for (int i = 0; i < y->ndim; i++)
        if (y->stride[i] == 0 && y->shape[i] > 1)
            return true;
    return false;
}

bool mw_change(mw_ctx *c, mw_tensor *y)
{
    char text[96];
    if (!mw_tensor_here(c, y))
        return false;
    if (followed(c, y))
        mw_fail(c, MW_E_ARG,
                "%s is watched by an open tape: changed in place, what came of it would get wrong gradients; "
                "change it when the tape has ended",
                name_of(y));
    else if (y->dtype == MW_U8)
        mw_fail(c, MW_E_ARG, "%s: u8 cannot be changed in place", name_of(y));
    else if (overlaps_itself(y))
        mw_fail(c, MW_E_SHAPE,
                "%s %s is an expanded view: its elements lie upon each other and cannot be written",
                name_of(y), mw_shape_text(y, text, sizeof text));
    if (mw_err(c) == MW_OK)
        atomic_fetch_add(&y->storage->generation, 1);
    return mw_err(c) == MW_OK;
}

mw_status mw_write(mw_ctx *c, mw_tensor *y, mw_tensor *x)
{
    char ty[96], tx[96];
    if (mw_err(c) || !y || !x || !mw_tensor_plain(c, x) || !mw_tensor_plain(c, y) || !mw_tensor_here(c, x))
        return mw_err(c);
    if (followed(c, x))
        return mw_fail(c, MW_E_ARG,
                       "%s is watched by an open tape and written into %s: its gradient would be lost; write "
                       "mw_alias of it to mean that",
                       name_of(x), name_of(y));
    if (x->dtype != y->dtype && (x->dtype > MW_F16 || y->dtype > MW_F16))
        return mw_fail(c, MW_E_SHAPE, "%s cannot be written into %s: only f32 and f16 change into each other",
                       mw_shape_text(x, tx, sizeof tx), mw_shape_text(y, ty, sizeof ty));
    mw_scope_begin(c);
    x = mw_expand(c, x, y->ndim, y->shape);
    if (!x)
        mw_fail_context(c, "writing into %s %s", name_of(y), mw_shape_text(y, ty, sizeof ty));
    if (x && x->storage == y->storage) { // may lie over y
        mw_tensor *apart = mw_tensor_new(c, x->dtype, x->ndim, x->shape);
        if (apart)
            mw_copy_elements(c, x, apart);
        x = apart;
    }
    if (x && mw_change(c, y))
        mw_copy_elements(c, x, y);
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status set(mw_ctx *c, const mw_tensor *y, double value)
{
    float v = (float)value;
    if (y->dtype == MW_I32) {
        int32_t whole = (int32_t)fmin(fmax(value, INT32_MIN), INT32_MAX);
        if (whole != value)
            return mw_fail(c, MW_E_ARG, "%g is not a whole number of 32 bits", value);
        memcpy(&v, &whole, sizeof v);
    }
    return mw_fill_elements(c, y, v);
}

mw_status mw_fill(mw_ctx *c, mw_tensor *y, double value)
{
    if (mw_err(c) || !y || !mw_tensor_plain(c, y) || !mw_change(c, y))
        return mw_err(c);
    return set(c, y, value);
}

mw_tensor *mw_full(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, double value)
{
    mw_tensor *t = mw_tensor_new(c, dtype, ndim, shape);
    if (t && dtype == MW_U8)
        mw_fail(c, MW_E_ARG, "u8 cannot be filled on the device");
    return t && mw_err(c) == MW_OK && set(c, t, value) == MW_OK ? t : NULL;
}
