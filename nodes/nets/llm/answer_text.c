// answer_text.c: a language model's answer as it grows: stop texts end it, pieces are handed out.
#include "nodes/nets/llm/answer_text.h"

#include <string.h>

static void hand_out(mw_answer_text *a, size_t until)
{
    if (a->request->on_text && until > a->given)
        a->request->on_text(a->request->user, a->text + a->given, until - a->given);
    a->given = until > a->given ? until : a->given;
}

static bool append(mw_ctx *c, mw_answer_text *a, const char *utf8, size_t length)
{
    if (a->length + length + 1 > a->room) {
        size_t room = 2 * (a->length + length) + 64;
        char *text = mw_realloc(c, a->text, room);
        if (!text)
            return false;
        a->text = text;
        a->room = room;
    }
    for (size_t i = 0; i < length; i++)
        if (utf8[i])
            a->text[a->length++] = utf8[i];
    a->text[a->length] = 0;
    return true;
}

// Where the first stop text begins at or behind `from`; the text's length when none does.
static size_t first_stop(const mw_answer_text *a, size_t from)
{
    size_t at = a->length;
    for (size_t i = 0; i < a->request->n_stop; i++) {
        const char *found = strstr(a->text + from, a->request->stop[i]);
        if (found && (size_t)(found - a->text) < at)
            at = (size_t)(found - a->text);
    }
    return at;
}

// The end of the text may be the beginning of this stop text: how many bytes of it.
static size_t begun(const mw_answer_text *a, const char *stop)
{
    size_t n = strlen(stop) - 1;
    n = n < a->length ? n : a->length;
    while (n && strncmp(a->text + a->length - n, stop, n) != 0)
        n--;
    return n;
}

bool mw_answer_text_add(mw_ctx *c, mw_answer_text *a, const char *utf8, size_t length)
{
    size_t held = 0;
    if (!append(c, a, utf8, length))
        return false;
    // What was handed out holds no beginning of a stop text.
    size_t at = first_stop(a, a->given);
    bool stopped = at < a->length;
    a->length = at;
    a->text[at] = 0;
    for (size_t i = 0; i < a->request->n_stop && !stopped; i++) {
        size_t n = begun(a, a->request->stop[i]);
        held = n > held ? n : held;
    }
    hand_out(a, a->length - held);
    return stopped;
}

void mw_answer_text_end(mw_answer_text *a) { hand_out(a, a->length); }
