// test_image.c: broken pictures are refused, good ones of every kind decode, texts survive, damage does no
// harm.
// Long: readers and writers of each format are tried on pictures made here.
#include "tests/core/manifest.h"

#include "core/io/image.h"

#include <zlib.h>

static void visit_bad(mw_ctx *c, const char *path, const char *expect, const json_t *entry)
{
    mw_image image;
    mw_image_info info;
    bool accepted = mw_image_read(c, path, &image, &info) == MW_OK;
    manifest_verdict(c, path, expect, entry, accepted);
    assert_int_equal(accepted, image.rgb != NULL);
    assert_true(!accepted || (info.width == image.width && info.height == image.height));
    mw_image_free(&image);
}

static void malformed(void **state)
{
    (void)state;
    assert_true(manifest_walk("tests/golden/bad_images/malformed", visit_bad) > 15);
}

typedef struct {
    mw_ctx *c;
    char *folder, *path;
} scratch;

static int set_up(void **state)
{
    scratch *s = malloc(sizeof *s);
    *s = (scratch){mw_ctx_new(), scratch_make(), NULL};
    s->c->log_level = MW_LOG_ERROR;
    s->path = mw_path_join(s->c, s->folder, "p.png");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch *s = *state;
    mw_ctx_free(s->c);
    scratch_remove(s->folder);
    free(s->path);
    free(s);
    return 0;
}

// A PNG put together by hand: chunks, pixel rows deflated.
static size_t put_chunk(uint8_t *to, const char *type, const void *data, uint32_t n)
{
    uint32_t size = __builtin_bswap32(n);
    memcpy(to, &size, 4);
    memcpy(to + 4, type, 4);
    if (n)
        memcpy(to + 8, data, n);
    uint32_t crc = __builtin_bswap32((uint32_t)crc32(0, to + 4, n + 4));
    memcpy(to + 8 + n, &crc, 4);
    return n + 12;
}

static size_t make_png(uint8_t *to, int w, int h, int depth, int kind, int interlaced, const void *palette,
                       uint32_t npalette, const void *rows, uint32_t nrows)
{
    uint8_t head[13] = {
        0, 0, 0, (uint8_t)w, 0, 0, 0, (uint8_t)h, (uint8_t)depth, (uint8_t)kind, 0, 0, (uint8_t)interlaced};
    uint8_t packed[1000];
    uLongf n = sizeof packed;
    size_t at = 8;
    assert_int_equal(compress(packed, &n, rows, nrows), Z_OK);
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    at += put_chunk(to + at, "IHDR", head, 13);
    if (npalette)
        at += put_chunk(to + at, "PLTE", palette, npalette);
    at += put_chunk(to + at, "tEXt", "a\0b", 3);
    at += put_chunk(to + at, "IDAT", packed, (uint32_t)n / 2);
    at += put_chunk(to + at, "IDAT", packed + n / 2, (uint32_t)(n - n / 2));
    return at + put_chunk(to + at, "IEND", NULL, 0);
}

