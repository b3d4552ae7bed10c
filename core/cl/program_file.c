// program_file.c: compiled programs in files, of which parallel processes may share a folder.
//
// A file is written under a temporary name and renamed, and carries its key and a checksum.
#include "core/cl/device_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const char MAGIC[8] = "MWKERN2";

typedef struct file_header {
    char magic[8];
    uint64_t name; // of the file, by which it is found: a hash of what the program is made of
    uint64_t size, checksum;
} file_header;

static uint64_t name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return XXH3_64bits(slash, strlen(slash));
}

// What follows the header, when the file's length is what it says.
static unsigned char *read_body(FILE *f, const char *path, size_t *size)
{
    file_header h;
    long n = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    rewind(f);
    if (n < (long)sizeof h || fread(&h, sizeof h, 1, f) != 1 || memcmp(h.magic, MAGIC, sizeof MAGIC) != 0 ||
        h.name != name_of(path) || h.size != (size_t)n - sizeof h)
        return NULL;
    unsigned char *body = malloc(h.size + 1);
    *size = h.size;
    if (body && fread(body, 1, h.size, f) == h.size && h.checksum == XXH3_64bits(body, h.size))
        return body;
    free(body);
    return NULL;
}

unsigned char *mw_program_file_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    unsigned char *body = f ? read_body(f, path, size) : NULL;
    if (f)
        fclose(f);
    return body;
}

void mw_program_file_write(mw_ctx *c, const char *path, cl_program g)
{
    size_t size = 0;
    if (clGetProgramInfo(g, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || !size)
        return;
    unsigned char *bytes = malloc(size);
    char *temporary = mw_format(c, "%s.%ld.tmp", path, (long)getpid());
    FILE *f = NULL;
    if (bytes && temporary &&
        clGetProgramInfo(g, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) == CL_SUCCESS &&
        (f = fopen(temporary, "wb"))) {
        file_header h = {{0}, name_of(path), size, XXH3_64bits(bytes, size)};
        memcpy(h.magic, MAGIC, sizeof MAGIC);
        bool ok = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(bytes, 1, size, f) == size;
        ok = fclose(f) == 0 && ok;
        if (!ok || rename(temporary, path) != 0)
            unlink(temporary);
    }
    free(bytes);
    free(temporary);
}
