// file.h: whole files: read with a limit, written so that nobody ever sees a half.
#ifndef MW_FILE_H
#define MW_FILE_H

#include "core/base/ctx.h"

// The file's bytes with a 0 after the last; free() it. NULL with MW_E_FILE when it is not readable, not a
// regular file or has more than `limit` bytes. size may be NULL.
char *mw_file_read(mw_ctx *c, const char *path, size_t limit, size_t *size);

// Written to a temporary file beside it, then renamed over `path`.
mw_status mw_file_write(mw_ctx *c, const char *path, const void *data, size_t size);

#endif
