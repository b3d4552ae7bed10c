// pickle_tensor.c: the names a pickle may use, and the tensors that come of them.
#include "core/io/pickle_internal.h"

#include "core/base/text.h"

#include <string.h>

// A tensor that shows a storage's elements more than once (expand) may have this many.
#define MAX_EXPANDED ((int64_t)1 << 24)

static const struct {
    const char *name;
    int64_t what;
} names[] = {
    {"collections OrderedDict", MW_NAME_DICT},
    {"torch._utils _rebuild_tensor_v2", MW_NAME_TENSOR},
    {"torch._utils _rebuild_parameter", MW_NAME_PARAMETER},
    {"torch BFloat16Storage", MW_NAME_STORAGE + MW_ST_BF16},
    {"torch BoolStorage", MW_NAME_STORAGE + MW_ST_BOOL},
    {"torch ByteStorage", MW_NAME_STORAGE + MW_ST_U8},
    {"torch CharStorage", MW_NAME_STORAGE + MW_ST_I8},
    {"torch DoubleStorage", MW_NAME_STORAGE + MW_ST_F64},
    {"torch FloatStorage", MW_NAME_STORAGE + MW_ST_F32},
    {"torch HalfStorage", MW_NAME_STORAGE + MW_ST_F16},
    {"torch IntStorage", MW_NAME_STORAGE + MW_ST_I32},
    {"torch LongStorage", MW_NAME_STORAGE + MW_ST_I64},
    {"torch ShortStorage", MW_NAME_STORAGE + MW_ST_I16},
};

mw_status mw_pickle_name(mw_pickle_reader *r, const char *module, size_t nmodule, const char *name,
                         size_t nname)
{
    char shown[2][80];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *n = names[i].name;
        if (strlen(n) == nmodule + 1 + nname && memcmp(n, module, nmodule) == 0 && n[nmodule] == ' ' &&
            memcmp(n + nmodule + 1, name, nname) == 0)
            return mw_pickle_push(r, (mw_pickle_value){.kind = MW_PICKLE_NAME, .integer = names[i].what});
    }
    return mw_fail(
        r->c, MW_E_FILE,
        "%s: its pickle asks for '%s.%s', which is none of the few names that tensors need; nothing "
        "of it was executed",
        r->file, mw_printable_n(module, nmodule, shown[0], sizeof shown[0]),
        mw_printable_n(name, nname, shown[1], sizeof shown[1]));
}

// The members of a tuple or list, at most `room`; how many there are.
static size_t members(const mw_pickle_reader *r, const mw_pickle_value *v, const mw_pickle_value **out,
                      size_t room)
{
    size_t n = 0;
    if (v->kind != MW_PICKLE_TUPLE && v->kind != MW_PICKLE_LIST)
        return SIZE_MAX;
    for (int32_t i = v->first; i >= 0; i = r->out->links[i].next, n++)
        if (n < room)
            out[n] = &r->out->values[r->out->links[i].value];
    return n;
}

// ('storage', its class, its entry, where it was, how many elements)
mw_status mw_pickle_storage_of(mw_pickle_reader *r, const mw_pickle_value *id, mw_pickle_value *out)
{
    const mw_pickle_value *m[5];
    if (members(r, id, m, 5) != 5 || m[0]->kind != MW_PICKLE_TEXT || m[0]->text.size != 7 ||
        memcmp(m[0]->text.at, "storage", 7) != 0 || m[1]->kind != MW_PICKLE_NAME ||
        m[1]->integer < MW_NAME_STORAGE || m[2]->kind != MW_PICKLE_TEXT || m[4]->kind != MW_PICKLE_INT ||
        m[4]->integer < 0)
        return mw_pickle_bad(r, "something outside of it is no storage of a tensor");
    *out = (mw_pickle_value){
        .kind = MW_PICKLE_STORAGE,
        .storage = {(mw_st_dtype)(m[1]->integer - MW_NAME_STORAGE), m[2]->text, m[4]->integer}};
    return MW_OK;
}