static void every_kind_of_png(void **state)
{
    (void)state;
    // One row of two pixels (grey 1 bit: eight) in each kind, and the RGB it stands for.
    static const struct {
        int depth, kind, interlaced, w;
        uint32_t npalette, nrow;
        uint8_t palette[9], row[17], want[24];
        const char *mode;
    } kinds[] = {
        {8, 2, 0, 2, 0, 7, {0}, {0, 1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}, "RGB"},
        {8, 2, 0, 2, 0, 7, {0}, {1, 1, 2, 3, 4, 5, 6}, {1, 2, 3, 5, 7, 9}, "RGB"}, // filtered by the left
                                                                                   // pixel
        {16, 2, 0, 1, 0, 7, {0}, {0, 1, 255, 2, 255, 3, 255}, {1, 2, 3}, "RGB"},
        {8, 6, 0, 2, 0, 9, {0}, {0, 1, 2, 3, 0, 4, 5, 6, 9}, {1, 2, 3, 4, 5, 6}, "RGB with alpha"},
        {8, 0, 0, 2, 0, 3, {0}, {0, 7, 200}, {7, 7, 7, 200, 200, 200}, "grey"},
        {8, 4, 0, 2, 0, 5, {0}, {0, 7, 0, 200, 9}, {7, 7, 7, 200, 200, 200}, "grey with alpha"},
        {16, 4, 0, 1, 0, 5, {0}, {0, 7, 99, 0, 0}, {7, 7, 7}, "grey with alpha"},
        {2, 0, 0, 2, 0, 2, {0}, {0, 0x60}, {85, 85, 85, 170, 170, 170}, "grey"},
        {1, 0, 0, 2, 0, 2, {0}, {0, 0x40}, {0, 0, 0, 255, 255, 255}, "grey"},
        {8, 3, 0, 2, 6, 3, {1, 2, 3, 4, 5, 6}, {0, 1, 0}, {4, 5, 6, 1, 2, 3}, "palette"},
        {4, 3, 0, 2, 6, 2, {1, 2, 3, 4, 5, 6}, {0, 0x1f}, {4, 5, 6, 0, 0, 0}, "palette"}, // the second is
                                                                                          // past its end
        {8, 0, 1, 2, 0, 4, {0}, {0, 7, 0, 9}, {7, 7, 7, 9, 9, 9}, "grey"}, // two passes have one pixel each
    };
    mw_ctx *c = mw_ctx_new();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint8_t png[2000];
        mw_image image;
        mw_image_info info;
        size_t n = make_png(png, kinds[i].w, 1, kinds[i].depth, kinds[i].kind, kinds[i].interlaced,
                            kinds[i].palette, kinds[i].npalette, kinds[i].row, kinds[i].nrow);
        if (mw_image_decode(c, "a.png", png, n, &image, &info))
            fail_msg("kind %zu: %s", i, mw_errmsg(c));
        assert_int_equal(image.width, kinds[i].w);
        assert_int_equal(image.height, 1);
        assert_memory_equal(image.rgb, kinds[i].want, 3 * (size_t)kinds[i].w);
        assert_string_equal(info.mode, kinds[i].mode);
        assert_int_equal(info.depth, kinds[i].depth);
        mw_image_free(&image);
        // One byte more or less of pixels is refused.
        for (uint32_t d = 0; d < 2; d++) {
            n = make_png(png, kinds[i].w, 1, kinds[i].depth, kinds[i].kind, kinds[i].interlaced,
                         kinds[i].palette, kinds[i].npalette, kinds[i].row, kinds[i].nrow - 1 + 2 * d);
            assert_int_equal(mw_image_decode(c, "a.png", png, n, &image, NULL), MW_E_FILE);
            mw_err_clear(c);
        }
    }
    mw_ctx_free(c);
}

static mw_image test_picture(int w, int h)
{
    mw_image image = {w, h, malloc((size_t)w * (size_t)h * 3)};
    for (int i = 0; i < w * h * 3; i++)
        image.rgb[i] = (uint8_t)(i * 7 + i / 50);
    return image;
}

static void texts_survive(void **state)
{
    scratch *s = *state;
    mw_image image = test_picture(33, 17), back;
    char *plain = calloc(1, 5001), *wide = calloc(1, 6001);
    memset(plain, 'x', 5000);
    for (int i = 0; i < 3000; i++)
        memcpy(wide + 2 * i, "ω", 2);
    const mw_png_text texts[] = {{"parameters", "a red star\nSteps: 20"},
                                 {"Title", "Größe"},
                                 {"moonweave", "{\"ω\": 1}"},
                                 {"long", plain},
                                 {"long and wide", wide},
                                 {"empty", ""}};
    size_t n;
    assert_int_equal(mw_png_write(s->c, s->path, &image, texts, 6), MW_OK);
    mw_png_text *got = mw_png_texts(s->c, s->path, &n);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(got[i].key, texts[i].key);
        assert_string_equal(got[i].value, texts[i].value);
    }
    mw_png_texts_free(got, n);
    // Long texts were packed.
    char *file = mw_file_read(s->c, s->path, 100000, &n);
    assert_non_null(file);
    assert_true(n < 6000);
    free(file);
    assert_int_equal(mw_image_read(s->c, s->path, &back, NULL), MW_OK);
    assert_memory_equal(back.rgb, image.rgb, 33 * 17 * 3);
    const mw_png_text wrong[] = {{"", "x"}, {"größe", "x"}, {" a", "x"}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mw_png_write(s->c, s->path, &image, &wrong[i], 1), MW_E_ARG);
        mw_err_clear(s->c);
    }
    assert_int_equal(scratch_count(s->folder), 1);
    mw_image_free(&back);
    mw_image_free(&image);
    free(plain);
    free(wide);
}

