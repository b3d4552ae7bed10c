// jpeg_check.c: a JPEG's segments and tables checked before the decoder sees them.
// ITU-T T.81; the letters in brackets are its sections. The decoder trusts table sizes and that tables are
// there.
#include "core/io/image_internal.h"

// More scans than any encoder makes would keep the decoder busy with no data.
#define MAX_SCANS 100

typedef struct {
    mw_ctx *c;
    const char *name;
    const uint8_t *jpeg;
    size_t size;
    uint32_t width, height;
    int parts; // colour components; 0 before the frame header
    bool progressive;
    uint8_t id[4], quantizer[4];
    bool shown[4];       // a part's first coefficients were in a scan
    unsigned quantizers; // one bit for each table that is there
    unsigned huffman[2]; // the same for DC and AC
    int scans;
} reader;

static bool bad(const reader *r, const char *why)
{
    mw_fail(r->c, MW_E_FILE, "%s: damaged or unsupported JPEG: %s", r->name, why);
    return false;
}

// Frame header [B.2.2].
static bool read_frame(reader *r, int marker, const uint8_t *p, size_t n)
{
    if (r->parts)
        return bad(r, "two frame headers");
    if (n < 6 || n != 6 + 3 * (size_t)p[5])
        return bad(r, "a frame header of a wrong length");
    if (marker > 0xc2)
        return bad(r, "this kind of coding (only baseline and progressive Huffman coding are read)");
    if (p[0] != 8)
        return bad(r, "samples that are not of 8 bits");
    if (p[5] != 1 && p[5] != 3 && p[5] != 4)
        return bad(r, "a number of colour components that is not 1, 3 or 4");
    r->height = mw_be16(p + 1);
    r->width = mw_be16(p + 3);
    if (!mw_image_check_sides(r->c, r->name, r->width, r->height))
        return false;
    r->progressive = marker == 0xc2;
    for (int i = 0; i < p[5]; i++) {
        const uint8_t *q = p + 6 + 3 * i;
        int h = q[1] >> 4, v = q[1] & 15;
        if (h < 1 || h > 4 || v < 1 || v > 4 || q[2] > 3)
            return bad(r, "a sampling factor or table number out of range");
        r->id[i] = q[0];
        r->quantizer[i] = q[2];
    }
    r->parts = p[5];
    return true;
}

// Huffman tables [B.2.4.2].
static bool read_huffman(reader *r, const uint8_t *p, size_t n)
{
    while (n) {
        unsigned count = 0, code = 0;
        if (n < 17 || p[0] >> 4 > 1 || (p[0] & 15) > 3)
            return bad(r, "a Huffman table without a proper head");
        int ac = p[0] >> 4;
        for (int i = 1; i <= 16; i++) {
            count += p[i];
            code = (code << 1) + p[i];
            if (code > 1u << i)
                return bad(r, "a Huffman table with more codes than there can be");
        }
        if (count > 256 || n - 17 < count)
            return bad(r, "a Huffman table that is too long");
        for (unsigned i = 0; !ac && i < count; i++)
            if (p[17 + i] > 15)
                return bad(r, "a Huffman table with a symbol out of range");
        r->huffman[ac] |= 1u << (p[0] & 15);
        p += 17 + count;
        n -= 17 + count;
    }
    return true;
}

// Quantisation tables [B.2.4.1].
static bool read_quantizers(reader *r, const uint8_t *p, size_t n)
{
    while (n) {
        size_t length = 1 + 64 * (size_t)(1 + (p[0] >> 4));
        if (p[0] >> 4 > 1 || (p[0] & 15) > 3 || n < length)
            return bad(r, "a quantisation table of a wrong length");
        r->quantizers |= 1u << (p[0] & 15);
        p += length;
        n -= length;
    }
    return true;
}

// One colour component of a scan header: id, and tables for DC and AC.
static bool read_scan_part(reader *r, const uint8_t *p, int first, int last, bool refines)
{
    int i = 0;
    while (i < r->parts && r->id[i] != p[0])
        i++;
    if (i == r->parts)
        return bad(r, "a scan of a colour component that is not there");
    if (!(r->quantizers >> r->quantizer[i] & 1))
        return bad(r, "a quantisation table is missing");
    if (first == 0 && !refines && !(r->huffman[0] >> (p[1] >> 4) & 1))
        return bad(r, "a Huffman table is missing");
    if (last > 0 && !(r->huffman[1] >> (p[1] & 15) & 1))
        return bad(r, "a Huffman table is missing");
    if ((first > 0 || refines) && !r->shown[i])
        return bad(r, "a refining scan in front of the one it refines");
    r->shown[i] = true;
    return true;
}

