// file_kind.c: what a file is that was taken for a model, told from its first bytes.
#include "core/io/file_kind.h"

#include "core/base/file.h"
#include "core/base/pathname.h"

#include <string.h>
#include <strings.h>

#define PICKLE "a pickle, which is not supported yet: a .safetensors file is needed"
#define GGUF "a GGUF file"
#define LFS "a Git LFS pointer: the weights themselves were not downloaded (git lfs pull)"
#define WEB_PAGE "a web page, as a download without permission leaves it"
#define XML "an XML document, as a refused download leaves it"
#define MAGIC(text) text, sizeof text - 1

static const struct {
    size_t at;
    const char *bytes;
    size_t size;
    const char *what;
} magics[] = {
    {0, MAGIC("version https://git-lfs.github.com/spec/"), LFS},
    {0, MAGIC("version https://hawser.github.com/spec/"), LFS},
    {0, MAGIC("/annex/objects/"), "a git-annex pointer: the weights themselves were not downloaded"},
    {0, MAGIC("GGUF"), GGUF},
    {0, MAGIC("ggml"), "a GGML file"},
    {0, MAGIC("lmgg"), "a GGML file"},
    {0, MAGIC("tjgg"), "a GGML file"},
    {0, MAGIC("fmgg"), "a GGML file"},
    {0, MAGIC("PK\3\4"), "a zip archive"},
    {0, MAGIC("PK\5\6"), "an empty zip archive"},
    {0, MAGIC("\x1f\x8b"), "a gzip archive"},
    {0, MAGIC("BZh"), "a bzip2 archive"},
    {0,
     MAGIC("\xfd"
           "7zXZ"),
     "an xz archive"},
    {0, MAGIC("\x28\xb5\x2f\xfd"), "a zstd archive"},
    {0, MAGIC("7z\xbc\xaf\x27\x1c"), "a 7z archive"},
    {0, MAGIC("Rar!\x1a\x07"), "a RAR archive"},
    {0, MAGIC("<<<<<<< "), "a text with the marks of a Git merge that was not finished"},
    {257, MAGIC("ustar"), "a tar archive"},
    {0, MAGIC("\x89HDF\r\n\x1a\n"), "an HDF5 file"},
    {0, MAGIC("\x89PNG\r\n\x1a\n"), "a PNG picture"},
    {0, MAGIC("\xff\xd8\xff"), "a JPEG picture"},
    {8, MAGIC("WEBP"), "a WebP picture"},
    {4, MAGIC("ftypavif"), "an AVIF picture"},
    {4, MAGIC("ftyphei"), "a HEIF picture"},
    {4, MAGIC("ftypmif1"), "a HEIF picture"},
    {0, MAGIC("GIF8"), "a GIF picture"},
    {0, MAGIC("II*\0"), "a TIFF picture"},
    {0, MAGIC("MM\0*"), "a TIFF picture"},
    {0, MAGIC("%PDF-"), "a PDF"},
    {0, MAGIC("\xff\xfe"), "a text in UTF-16"},
    {0, MAGIC("\xfe\xff"), "a text in UTF-16"},
};

// How text begins, blanks and a byte order mark left out, in any case.
static const struct {
    const char *start, *what;
} texts[] = {
    {"<!doctype html", WEB_PAGE}, {"<html", WEB_PAGE}, {"<head", WEB_PAGE}, {"<?xml", XML}, {"<error", XML},
};

static bool holds(const char *head, size_t size, const char *bytes, size_t n)
{
    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(head + i, bytes, n) == 0)
            return true;
    return false;
}

// Pickles of protocol 2 to 5: the opcode of the protocol, its number, then another opcode.
static bool is_pickle(const char *head, size_t size)
{
    return size >= 3 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5 && head[2] &&
        strchr("}]()cXK\x8a\x8c\x95", head[2]);
}

const char *mw_file_kind(const void *bytes, size_t size)
{
    const char *head = bytes;
    size = size < 512 ? size : 512;
    if (!size)
        return "empty";
    if (size >= 4 && memcmp(head, "PK\3\4", 4) == 0 && holds(head, size, "data.pkl", 8))
        return PICKLE;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (size >= magics[i].at + magics[i].size &&
            memcmp(head + magics[i].at, magics[i].bytes, magics[i].size) == 0)
            return magics[i].what;
    if (is_pickle(head, size))
        return PICKLE;
    size_t skip = size >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (skip < size && strchr(" \t\r\n", head[skip]) && head[skip])
        skip++;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = strlen(texts[i].start);
        if (size - skip >= n && strncasecmp(head + skip, texts[i].start, n) == 0)
            return texts[i].what;
    }
    return NULL;
}

const char *mw_file_kind_at(mw_ctx *c, const char *path)
{
    static const char *const pickles[] = {".ckpt", ".pt", ".pth", ".bin", ".pkl"};
    mw_mapping m;
    if (!mw_file_map(c, path, &m))
        return NULL;
    bool tensors = m.size > 8 && m.data[8] == '{';
    const char *kind = tensors ? NULL : mw_file_kind(m.data, m.size);
    mw_file_unmap(&m);
    for (size_t i = 0; !kind && !tensors && i < sizeof pickles / sizeof *pickles; i++)
        if (mw_path_has_suffix(path, pickles[i]))
            return PICKLE;
    return kind;
}

bool mw_file_kind_is_torch(const char *kind) { return kind && strcmp(kind, PICKLE) == 0; }