// Other programs' odd texts are read as far as they go, and harm nothing beside them.
static void odd_texts(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *type, *data;
        uint32_t n;
        const char *key, *value; // NULL: left out
    } odd[] = {{"tEXt", "key without end", 15, "key without end", ""},
               {"tEXt", "\0empty key", 10, "", "empty key"},
               {"tEXt", "", 0, "", ""},
               {"tEXt", "k\0a\0b", 5, "k", "a\uFFFDb"},
               {"tEXt",
                "gr\xf6\xdf"
                "e\0\xe9",
                7, "größe", "é"},
               {"zTXt", "k", 1, "k", ""},
               {"zTXt", "k\0", 2, NULL, NULL},
               {"zTXt", "k\0\1xxxx", 7, NULL, NULL},
               {"zTXt", "k\0\0nodeflate", 12, NULL, NULL},
               {"iTXt", "k", 1, "k", ""},
               {"iTXt", "k\0\0", 3, NULL, NULL},
               {"iTXt", "k\0\0\0en", 6, NULL, NULL},
               {"iTXt", "k\0\0\0\0\0a\xff\xc3", 9, "k", "a\uFFFD\uFFFD"},
               {"iTXt", "k\0\2\0\0\0x", 7, NULL, NULL}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        uint8_t png[300] = "\x89PNG\r\n\x1a\n";
        size_t n = 8, count, kept = odd[i].key != NULL;
        n += put_chunk(png + n, odd[i].type, odd[i].data, odd[i].n);
        n += put_chunk(png + n, "tEXt", "b\0beside", 8);
        n += put_chunk(png + n, "IEND", NULL, 0);
        assert_int_equal(mw_file_write(s->c, s->path, png, n), MW_OK);
        mw_png_text *got = mw_png_texts(s->c, s->path, &count);
        assert_int_equal(count, 1 + kept);
        assert_string_equal(got[kept].value, "beside");
        if (kept) {
            assert_string_equal(got[0].key, odd[i].key);
            assert_string_equal(got[0].value, odd[i].value);
        }
        mw_png_texts_free(got, count);
        assert_int_equal(mw_err(s->c), MW_OK);
    }
    // A text of 100 MB packed into 100 KB is not unpacked.
    enum { ROOM = 200000 };
    uLongf packed = ROOM;
    uint8_t *zeros = calloc(1, 100u << 20), *body = calloc(1, ROOM + 3), *png = calloc(1, ROOM + 100);
    memcpy(png, "\x89PNG\r\n\x1a\n", 8);
    memcpy(body, "k\0\0", 3);
    assert_int_equal(compress(body + 3, &packed, zeros, 100u << 20), Z_OK);
    size_t n = 8 + put_chunk(png + 8, "zTXt", body, (uint32_t)packed + 3), count;
    n += put_chunk(png + n, "IEND", NULL, 0);
    assert_int_equal(mw_file_write(s->c, s->path, png, n), MW_OK);
    assert_null(mw_png_texts(s->c, s->path, &count));
    assert_int_equal(mw_err(s->c), MW_OK);
    free(zeros);
    free(body);
    free(png);
}

// ---- orientation

// A TIFF of one entry in either order of bytes.
static size_t make_exif(uint8_t *to, bool big, int type, int orientation)
{
    static const uint8_t head[2][14] = {{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 0, 0},
                                        {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 0}};
    memset(to, 0, 26);
    memcpy(to, head[big], 12);
    to[12 + big] = (uint8_t)type;
    to[big ? 17 : 14] = 1;
    to[18 + (big ? type == 3 ? 1 : 3 : 0)] = (uint8_t)orientation;
    return 26;
}

// Where each pixel of a picture of 3 x 2 (a b c above d e f) goes.
static const char *const turned[9] = {"abcdef", "abcdef", "cbafed", "fedcba", "defabc",
                                      "adbecf", "daebfc", "fcebda", "cfbead"};

