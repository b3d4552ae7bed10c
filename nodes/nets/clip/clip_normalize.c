// clip_normalize.c: the characters of a text as CLIP's vocabulary wants them: NFC, one space for many, lower
// case.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include <stdlib.h>
#include <utf8proc.h>

// One space for a run of them, lower case for every character on its own. U+0130 alone becomes two.
static bool fold(mw_ctx *c, const mw_text_chars *s, mw_text_chars *out)
{
    for (size_t i = 0; i < s->n; i++) {
        mw_text_char x = s->at[i];
        if (mw_char_is_space(x.code)) {
            if (out->n && out->at[out->n - 1].code == ' ') {
                out->at[out->n - 1].end = x.end;
                continue;
            }
            x.code = ' ';
        } else if (x.code == 0x130) {
            if (!mw_text_push(c, out, 'i', x.begin, x.end))
                return false;
            x.code = 0x307;
        } else {
            x.code = (uint32_t)utf8proc_tolower((utf8proc_int32_t)x.code);
        }
        if (!mw_text_push(c, out, x.code, x.begin, x.end))
            return false;
    }
    return true;
}

mw_status mw_clip_normalize(mw_ctx *c, const char *text, size_t begin, size_t end, mw_text_chars *out)
{
    out->n = 0;
    mw_text_chars raw = {0};
    if (mw_text_nfc(c, text, begin, end, &raw) == MW_OK)
        fold(c, &raw, out);
    free(raw.at);
    return mw_err(c);
}
