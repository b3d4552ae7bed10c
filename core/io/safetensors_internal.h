// safetensors_internal.h: what the reader's files share.
#ifndef MW_SAFETENSORS_INTERNAL_H
#define MW_SAFETENSORS_INTERNAL_H

#include "core/base/file.h"
#include "core/base/pathname.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"

// The format's limit on the header.
#define MW_ST_MAX_HEADER 100000000u

// One mapped file.
typedef struct {
    char *path;
    mw_mapping map;
    json_t *header; // owns the names
    int64_t *shapes;
    mw_st_entry *entries; // by place
    size_t count;
} mw_st_file;

struct mw_st {
    char *path;
    mw_st_file *files;
    size_t nfiles;
    mw_st_entry *entries;
    size_t count;
    json_t *index;    // name -> number of the entry
    json_t *metadata; // key -> text
};

// Maps and checks one file; f is zeroed before. On failure f may be part-filled: close it all the same.
mw_status mw_st_file_open(mw_ctx *c, mw_st_file *f, const char *path);
void mw_st_file_close(mw_st_file *f);

#endif