static void check_turned(mw_ctx *c, const uint8_t *png, size_t n, int orientation)
{
    mw_image image;
    mw_image_info info;
    char got[7] = "";
    assert_int_equal(mw_image_decode(c, "a.png", png, n, &image, &info), MW_OK);
    assert_int_equal(info.orientation, orientation);
    assert_int_equal(image.width, orientation >= 5 ? 2 : 3);
    assert_true(info.width == image.width && info.height == image.height);
    for (int i = 0; i < 6; i++)
        got[i] = (char)image.rgb[3 * i];
    assert_string_equal(got, turned[orientation]);
    mw_image_free(&image);
}

// A grey picture of 3 x 2 with one chunk more, or two.
static size_t make_marked(uint8_t *to, const char *type, const void *data, uint32_t n, const char *xmp)
{
    static const char rows[] = "\0abc\0def";
    uint8_t plain[1000];
    size_t size = make_png(plain, 3, 2, 8, 0, 0, NULL, 0, rows, 8), at = 33;
    plain[23] = 2;
    put_chunk(plain + 8, "IHDR", memcpy((uint8_t[13]){0}, plain + 16, 13), 13);
    memcpy(to, plain, 33);
    at += type ? put_chunk(to + at, type, data, n) : 0;
    at += xmp ? put_chunk(to + at, "iTXt", xmp, (uint32_t)(22 + strlen(xmp + 22))) : 0;
    memcpy(to + at, plain + 33, size - 33);
    return at + size - 33;
}

static void pngs_are_turned(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    uint8_t png[3000], exif[40];
    char xmp[200] = "XML:com.adobe.xmp\0\0\0\0";
    strcpy(xmp + 22, "<x tiff:Orientation=\"4\"/>");
    for (int o = 0; o < 20; o++) {
        uint32_t n = (uint32_t)make_exif(exif, o % 2, o % 3 ? 3 : 4, o);
        int want = o >= 1 && o <= 8 ? o : 1;
        check_turned(c, png, make_marked(png, "eXIf", exif, n, NULL), want);
        check_turned(c, png, make_marked(png, "eXIf", exif, n, xmp), want); // EXIF comes before XMP
        char profile[200] = "Raw profile type exif", *p = profile + 22;
        p += sprintf(p, "\nexif\n      %u\n", n + 6);
        p += sprintf(p, "457869660000\n");
        for (uint32_t i = 0; i < n; i++)
            p += sprintf(p, "%02x", exif[i]);
        check_turned(c, png, make_marked(png, "tEXt", profile, (uint32_t)(p - profile), NULL), want);
    }
    check_turned(c, png, make_marked(png, NULL, NULL, 0, xmp), 4);
    strcpy(xmp + 22, "<tiff:Orientation>7</tiff:Orientation>");
    check_turned(c, png, make_marked(png, NULL, NULL, 0, xmp), 7);
    strcpy(xmp + 22, "tiff:Orientation=\"");
    check_turned(c, png, make_marked(png, NULL, NULL, 0, xmp), 1);
    // Cut or damaged, it says nothing.
    make_exif(exif, false, 3, 6);
    for (uint32_t n = 0; n < 22; n++)
        check_turned(c, png, make_marked(png, "eXIf", exif, n, NULL), 1);
    exif[7] = 0xff;
    check_turned(c, png, make_marked(png, "eXIf", exif, 26, NULL), 1);
    mw_ctx_free(c);
}

static void jpegs_are_turned(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    size_t n;
    uint8_t *plain = (uint8_t *)mw_file_read(c, "tests/golden/images/baseline.jpg", 1 << 20, &n);
    uint8_t *marked = malloc(n + 100);
    mw_image stored, shown;
    mw_image_info info;
    assert_int_equal(mw_image_decode(c, "a.jpg", plain, n, &stored, NULL), MW_OK);
    for (int o = 1; o <= 8; o++) {
        memcpy(marked,
               "\xff\xd8\xff\xe1\0\x22"
               "Exif\0\0",
               12);
        size_t at = 12 + make_exif(marked + 12, o % 2, 3, o);
        memcpy(marked + at, plain + 2, n - 2);
        assert_int_equal(mw_image_decode(c, "a.jpg", marked, at + n - 2, &shown, &info), MW_OK);
        assert_int_equal(info.orientation, o);
        assert_int_equal(shown.width, o >= 5 ? stored.height : stored.width);
        // The stored upper left corner: above but for 3 4 7 8, left but for 2 3 6 7.
        int x = o == 2 || o == 3 || o == 6 || o == 7 ? shown.width - 1 : 0;
        int y = o == 3 || o == 4 || o == 7 || o == 8 ? shown.height - 1 : 0;
        assert_memory_equal(shown.rgb + 3 * (y * shown.width + x), stored.rgb, 3);
        mw_image_free(&shown);
    }
    mw_image_free(&stored);
    free(plain);
    free(marked);
    mw_ctx_free(c);
}