// Scan header [B.2.3].
static bool read_scan(reader *r, const uint8_t *p, size_t n)
{
    if (!r->parts)
        return bad(r, "a scan in front of the frame header");
    if (n < 1 || p[0] < 1 || p[0] > r->parts || n != 4 + 2 * (size_t)p[0])
        return bad(r, "a scan header of a wrong length");
    if (++r->scans > MAX_SCANS)
        return bad(r, "too many scans");
    int count = p[0], first = 0, last = 63, refines = 0;
    const uint8_t *tail = p + 1 + 2 * count;
    if (r->progressive) {
        first = tail[0];
        last = tail[1];
        refines = tail[2] >> 4;
        if (last > 63 || first > last || (first == 0 && last > 0) || (first > 0 && count > 1) ||
            refines > 13 || (tail[2] & 15) > 13)
            return bad(r, "a scan's range of coefficients");
    }
    for (int i = 0; i < count; i++)
        if (p[1 + 2 * i + 1] >> 4 > 3 || (p[1 + 2 * i + 1] & 15) > 3 ||
            !read_scan_part(r, p + 1 + 2 * i, first, last, refines > 0))
            return mw_err(r->c) != MW_OK ? false : bad(r, "a table number out of range");
    return true;
}

static bool read_segment(reader *r, int marker, const uint8_t *p, size_t n)
{
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
        return read_frame(r, marker, p, n);
    switch (marker) {
    case 0xc4: return read_huffman(r, p, n);
    case 0xdb: return read_quantizers(r, p, n);
    case 0xda: return read_scan(r, p, n);
    case 0xdc: return bad(r, "a height that is given behind the data");
    case 0xdd: return n == 2 || bad(r, "a restart interval of a wrong length");
    default: return true;
    }
}

// The next marker from *at on, which then stands behind it; bytes of a scan's data are passed over. 0 at the
// end.
static int next_marker(const reader *r, size_t *at, bool in_scan)
{
    for (size_t i = *at; i + 1 < r->size; i++) {
        int marker = r->jpeg[i + 1];
        if (r->jpeg[i] != 0xff) {
            if (!in_scan)
                return 0;
            continue;
        }
        if (marker == 0xff || (in_scan && (marker == 0 || (marker >= 0xd0 && marker <= 0xd7))))
            continue;
        *at = i + 2;
        return marker;
    }
    return 0;
}

static bool read_segments(reader *r)
{
    size_t at = 2;
    bool in_scan = false;
    for (;;) {
        int marker = next_marker(r, &at, in_scan);
        if (!marker)
            return bad(r, "it ends before its end marker");
        if (marker == 0xd9)
            return r->scans > 0 || bad(r, "no picture data");
        size_t n = r->size - at < 2 ? 0 : mw_be16(r->jpeg + at);
        if (n < 2 || n > r->size - at)
            return bad(r, "a segment that ends behind the file");
        if (!read_segment(r, marker, r->jpeg + at + 2, n - 2))
            return false;
        in_scan = marker == 0xda;
        at += n;
    }
}

bool mw_jpeg_check(mw_ctx *c, const char *name, const uint8_t *jpeg, size_t size, mw_image_info *info)
{
    reader r = {.c = c, .name = name, .jpeg = jpeg, .size = size};
    if (!read_segments(&r))
        return false;
    for (int i = 0; i < r.parts; i++)
        if (!r.shown[i])
            return bad(&r, "a colour component is missing");
    // Each block of 8 x 8 pixels takes at least one bit.
    if ((uint64_t)r.width * r.height / 512 > size)
        return bad(&r, "too little data for its size");
    *info = (mw_image_info){"JPEG",
                            r.parts == 1       ? "grey"
                                : r.parts == 3 ? "RGB"
                                               : "CMYK",
                            (int)r.width, (int)r.height, 8};
    return true;
}
