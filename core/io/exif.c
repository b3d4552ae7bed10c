// exif.c: the orientation of a picture from EXIF (CIPA DC-008, a TIFF inside the picture) and XMP, and
// turning.
#include "core/io/exif.h"

#include "core/io/image_internal.h"

#include <stdlib.h>

enum { TAG_ORIENTATION = 0x112, NOT_SAID = -1 };

typedef struct {
    const uint8_t *at;
    size_t size;
} bytes;

static bool skip(bytes *b, const char *word, size_t n)
{
    if (b->size < n || memcmp(b->at, word, n) != 0)
        return false;
    b->at += n;
    b->size -= n;
    return true;
}

static uint32_t number(const uint8_t *p, int n, bool big)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[big ? i : n - 1 - i];
    return v;
}

// The first directory of a TIFF is looked through: entries of tag, type, count and value.
static int of_tiff(bytes b)
{
    while (skip(&b, "Exif\0\0", 6))
        ;
    if (b.size < 8 || (memcmp(b.at, "II*\0", 4) != 0 && memcmp(b.at, "MM\0*", 4) != 0))
        return NOT_SAID;
    bool big = b.at[0] == 'M';
    uint32_t at = number(b.at + 4, 4, big);
    if (at > b.size - 2)
        return NOT_SAID;
    size_t n = number(b.at + at, 2, big), room = (b.size - 2 - at) / 12;
    for (size_t i = 0; i < n && i < room; i++) {
        const uint8_t *entry = b.at + at + 2 + 12 * i;
        uint32_t type = number(entry + 2, 2, big);
        int width = type == 1 || type == 6 ? 1 : type == 3 || type == 8 ? 2 : type == 4 || type == 9 ? 4 : 0;
        if (number(entry, 2, big) == TAG_ORIENTATION && width && number(entry + 4, 4, big) == 1)
            return (int)(number(entry + 8, width, big) & 0xffff);
    }
    return NOT_SAID;
}

// tiff:Orientation="6", or <tiff:Orientation>6<.
static int of_xmp(bytes b)
{
    static const char name[] = "tiff:Orientation";
    const size_t n = sizeof name - 1;
    for (size_t i = 0; i + n + 2 < b.size; i++) {
        if (memcmp(b.at + i, name, n) != 0)
            continue;
        const uint8_t *p = b.at + i + n;
        p += p[0] == '>' ? 1 : p[0] == '=' && p[1] == '"' ? 2 : 0;
        if (p > b.at + i + n && p < b.at + b.size && *p >= '0' && *p <= '9')
            return *p - '0';
    }
    return NOT_SAID;
}

static int in_range(int orientation) { return orientation >= 1 && orientation <= 8 ? orientation : 1; }

int mw_jpeg_orientation(const uint8_t *jpeg, size_t size)
{
    int exif = NOT_SAID, xmp = NOT_SAID;
    bool found = false;
    for (size_t at = 2; at + 4 <= size && jpeg[at] == 0xff && jpeg[at + 1] != 0xda;) {
        int marker = jpeg[at + 1];
        size_t n = mw_be16(jpeg + at + 2);
        if (marker == 0xff || n < 2 || n > size - at - 2) { // a fill byte, or the end of what is understood
            at += marker == 0xff ? 1 : size;
            continue;
        }
        bytes b = {jpeg + at + 4, n - 2};
        at += 2 + n;
        if (marker != 0xe1)
            continue;
        if (skip(&b, "Exif\0\0", 6)) {
            exif = found ? exif : of_tiff(b);
            found = true;
        } else if (skip(&b, "http://ns.adobe.com/xap/1.0/\0", 29)) {
            xmp = of_xmp(b);
        }
    }
    return in_range(exif != NOT_SAID ? exif : xmp);
}

static int digit(char ch) { return ch >= '0' && ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10; }

// ImageMagick's text of EXIF: a line end, "exif", its length, then hexadecimal digits.
static int of_profile(mw_ctx *c, const char *text)
{
    for (int lines = 0; lines < 3; lines++) {
        text = strchr(text, '\n');
        if (!text)
            return NOT_SAID;
        text++;
    }
    size_t n = 0;
    uint8_t *out = mw_alloc(c, strlen(text) / 2 + 1);
    for (; out && *text; text++) {
        if (*text == '\n')
            continue;
        if (!strchr("0123456789abcdefABCDEF", text[0]) || !text[1] ||
            !strchr("0123456789abcdefABCDEF", text[1]))
            break;
        out[n++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        text++;
    }
    int found = out && !*text ? of_tiff((bytes){out, n}) : NOT_SAID;
    free(out);
    return found;
}

int mw_png_orientation(mw_ctx *c, const uint8_t *png, size_t size)
{
    int exif = NOT_SAID, profile = NOT_SAID, xmp = NOT_SAID;
    bool found = false;
    mw_png_chunk chunk = {0};
    for (size_t at = 8; strcmp(chunk.type, "IEND") && mw_png_next(c, "", png, size, &at, &chunk);) {
        mw_png_text text;
        if (!strcmp(chunk.type, "eXIf")) {
            exif = of_tiff((bytes){chunk.data, chunk.size});
            found = true;
        } else if (mw_png_is_text(&chunk) && mw_png_read_text(c, &chunk, &text)) {
            if (!strcmp(text.key, "Raw profile type exif"))
                profile = of_profile(c, text.value);
            else if (!strcmp(text.key, "XML:com.adobe.xmp"))
                xmp = of_xmp((bytes){(const uint8_t *)text.value, strlen(text.value)});
            free((char *)(uintptr_t)text.key);
        }
    }
    exif = found ? exif : profile;
    return in_range(exif != NOT_SAID ? exif : xmp);
}

mw_status mw_image_orient(mw_ctx *c, mw_image *image, int orientation)
{
    if (orientation <= 1 || mw_err(c) != MW_OK)
        return mw_err(c);
    bool swap = orientation >= 5;
    bool flip_row = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    bool flip_column = orientation == 2 || orientation == 3 || orientation >= 7;
    int w = image->width, h = image->height, width = swap ? h : w, height = swap ? w : h;
    uint8_t *out = mw_alloc(c, 3 * (size_t)w * (size_t)h);
    for (int y = 0; out && y < height; y++)
        for (int x = 0; x < width; x++) {
            int row = swap ? x : y, column = swap ? y : x;
            row = flip_row ? h - 1 - row : row;
            column = flip_column ? w - 1 - column : column;
            memcpy(out + 3 * ((size_t)y * (size_t)width + (size_t)x),
                   image->rgb + 3 * ((size_t)row * (size_t)w + (size_t)column), 3);
        }
    free(out ? image->rgb : NULL);
    if (out)
        *image = (mw_image){width, height, out};
    return mw_err(c);
}
