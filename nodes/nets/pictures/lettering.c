// lettering.c: small black letters on pictures, for labels.
#include "nodes/nets/pictures/lettering.h"

#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#include <stb/stb_easy_font.h>
#pragma GCC diagnostic pop

enum { LINE = 12, MOST_QUADS = 64 };

// Corner of a quad, as stb_easy_font writes it.
typedef struct {
    float x, y, z;
    unsigned char color[4];
} corner;

// The next character of UTF-8 text as ASCII; *text moves behind it. 0 at the end.
static char next(const char **text)
{
    unsigned char ch = (unsigned char)**text;
    if (!ch)
        return 0;
    (*text)++;
    if (ch < 0x80)
        return ch < ' ' && ch != '\n' ? ' ' : (char)ch;
    while (((unsigned char)**text & 0xc0) == 0x80)
        (*text)++;
    return '?';
}

static int advance(char ch)
{
    char one[2] = {ch, 0};
    return stb_easy_font_width(one) + 1;
}

// Bytes of `text` that make its first line, broken at a space where there is one.
static size_t line_length(const char *text, int width, int scale)
{
    const char *p = text;
    size_t fits = 0, space = 0;
    int used = 0;
    for (char ch; (ch = next(&p)) && ch != '\n'; fits = (size_t)(p - text)) {
        used += advance(ch) * scale;
        if (used > width && fits)
            return space ? space : fits;
        if (ch == ' ')
            space = (size_t)(p - text);
    }
    return *text == '\n' ? 0 : fits;
}

// Behind the line: its end mark, if any, belongs to it.
static const char *after(const char *text, size_t length) { return text + length + (text[length] == '\n'); }

int mw_lettering_height(const char *text, int width, int scale)
{
    int lines = 0;
    for (; *text; lines++)
        text = after(text, line_length(text, width, scale));
    return lines * LINE * scale;
}

int mw_lettering_width(const char *text, int scale)
{
    int widest = 0, used = 0;
    for (char ch; (ch = next(&text));) {
        used = ch == '\n' ? 0 : used + advance(ch) * scale;
        widest = used > widest ? used : widest;
    }
    return widest;
}

static void fill(mw_image *m, int x0, int y0, int x1, int y1)
{
    for (int y = y0 < 0 ? 0 : y0; y < y1 && y < m->height; y++)
        for (int x = x0 < 0 ? 0 : x0; x < x1 && x < m->width; x++)
            memset(m->rgb + ((size_t)y * (size_t)m->width + (size_t)x) * 3, 0, 3);
}

static void draw_character(mw_image *m, int left, int top, int scale, char ch)
{
    corner c[4 * MOST_QUADS];
    char one[2] = {ch, 0};
    int n = stb_easy_font_print(0, 0, one, NULL, c, (int)sizeof c);
    for (int i = 0; i < n; i++) {
        const corner *q = c + 4 * i; // opposite corners are 0 and 2
        fill(m, left + (int)q[0].x * scale, top + (int)q[0].y * scale, left + (int)q[2].x * scale,
             top + (int)q[2].y * scale);
    }
}

void mw_lettering_draw(mw_image *image, int left, int top, int width, int scale, const char *text)
{
    for (; *text; top += LINE * scale) {
        size_t length = line_length(text, width, scale);
        const char *p = text, *end = text + length;
        for (int x = left; p < end;) {
            char ch = next(&p);
            draw_character(image, x, top, scale, ch);
            x += advance(ch) * scale;
        }
        text = after(text, length);
    }
}
