// content_hash.h: a hash of a file's content, remembered so that large files are read once.
#ifndef MW_CONTENT_HASH_H
#define MW_CONTENT_HASH_H

#include "core/base/ctx.h"

typedef struct mw_content_hash {
    uint64_t lo, hi;
} mw_content_hash;

// The 128-bit hash of what the regular file at `path` (links followed) holds. What a file was hashed to is
// remembered with its device, inode, size and times, in the process and, from 1 MiB on, in
// $XDG_CACHE_HOME/moonweave/hashes; of a file that was written in the last two seconds nothing is, since two
// writes can share a tick of the clock. False when it cannot be read or the user asked to stop, with nothing
// pending, and with MW_E_MEMORY when host memory is out.
bool mw_content_hash_of(mw_ctx *c, const char *path, mw_content_hash *out);

#endif
