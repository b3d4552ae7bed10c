// gguf_read.c: bytes, numbers, texts and names, in the order of a GGUF file.
#include "core/io/gguf_internal.h"

#include "core/base/text.h"

#include <string.h>

size_t mw_gguf_left(const mw_gguf_reader *r) { return r->g->map.size - r->at; }

// The file ends, or is damaged, where `what` is to be read.
static bool cut(mw_gguf_reader *r, const char *what)
{
    mw_fail(r->c, MW_E_FILE, "%s: is cut short or damaged: %s at byte %zu of %zu", r->g->path, what, r->at,
            r->g->map.size);
    return false;
}

bool mw_gguf_read_bytes(mw_gguf_reader *r, void *out, size_t n, const char *what)
{
    if (n > mw_gguf_left(r))
        return cut(r, what);
    memcpy(out, r->g->map.data + r->at, n);
    r->at += n;
    return true;
}

bool mw_gguf_read_u32(mw_gguf_reader *r, uint32_t *out, const char *what)
{
    return mw_gguf_read_bytes(r, out, 4, what);
}
bool mw_gguf_read_u64(mw_gguf_reader *r, uint64_t *out, const char *what)
{
    return mw_gguf_read_bytes(r, out, 8, what);
}

bool mw_gguf_read_text(mw_gguf_reader *r, const char **text, size_t *size, const char *what)
{
    uint64_t n;
    if (!mw_gguf_read_u64(r, &n, what))
        return false;
    if (n > mw_gguf_left(r))
        return cut(r, what);
    *text = (const char *)r->g->map.data + r->at;
    *size = (size_t)n;
    r->at += *size;
    return true;
}

bool mw_gguf_read_name(mw_gguf_reader *r, const char **name, size_t *size, const char *what)
{
    char shown[100];
    if (!mw_gguf_read_text(r, name, size, what))
        return false;
    if (*size && *size <= UINT16_MAX && mw_utf8_length(*name, *size) == *size && !memchr(*name, 0, *size))
        return true;
    mw_fail(r->c, MW_E_FILE, "%s: %s must be 1 to %d bytes of UTF-8 without zeros, got %zu: %s", r->g->path,
            what, UINT16_MAX, *size, mw_printable_n(*name, *size, shown, sizeof shown));
    return false;
}

void *mw_gguf_grown(mw_ctx *c, void *list, size_t n, size_t bytes)
{
    return n & (n - 1) ? list : mw_realloc(c, list, (n ? 2 * n : 1) * bytes);
}

char *mw_gguf_own_name(mw_ctx *c, const char *name, size_t length, const char *text, size_t size)
{
    char *own = mw_alloc(c, length + size + 2);
    if (own) {
        memcpy(own, name, length);
        memcpy(own + length + 1, text, size);
    }
    return own;
}
