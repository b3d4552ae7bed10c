// text.c: text from files made fit to be shown.
#include "core/base/text.h"

#include <string.h>
#include <utf8proc.h>

const char *mw_printable_n(const char *text, size_t n, char *buf, size_t size)
{
    size_t used = 0, fits = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n - i), &point);
        const char *from = text + i;
        size_t m = length > 0 ? (size_t)length : 1;
        i += m;
        if (length <= 0) {
            from = "?";
        } else {
            utf8proc_category_t kind = utf8proc_category(point);
            // Cf holds the marks that turn the direction of writing around, which could disguise a name.
            if (kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
                kind == UTF8PROC_CATEGORY_ZL || kind == UTF8PROC_CATEGORY_ZP) {
                from = " ";
                m = 1;
            }
        }
        if (used + m + 1 > size) {
            strcpy(buf + fits, "...");
            return buf;
        }
        memcpy(buf + used, from, m);
        used += m;
        if (used + 4 <= size)
            fits = used;
    }
    buf[used] = 0;
    return buf;
}

const char *mw_printable(const char *text, char *buf, size_t size)
{
    return mw_printable_n(text, strlen(text), buf, size);
}
