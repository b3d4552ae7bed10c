// file.h: whole files in and out, read-only mappings.
// Only regular files are read: a pipe or a device could block or never end.
#ifndef MW_FILE_H
#define MW_FILE_H

#include "core/base/ctx.h"

// The whole file with a zero byte behind it; free() it. *size (may be NULL) is its length without that byte.
// NULL with MW_E_FILE pending when it can't be read, is no regular file or is longer than `limit` bytes.
char *mw_file_read(mw_ctx *c, const char *path, size_t limit, size_t *size);

// Replace or create a file at once: readers see the old content or the new, never a part.
mw_status mw_file_write(mw_ctx *c, const char *path, const void *data, size_t size);

// The same in pieces. Begin opens a temporary file in the same folder; commit flushes it and renames it to
// `path`, or removes it when an error is pending or the user asked to stop. Every begin needs one commit.
// begin returns NULL with an error pending; put and commit accept NULL.
typedef struct mw_file_writer mw_file_writer;
mw_file_writer *mw_file_begin(mw_ctx *c, const char *path);
void mw_file_put(mw_ctx *c, mw_file_writer *w, const void *data, size_t size);
mw_status mw_file_commit(mw_ctx *c, mw_file_writer *w);

// The program is about to leave in the midst of what it does: temporary files go, and none is made any more.
void mw_file_abandon(void);

// A file mapped read-only. Whoever shortens the file meanwhile makes reads of the lost part fatal, as with
// any mapping.
typedef struct {
    const uint8_t *data; // NULL for an empty file
    size_t size;
} mw_mapping;
bool mw_file_map(mw_ctx *c, const char *path, mw_mapping *m);
void mw_file_unmap(mw_mapping *m);
// Bytes of a mapping that were read and may leave memory; reading them again fetches them again.
void mw_file_forget(const void *data, size_t size);

#endif
