// tokenizer.c: a language model's tokenizer of any kind, and what it makes of texts. FUZZ_FILE names the file
// ("tokenizer.json", "tokenizer.model", "vocab.gguf").
#include "nodes/nets/llm/tokenizer.h"
#include "tests/fuzz/fuzz.h"

static void use(const mw_llm_tokenizer *t, const char *text, size_t size)
{
    mw_llm_ids ids = {0};
    mw_llm_encode(c, t, text, size, true, true, &ids);
    mw_err_clear(c); // an expression of the file may be too much for a text
    free(mw_llm_decode(c, t, ids.id, ids.n, true, NULL));
    mw_llm_stream *s = mw_llm_stream_new(c, t, true);
    for (size_t i = 0; s && i < ids.n; i++)
        mw_llm_stream_put(c, s, ids.id[i], NULL);
    if (s)
        mw_llm_stream_end(c, s, NULL);
    mw_llm_stream_free(s);
    mw_llm_ids_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "A r\xC3\xA9"
        "d cat's  12,345 \xE2\x96\x81 \xE4\xB8\x80\n\n\t<s></s><|im_end|>\xF0\x9F\xA6\x8A\xFF \xE3\x80\x80x";
    const char *name = getenv("FUZZ_FILE");
    begin();
    const char *path = write_file(name ? name : "tokenizer.json", data, size);
    watch_memory(size);
    mw_llm_tokenizer *t = mw_llm_tokenizer_open(c, path);
    mw_err_clear(c);
    if (t) {
        use(t, text, sizeof text - 1);
        use(t, "", 0);
        use(t, (const char *)data, size < 300 ? size : 300);
    }
    mw_llm_tokenizer_free(t);
    return 0;
}