// Random damage to good pictures: an error or a picture, never more. The checksums of a PNG are made right
// again in half of the rounds, so that damage reaches what lies behind them.
static void damage(const char *from, int rounds, bool mend)
{
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    size_t n, kept = 0;
    char *data = mw_file_read(c, from, 1 << 20, &n);
    uint8_t *copy = malloc(n + 1);
    assert_non_null(data);
    uint32_t random = 99;
    for (int round = 0; round < rounds; round++) {
        memcpy(copy, data, n);
        for (int i = 0; i <= round % 3; i++) {
            random = random * 1664525u + 1013904223u;
            copy[2 + (random >> 8) % (n - 2)] = (uint8_t)(random >> 24);
        }
        for (size_t at = 8; mend && at + 12 <= n;) {
            uint32_t size = (uint32_t)copy[at] << 24 | (uint32_t)copy[at + 1] << 16 |
                (uint32_t)copy[at + 2] << 8 | copy[at + 3];
            if (size > n - at - 12)
                break;
            uint32_t crc = __builtin_bswap32((uint32_t)crc32(0, copy + at + 4, size + 4));
            memcpy(copy + at + 8 + size, &crc, 4);
            at += 12 + size;
        }
        mw_image image;
        mw_image_info info;
        mw_status status = mw_image_decode(c, from, copy, round % 11 ? n : random % n, &image, &info);
        assert_true(status == MW_OK ? image.rgb && image.width == info.width
                                    : status == MW_E_FILE && !image.rgb);
        for (size_t i = 0; image.rgb && i < (size_t)image.width * (size_t)image.height * 3; i++)
            kept += image.rgb[i] > 128;
        mw_image_free(&image);
        mw_err_clear(c);
    }
    assert_true(kept > 0);
    free(copy);
    free(data);
    mw_ctx_free(c);
}

static void damaged_pictures(void **state)
{
    scratch *s = *state;
    mw_image image = test_picture(12, 9);
    assert_int_equal(mw_png_write(s->c, s->path, &image, NULL, 0), MW_OK);
    mw_image_free(&image);
    damage(s->path, 1500, true);
    damage("tests/golden/images/baseline.jpg", 1500, false);
    damage("tests/golden/images/progressive.jpg", 1500, false);
}

// What libjpeg decodes, within the few levels by which decoders may differ.
static void jpegs(void **state)
{
    (void)state;
    static const char *const names[] = {"baseline", "progressive", "grey", "subsampled"};
    mw_ctx *c = mw_ctx_new();
    for (int i = 0; i < 4; i++) {
        char path[100];
        mw_image got, want;
        mw_image_info info;
        snprintf(path, sizeof path, "tests/golden/images/%s.jpg", names[i]);
        assert_int_equal(mw_image_read(c, path, &got, &info), MW_OK);
        assert_string_equal(info.mode, i == 2 ? "grey" : "RGB");
        snprintf(path, sizeof path, "tests/golden/images/%s.jpg.png", names[i]);
        assert_int_equal(mw_image_read(c, path, &want, NULL), MW_OK);
        assert_true(got.width == want.width && got.height == want.height);
        for (int j = 0; j < got.width * got.height * 3; j++)
            if (abs(got.rgb[j] - want.rgb[j]) > (i == 3 ? 12 : 3))
                fail_msg("%s: byte %d is %d, must be %d", names[i], j, got.rgb[j], want.rgb[j]);
        mw_image_free(&got);
        mw_image_free(&want);
    }
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed),
        cmocka_unit_test(every_kind_of_png),
        cmocka_unit_test(jpegs),
        cmocka_unit_test(pngs_are_turned),
        cmocka_unit_test(jpegs_are_turned),
        cmocka_unit_test_setup_teardown(texts_survive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_pictures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
