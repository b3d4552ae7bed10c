// stb.c: the bodies of stb_image and stb_image_write, cut down to PNG and JPEG, with zlib's deflate.
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

// As stb wants it: from malloc, NULL on failure. The level is zlib's usual one: higher ones gain little on
// pictures.
static unsigned char *deflate_all(unsigned char *data, int size, int *out_size, int level)
{
    (void)level;
    uLongf n = compressBound((uLong)size);
    unsigned char *out = n <= INT_MAX ? malloc(n) : NULL;
    if (!out || compress2(out, &n, data, (uLong)size, 6) != Z_OK) {
        free(out);
        return NULL;
    }
    *out_size = (int)n;
    return out;
}

#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#define STBIW_ZLIB_COMPRESS deflate_all
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
