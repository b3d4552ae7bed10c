// prompt_markup.c: finds what other programs would read as instructions in a prompt.
#include "nodes/nets/clip/prompt_markup.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool starts(const char *text, size_t size, size_t at, const char *word)
{
    size_t n = strlen(word);
    return size - at >= n && strncasecmp(text + at, word, n) == 0;
}

static bool escaped(const char *text, size_t at) { return at > 0 && text[at - 1] == '\\'; }

// The end of "<lora:...>" at `at`; 0: there is none.
static size_t network_at(const char *text, size_t size, size_t at)
{
    static const char *const words[] = {"<lora:", "<lyco:", "<hypernet:"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *close = starts(text, size, at, words[i]) ? memchr(text + at, '>', size - at) : NULL;
        if (close)
            return (size_t)(close - text) + 1;
    }
    return 0;
}

// The end of "embedding:name" at `at`.
static size_t embedding_at(const char *text, size_t size, size_t at)
{
    static const char word[] = "embedding:";
    bool inside = at > 0 && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_');
    size_t end = at + sizeof word - 1;
    if (inside || !starts(text, size, at, word))
        return 0;
    while (end < size && !isspace((unsigned char)text[end]) && !strchr(",()[]", text[end]))
        end++;
    return end > at + sizeof word - 1 ? end : 0;
}

// The end of a bracket that opens at `at` and ends in ":number".
static size_t weight_at(const char *text, size_t size, size_t at)
{
    char open = text[at], close = open == '(' ? ')' : ']';
    if ((open != '(' && open != '[') || escaped(text, at))
        return 0;
    int depth = 0;
    size_t end = at;
    for (; end < size; end++) {
        if (escaped(text, end))
            continue;
        depth += (text[end] == open) - (text[end] == close);
        if (!depth)
            break;
    }
    size_t digits = 0, i = end;
    for (; end < size && i > at + 1 && strchr("0123456789.+- ", text[i - 1]); i--)
        digits += isdigit((unsigned char)text[i - 1]) != 0;
    return digits && i > at + 1 && text[i - 1] == ':' ? end + 1 : 0;
}

bool mw_prompt_markup(const char *text, size_t size, size_t *begin, size_t *end)
{
    for (size_t i = 0; i < size; i++) {
        size_t e = network_at(text, size, i);
        e = e ? e : embedding_at(text, size, i);
        e = e ? e : weight_at(text, size, i);
        if (!e)
            continue;
        *begin = i;
        *end = e;
        return true;
    }
    return false;
}