static mw_status read_sides(mw_pickle_reader *r, const mw_pickle_value *v, int64_t *out, size_t *n)
{
    const mw_pickle_value *m[MW_PICKLE_DIMS];
    *n = members(r, v, m, MW_PICKLE_DIMS);
    if (*n > MW_PICKLE_DIMS)
        return mw_pickle_bad(r, "a tensor has no proper shape");
    for (size_t i = 0; i < *n; i++) {
        if (m[i]->kind != MW_PICKLE_INT || m[i]->integer < 0)
            return mw_pickle_bad(r, "a tensor has a negative side or step");
        out[i] = m[i]->integer;
    }
    return MW_OK;
}

// Every element must lie in the storage.
static mw_status check_reach(mw_pickle_reader *r, mw_pickle_tensor *t)
{
    int64_t last = t->offset;
    t->count = 1;
    for (int i = 0; i < t->ndim; i++)
        if (__builtin_mul_overflow(t->count, t->shape[i], &t->count))
            return mw_pickle_bad(r, "a tensor is too large");
    for (int i = 0; i < t->ndim && t->count; i++) {
        int64_t way;
        if (__builtin_mul_overflow(t->shape[i] - 1, t->strides[i], &way) ||
            __builtin_add_overflow(last, way, &last))
            return mw_pickle_bad(r, "a tensor is too large");
    }
    if (t->count && last >= t->storage.count)
        return mw_pickle_bad(r, "a tensor reaches past its data");
    if (t->count > t->storage.count && t->count > MAX_EXPANDED)
        return mw_pickle_bad(r, "a tensor is much larger than its data");
    return MW_OK;
}

// _rebuild_tensor_v2(storage, offset, sides, steps, ...)
static mw_status rebuild_tensor(mw_pickle_reader *r, const mw_pickle_value *arguments, mw_pickle_value *out)
{
    const mw_pickle_value *m[4];
    size_t n = members(r, arguments, m, 4), ndim, nstrides;
    if (n < 4 || n > 8 || m[0]->kind != MW_PICKLE_STORAGE || m[1]->kind != MW_PICKLE_INT || m[1]->integer < 0)
        return mw_pickle_bad(r, "a tensor is not put together as PyTorch does");
    mw_pickle_tensor t = {.storage = m[0]->storage, .offset = m[1]->integer};
    if (read_sides(r, m[2], t.shape, &ndim) || read_sides(r, m[3], t.strides, &nstrides))
        return mw_err(r->c);
    if (ndim != nstrides)
        return mw_pickle_bad(r, "a tensor has other steps than sides");
    t.ndim = (int)ndim;
    if (check_reach(r, &t) || !mw_pickle_room(r, (void **)&r->out->tensors, r->out->ntensors, sizeof t))
        return mw_err(r->c);
    r->out->tensors[r->out->ntensors] = t;
    *out = (mw_pickle_value){.kind = MW_PICKLE_TENSOR, .tensor = (int32_t)r->out->ntensors++};
    return MW_OK;
}

mw_status mw_pickle_reduce(mw_pickle_reader *r, const mw_pickle_value *name, const mw_pickle_value *arguments,
                           mw_pickle_value *out)
{
    const mw_pickle_value *m[1];
    if (name->kind != MW_PICKLE_NAME)
        return mw_pickle_bad(r, "it calls what is no name");
    switch (name->integer) {
    case MW_NAME_DICT:
        *out = (mw_pickle_value){.kind = MW_PICKLE_DICT, .first = -1, .last = -1};
        return members(r, arguments, m, 1) == 0 ? MW_OK : mw_pickle_bad(r, "an OrderedDict with arguments");
    case MW_NAME_TENSOR: return rebuild_tensor(r, arguments, out);
    case MW_NAME_PARAMETER: {
        size_t n = members(r, arguments, m, 1);
        if (n < 1 || n > 3 || m[0]->kind != MW_PICKLE_TENSOR)
            return mw_pickle_bad(r, "a parameter without a tensor");
        *out = *m[0];
        return MW_OK;
    }
    default: return mw_pickle_bad(r, "it calls a storage's class");
    }
}
