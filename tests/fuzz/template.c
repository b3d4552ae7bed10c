// template.c: a chat template, and what it writes of two conversations.
#include "nodes/nets/jinja/jinja.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    json_t *own = json_pack("{s:b,s:n,s:s,s:s}", "add_generation_prompt", 1, "tools", "bos_token", "<s>",
                            "eos_token", "</s>");
    json_t *foreign = json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:[{s:s,s:i}]}]}", "messages", "role", "system",
                                "content", " Be br\xC3\xA9zen ", "role", "user", "content", "a <|im_end|>\n",
                                "role", "assistant", "content", "type", "text", "n", 3);
    watch_memory(size);
    mw_jinja *t = mw_jinja_parse(c, (const char *)data, size, "template");
    mw_jinja_text out = {0};
    if (t && mw_jinja_render(c, t, own, foreign, &out) == MW_OK && out.nforeign &&
        out.foreign[out.nforeign - 1].end > out.size)
        abort();
    mw_jinja_text_free(&out);
    mw_jinja_free(t);
    json_decref(own);
    json_decref(foreign);
    return 0;
}
