// zip.c: reads the directory of a zip archive in memory whose entries are stored, not compressed.
#include "core/io/zip.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

// Sizes of the fixed parts of records, without their signatures counted apart.
enum { END = 22, END64 = 56, LOCATOR = 20, CENTRAL = 46, LOCAL = 30, COMMENT = 65535 };

typedef struct {
    mw_ctx *c;
    const char *file;
    const uint8_t *at;
    size_t size;
    uint64_t begin, end, n; // of the directory: its bytes, and how many entries it has
} reader;

static mw_status bad(const reader *r, const char *why)
{
    return mw_fail(r->c, MW_E_FILE, "%s: damaged zip archive: %s", r->file, why);
}

static uint64_t number(const uint8_t *p, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static bool is_record(const reader *r, uint64_t at, uint64_t size, const char *signature)
{
    return size <= r->size && at <= r->size - size && memcmp(r->at + at, signature, 4) == 0;
}

// The record at the end of the archive; its place, 0 when there is none.
static uint64_t find_end(const reader *r)
{
    for (uint64_t back = END; back <= r->size && back <= END + COMMENT; back++) {
        uint64_t at = r->size - back;
        if (is_record(r, at, END, "PK\5\6") && number(r->at + at + 20, 2) == back - END)
            return at;
    }
    return 0;
}

static mw_status read_end(reader *r)
{
    uint64_t at = find_end(r);
    if (!at)
        return bad(r, "its end is missing");
    const uint8_t *p = r->at + at;
    bool parts = number(p + 4, 2) || number(p + 6, 2);
    r->n = number(p + 10, 2);
    r->end = number(p + 12, 4);
    r->begin = number(p + 16, 4);
    if (at >= LOCATOR && is_record(r, at - LOCATOR, LOCATOR, "PK\6\7")) {
        uint64_t wide = number(r->at + at - LOCATOR + 8, 8);
        if (!is_record(r, wide, END64, "PK\6\6"))
            return bad(r, "its end is missing");
        p = r->at + wide;
        r->n = number(p + 32, 8);
        r->end = number(p + 40, 8);
        r->begin = number(p + 48, 8);
    }
    if (parts)
        return bad(r, "it is of several parts");
    if (r->begin > at || r->end > at - r->begin || r->n > r->end / CENTRAL)
        return bad(r, "its directory lies outside of it");
    r->end += r->begin;
    return mw_err(r->c);
}

// Numbers that do not fit into 32 bits stand in an extra field, in this order.
static bool widen(const uint8_t *extra, size_t size, uint64_t *const wide[3])
{
    while (size >= 4) {
        size_t n = number(extra + 2, 2);
        if (n > size - 4)
            return false;
        if (number(extra, 2) == 1) {
            const uint8_t *p = extra + 4;
            for (int i = 0; i < 3; i++) {
                if (*wide[i] != UINT32_MAX)
                    continue;
                if (n < 8)
                    return false;
                *wide[i] = number(p, 8);
                p += 8;
                n -= 8;
            }
            return true;
        }
        extra += 4 + n;
        size -= 4 + n;
    }
    return true;
}

// The bytes of an entry, behind its own header.
static mw_status find_data(const reader *r, uint64_t local, uint64_t size, const uint8_t *name, size_t length,
                           mw_zip_entry *out)
{
    if (!is_record(r, local, LOCAL, "PK\3\4"))
        return bad(r, "an entry lies outside of it");
    const uint8_t *p = r->at + local;
    uint64_t at = local + LOCAL + number(p + 26, 2) + number(p + 28, 2);
    if (at > r->begin || size > r->begin - at)
        return bad(r, "an entry lies outside of it");
    if (number(p + 26, 2) != length || memcmp(p + LOCAL, name, length) != 0)
        return bad(r, "an entry has two names");
    out->data = r->at + at;
    out->size = (size_t)size;
    return MW_OK;
}

static mw_status read_entry(const reader *r, uint64_t *at, mw_zip_entry *out)
{
    char shown[100];
    if (r->end - *at < CENTRAL || !is_record(r, *at, CENTRAL, "PK\1\2"))
        return bad(r, "its directory is cut");
    const uint8_t *p = r->at + *at, *name = p + CENTRAL;
    size_t length = number(p + 28, 2), extra = number(p + 30, 2), comment = number(p + 32, 2);
    if (r->end - *at - CENTRAL < length + extra + comment)
        return bad(r, "its directory is cut");
    *at += CENTRAL + length + extra + comment;
    uint64_t packed = number(p + 20, 4), size = number(p + 24, 4), local = number(p + 42, 4);
    if (!widen(name + length, extra, (uint64_t *const[]){&size, &packed, &local}))
        return bad(r, "an entry's sizes are cut");
    mw_printable_n((const char *)name, length, shown, sizeof shown);
    if (number(p + 8, 2) & 1)
        return mw_fail(r->c, MW_E_FILE, "%s: '%s' in it is encrypted", r->file, shown);
    if (number(p + 10, 2))
        return mw_fail(r->c, MW_E_FILE, "%s: '%s' in it is compressed, which is not supported", r->file,
                       shown);
    if (packed != size || memchr(name, 0, length))
        return bad(r, "an entry has two sizes, or a zero in its name");
    out->name = mw_alloc(r->c, length + 1);
    if (out->name)
        memcpy(out->name, name, length);
    return mw_err(r->c) != MW_OK ? mw_err(r->c) : find_data(r, local, size, name, length, out);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_zip_entry *)a)->name, ((const mw_zip_entry *)b)->name);
}

mw_status mw_zip_open(mw_ctx *c, const char *file, const uint8_t *data, size_t size, mw_zip *out)
{
    reader r = {.c = c, .file = file, .at = data, .size = size};
    *out = (mw_zip){0};
    if (mw_err(c) != MW_OK || read_end(&r) != MW_OK)
        return mw_err(c);
    out->entries = mw_alloc(c, (size_t)r.n * sizeof *out->entries);
    uint64_t at = r.begin;
    while (out->entries && out->n < r.n && mw_err(c) == MW_OK)
        read_entry(&r, &at, &out->entries[out->n++]);
    if (mw_err(c) == MW_OK && out->n)
        qsort(out->entries, out->n, sizeof *out->entries, by_name);
    for (size_t i = 1; i < out->n && mw_err(c) == MW_OK; i++)
        if (by_name(&out->entries[i - 1], &out->entries[i]) == 0)
            bad(&r, "it names an entry twice");
    return mw_err(c);
}

void mw_zip_close(mw_zip *z)
{
    for (size_t i = 0; i < z->n; i++)
        free(z->entries[i].name);
    free(z->entries);
    *z = (mw_zip){0};
}

const mw_zip_entry *mw_zip_find(const mw_zip *z, const char *name)
{
    mw_zip_entry key = {.name = (char *)(uintptr_t)name};
    return z->n ? bsearch(&key, z->entries, z->n, sizeof key, by_name) : NULL;
}
