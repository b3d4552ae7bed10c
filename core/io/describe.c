// describe.c: what a file holds, in words.
#include "core/io/describe.h"

#include "core/base/text.h"
#include "core/io/gguf.h"
#include "core/io/image.h"
#include "core/io/torch_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MORE "(-v lists the tensors)\n"

const char *mw_bytes_text(size_t bytes, char *buf, size_t size)
{
    if (bytes < 1024)
        snprintf(buf, size, "%zu bytes", bytes);
    else if (bytes < (size_t)1 << 20)
        snprintf(buf, size, "%.1f KiB", (double)bytes / 0x1p10);
    else if (bytes < (size_t)1 << 30)
        snprintf(buf, size, "%.1f MiB", (double)bytes / 0x1p20);
    else
        snprintf(buf, size, "%.2f GiB", (double)bytes / 0x1p30);
    return buf;
}

// 1234567 as "1,234,567".
static void put_grouped(uint64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n), used = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = 0;
}

const char *mw_st_summary(const mw_st *s, char *buf, size_t size)
{
    size_t tensors[MW_ST_DTYPES] = {0}, bytes = 0;
    uint64_t numbers = 0;
    int kinds = 0;
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(s, i)); i++) {
        kinds += !tensors[e->dtype]++;
        numbers += (uint64_t)e->count;
        bytes += e->bytes;
    }
    char count[32], amount[32];
    put_grouped(numbers, count);
    size_t n =
        (size_t)snprintf(buf, size, "%zu tensor%s, %s parameters, %s", mw_st_count(s),
                         mw_st_count(s) == 1 ? "" : "s", count, mw_bytes_text(bytes, amount, sizeof amount));
    for (int d = 0; d < MW_ST_DTYPES && n < size; d++)
        if (tensors[d] && kinds == 1)
            n += (size_t)snprintf(buf + n, size - n, ", %s", mw_st_dtype_name((mw_st_dtype)d));
        else if (tensors[d])
            n += (size_t)snprintf(buf + n, size - n, ", %zu of %s", tensors[d],
                                  mw_st_dtype_name((mw_st_dtype)d));
    if (mw_st_file_count(s) > 1 && n < size)
        snprintf(buf + n, size - n, ", in %zu files", mw_st_file_count(s));
    return buf;
}

static void put_tensor(const mw_st_entry *e, FILE *out)
{
    char name[400];
    fprintf(out, "  %s %s [", mw_printable(e->name, name, sizeof name), mw_st_dtype_name(e->dtype));
    for (int i = 0; i < e->ndim; i++)
        fprintf(out, "%s%" PRId64, i ? "," : "", e->shape[i]);
    fputs("]\n", out);
}

void mw_describe_tensors(const mw_st *s, bool all, FILE *out)
{
    const char *key = NULL, *value;
    char name[100], text[400];
    while ((key = mw_st_metadata_next(s, key, &value)))
        fprintf(out, "metadata %s: %s\n", mw_printable(key, name, sizeof name),
                mw_printable(value, text, sizeof text));
    for (size_t i = 0; mw_st_file_count(s) > 1 && i < mw_st_file_count(s); i++)
        fprintf(out, "file %s: %s\n", mw_printable(mw_st_file_at(s, i), text, sizeof text),
                mw_bytes_text(mw_st_file_bytes(s, i), name, sizeof name));
    const mw_st_entry *e;
    for (size_t i = 0; all && (e = mw_st_at(s, i)); i++)
        put_tensor(e, out);
    if (!all && mw_st_count(s))
        fputs(MORE, out);
}

static void put_gguf_tensor(const mw_gguf_tensor *t, FILE *out)
{
    char name[400];
    fprintf(out, "  %s %s [", mw_printable(t->name, name, sizeof name), mw_ggml_type_facts(t->type)->name);
    for (int i = 0; i < t->ndim; i++)
        fprintf(out, "%s%" PRId64, i ? "," : "", t->shape[i]);
    fputs("]\n", out);
}

static void put_gguf_summary(const mw_gguf *g, FILE *out)
{
    enum { TYPES = 64 };
    size_t tensors[TYPES] = {0}, bytes = 0, n = 0;
    uint64_t numbers = 0;
    const mw_gguf_tensor *t;
    for (; (t = mw_gguf_at(g, n)); n++) {
        tensors[t->type % TYPES]++;
        numbers += (uint64_t)t->count;
        bytes += t->bytes;
    }
    char count[32], amount[32];
    put_grouped(numbers, count);
    fprintf(out, "%s: GGUF version %d, %zu tensor%s, %s parameters, %s", mw_gguf_path(g), mw_gguf_version(g),
            n, n == 1 ? "" : "s", count, mw_bytes_text(bytes, amount, sizeof amount));
    for (uint32_t i = 0; i < TYPES; i++)
        if (tensors[i])
            fprintf(out, ", %zu of %s", tensors[i], mw_ggml_type_facts(i)->name);
    fputc('\n', out);
}

