// gguf_write.c: writes a GGUF file.
#include "core/io/gguf_write.h"

#include "core/io/gguf_internal.h"

#include <string.h>

typedef struct {
    mw_ctx *c;
    mw_file_writer *w;
    uint64_t at;
} writer;

static void put(writer *w, const void *data, size_t size)
{
    mw_file_put(w->c, w->w, data, size);
    w->at += size;
}

static void put_u32(writer *w, uint32_t x) { put(w, &x, sizeof x); }
static void put_u64(writer *w, uint64_t x) { put(w, &x, sizeof x); }

static void put_text(writer *w, const char *text)
{
    put_u64(w, strlen(text));
    put(w, text, strlen(text));
}

static void put_zeros(writer *w, uint64_t to)
{
    static const char zeros[64];
    while (w->at < to && mw_err(w->c) == MW_OK)
        put(w, zeros, to - w->at < sizeof zeros ? (size_t)(to - w->at) : sizeof zeros);
}

static void put_value(writer *w, const mw_gguf_out_value *v)
{
    uint64_t count = v->array ? v->count : 1;
    const char *const *texts = v->data;
    put_text(w, v->key);
    if (v->array) {
        put_u32(w, MW_GGUF_ARRAY);
        put_u32(w, v->kind);
        put_u64(w, count);
    } else {
        put_u32(w, v->kind);
    }
    for (uint64_t i = 0; v->kind == MW_GGUF_TEXT && i < count; i++)
        put_text(w, texts[i]);
    put(w, v->data, (size_t)count * mw_gguf_kind_bytes(v->kind));
}

static int64_t columns_of(const mw_gguf_out_tensor *t) { return t->ndim ? t->shape[t->ndim - 1] : 1; }

// Bytes of a tensor.
static uint64_t bytes_of(const mw_gguf_out_tensor *t)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(t->type);
    uint64_t blocks = (uint64_t)(columns_of(t) / f->block);
    for (int i = 0; i < t->ndim - 1; i++)
        blocks *= (uint64_t)t->shape[i];
    return blocks * (uint64_t)f->bytes;
}

static void check(mw_ctx *c, const char *path, const mw_gguf_out *out)
{
    for (size_t i = 0; i < out->ntensors; i++) {
        const mw_gguf_out_tensor *t = &out->tensors[i];
        const mw_ggml_facts *f = mw_ggml_type_facts(t->type);
        if (!f || columns_of(t) % f->block)
            mw_fail(c, MW_E_ARG, "%s: tensor '%s': rows of %lld are no whole blocks of %s", path, t->name,
                    (long long)columns_of(t), f ? f->name : "an unknown type");
    }
}

static uint64_t up(uint64_t at, uint64_t step) { return (at + step - 1) / step * step; }

static uint64_t alignment_of(const mw_gguf_out *out)
{
    uint32_t alignment = MW_GGUF_ALIGNMENT;
    for (size_t i = 0; i < out->nvalues; i++)
        if (!strcmp(out->values[i].key, MW_GGUF_ALIGNMENT_KEY))
            memcpy(&alignment, out->values[i].data, sizeof alignment);
    return alignment;
}

static void put_table(writer *w, const mw_gguf_out *out, uint64_t alignment)
{
    uint64_t offset = 0;
    put(w, MW_GGUF_MAGIC, 4);
    put_u32(w, MW_GGUF_VERSION);
    put_u64(w, out->ntensors);
    put_u64(w, out->nvalues);
    for (size_t i = 0; i < out->nvalues; i++)
        put_value(w, &out->values[i]);
    for (size_t i = 0; i < out->ntensors; i++) {
        const mw_gguf_out_tensor *t = &out->tensors[i];
        put_text(w, t->name);
        put_u32(w, (uint32_t)t->ndim);
        for (int d = t->ndim; d > 0; d--)
            put_u64(w, (uint64_t)t->shape[d - 1]);
        put_u32(w, t->type);
        put_u64(w, offset);
        offset = up(offset + bytes_of(t), alignment);
    }
}

mw_status mw_gguf_write(mw_ctx *c, const char *path, const mw_gguf_out *out)
{
    check(c, path, out);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    writer w = {c, mw_file_begin(c, path), 0};
    uint64_t alignment = alignment_of(out);
    put_table(&w, out, alignment);
    for (size_t i = 0; i < out->ntensors && mw_err(c) == MW_OK; i++) {
        const mw_gguf_out_tensor *t = &out->tensors[i];
        put_zeros(&w, up(w.at, alignment));
        const void *data = t->data ? t->data : out->make(c, out->user, t);
        if (data)
            put(&w, data, (size_t)bytes_of(t));
    }
    put_zeros(&w, up(w.at, alignment));
    return mw_file_commit(c, w.w);
}
