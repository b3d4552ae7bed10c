// params.c: what is typed after -p, for parameters of every type.
#include "tests/fuzz/fuzz_script.h"

static const char script[] =
    "local mw = require 'moonweave'\n"
    "local p = mw.params { n = { 1, 'n', min = 0, max = 10 }, w = { 2, 'w', integer = true, multiple = 2, "
    "alias = 'ω' },\n"
    "  b = { true, 'b' }, t = { 'x', 't' }, l = { { 1, 2 }, 'l' }, m = { { a = { 1 } }, 'm' },\n"
    "  c = { 'a', 'c', choices = { 'a', 'b c' } }, s = { 'ddim', 's', choices = 'schedule.sampler' } }\n"
    "mw.output { t = mw.hello { name = tostring(p.t) } }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    char *text = strndup((const char *)data, size);
    const char *const params[] = {text, NULL};
    if (text)
        run_script(script, sizeof script - 1, params, true, NULL);
    free(text);
    return 0;
}