void mw_describe_gguf(const mw_gguf *g, bool all, FILE *out)
{
    const mw_gguf_value *v;
    const mw_gguf_tensor *t;
    char key[100];
    put_gguf_summary(g, out);
    for (size_t i = 0; (v = mw_gguf_value_at(g, i)); i++) {
        fprintf(out, "metadata %s: ", mw_printable(v->key, key, sizeof key));
        mw_gguf_print(v, out);
        fputc('\n', out);
    }
    for (size_t i = 0; all && (t = mw_gguf_at(g, i)); i++)
        put_gguf_tensor(t, out);
    if (!all && mw_gguf_at(g, 0))
        fputs(MORE, out);
}

static void put_plain(const mw_pt_plain *p, FILE *out)
{
    char name[400], text[400];
    fprintf(out, "  %s = ", mw_printable(p->name, name, sizeof name));
    switch (p->kind) {
    case MW_PT_NONE: fputs("none\n", out); break;
    case MW_PT_BOOL: fputs(p->integer ? "true\n" : "false\n", out); break;
    case MW_PT_INTEGER: fprintf(out, "%" PRId64 "\n", p->integer); break;
    case MW_PT_NUMBER: fprintf(out, "%.17g\n", p->number); break;
    case MW_PT_TEXT: fprintf(out, "\"%s\"\n", mw_printable(p->text, text, sizeof text)); break;
    }
}

mw_status mw_describe_torch(mw_ctx *c, const char *path, bool all, FILE *out)
{
    mw_pt *f = mw_pt_open(c, path);
    if (!f)
        return mw_err(c);
    const mw_pt_tensor *t;
    const mw_pt_plain *p;
    fprintf(out, "%s: a file of torch.save (nothing of it is executed): %zu tensor%s\n", path, mw_pt_count(f),
            mw_pt_count(f) == 1 ? "" : "s");
    for (size_t i = 0; all && (t = mw_pt_at(f, i)); i++)
        put_tensor(&(mw_st_entry){.name = t->name, .dtype = t->dtype, .ndim = t->ndim, .shape = t->shape},
                   out);
    for (size_t i = 0; (p = mw_pt_plain_at(f, i)); i++)
        put_plain(p, out);
    if (!all && mw_pt_count(f))
        fputs(MORE, out);
    mw_pt_close(f);
    return mw_err(c);
}

// A text of any length, each of its lines indented.
static void put_text(mw_ctx *c, const mw_png_text *t, FILE *out)
{
    char key[100];
    fprintf(out, "text %s:\n", *t->key ? mw_printable(t->key, key, sizeof key) : "without a key");
    for (const char *line = t->value; *line;) {
        size_t n = strcspn(line, "\n");
        size_t room = 12 * n + 8; // an escape takes that much at most
        char *shown = mw_alloc(c, room);
        if (!shown)
            return;
        fprintf(out, "  %s\n", mw_printable_n(line, n, shown, room));
        free(shown);
        line += n + (line[n] == '\n');
    }
}

mw_status mw_describe_image(mw_ctx *c, const char *path, FILE *out)
{
    static const char *const turned[] = {[1] = "",
                                         [2] = ", mirrored left to right (orientation 2)",
                                         [3] = ", turned by half (orientation 3)",
                                         [4] = ", mirrored top to bottom (orientation 4)",
                                         [5] = ", mirrored along its falling diagonal (orientation 5)",
                                         [6] = ", turned clockwise by a quarter (orientation 6)",
                                         [7] = ", mirrored along its rising diagonal (orientation 7)",
                                         [8] = ", turned counter-clockwise by a quarter (orientation 8)"};
    mw_image image;
    mw_image_info info;
    if (mw_image_read(c, path, &image, &info) != MW_OK)
        return mw_err(c);
    mw_image_free(&image);
    size_t n;
    mw_png_text *texts = mw_png_texts(c, path, &n);
    if (mw_err(c) == MW_OK)
        fprintf(out, "%s: a %s picture of %d x %d pixels, %s, %d bits%s\n", path, info.format, info.width,
                info.height, info.mode, info.depth, turned[info.orientation]);
    for (size_t i = 0; i < n; i++)
        put_text(c, &texts[i], out);
    mw_png_texts_free(texts, n);
    return mw_err(c);
}
