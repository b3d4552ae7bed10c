// zip.h: reads the directory of a zip archive in memory whose entries are stored, not compressed.
//
// Archives are taken as hostile: every place and length is checked against the archive before it is used, an
// entry's own header must agree with the directory, and nothing is allocated that the archive's size does not
// justify. Checksums are not looked at: PyTorch may leave them wrong. Format: PKWARE's APPNOTE 6.3.10.
#ifndef MW_ZIP_H
#define MW_ZIP_H

#include "core/base/ctx.h"

typedef struct mw_zip_entry {
    char *name;          // owned by the archive
    const uint8_t *data; // borrowed from what was given to mw_zip_open
    size_t size;
} mw_zip_entry;

typedef struct mw_zip {
    mw_zip_entry *entries; // sorted by name
    size_t n;
} mw_zip;

// `file` is for messages. MW_E_FILE when the archive is damaged, compressed, encrypted, of several parts, or
// names an entry twice. Free with mw_zip_close, also on failure.
mw_status mw_zip_open(mw_ctx *c, const char *file, const uint8_t *data, size_t size, mw_zip *out);
void mw_zip_close(mw_zip *z);

// NULL when there is none.
const mw_zip_entry *mw_zip_find(const mw_zip *z, const char *name);

#endif
