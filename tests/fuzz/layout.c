// layout.c: layouts as text, in both modes, through the nodes that read and judge them.
#include "tests/fuzz/fuzz_script.h"

static const char strict[] = "local mw = require 'moonweave' local p = mw.params { text = '' }\n"
                             "local l = mw.layout { text = p.text }:value()\n"
                             "mw.output { passed = mw.judge { prompt = 'two cats', boxes = l } }";
static const char faithful[] = "local mw = require 'moonweave' local p = mw.params { text = '' }\n"
                               "mw.layout { text = p.text, mode = 'faithful' }:value()";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    char *text = malloc(size + 6);
    if (!text)
        return 0;
    memcpy(text, "text=", 5);
    memcpy(text + 5, data, size);
    text[size + 5] = 0;
    const char *const params[] = {text, NULL};
    run_script(strict, sizeof strict - 1, params, false, NULL);
    run_script(faithful, sizeof faithful - 1, params, false, NULL);
    free(text);
    return 0;
}
