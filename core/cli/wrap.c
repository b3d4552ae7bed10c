// wrap.c: sentences on standard output that fit the terminal.
#include "core/cli/wrap.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utf8proc.h>

enum { NARROWEST = 40 }; // below that a terminal breaks the lines itself

// Columns of the terminal on standard output; 0: it is none.
static int terminal_width(void)
{
    struct winsize size;
    return isatty(1) && !ioctl(1, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

// Columns that n bytes take.
static int columns(const char *text, size_t n)
{
    int width = 0;
    utf8proc_int32_t ch;
    for (size_t at = 0; at < n;) {
        utf8proc_ssize_t bytes =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(n - at), &ch);
        width += bytes > 0 ? utf8proc_charwidth(ch) : 1;
        at += bytes > 0 ? (size_t)bytes : 1;
    }
    return width;
}

void mw_print_wrapped(int column, int indent, const char *text)
{
    int width = terminal_width();
    if (width < NARROWEST) {
        puts(text);
        return;
    }
    for (int begun = 0; *text; begun = 1) {
        size_t word = strcspn(text, " "), blanks = strspn(text + word, " ");
        int takes = columns(text, word);
        if (begun && column + 1 + takes > width) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (begun) {
            putchar(' ');
            column++;
        }
        fwrite(text, 1, word, stdout);
        column += takes;
        text += word + blanks;
    }
    putchar('\n');
}

void mw_print_listed(const char *name, const char *doc)
{
    enum { NAMES = 23 };
    int used = printf("%-*s ", NAMES - 1, name);
    mw_print_wrapped(used, NAMES, doc);
}
