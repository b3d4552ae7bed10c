// prompt_markup.h: finds what other programs would read as instructions in a prompt.
#ifndef MW_PROMPT_MARKUP_H
#define MW_PROMPT_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

// The first "(word:1.2)", "[one:other:0.5]", "<lora:name:1>" (lyco, hypernet) or "embedding:name" of a text
// of `size` bytes: bytes [*begin, *end). False where there is none.
bool mw_prompt_markup(const char *text, size_t size, size_t *begin, size_t *end);

#endif
