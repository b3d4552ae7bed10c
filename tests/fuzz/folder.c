// folder.c: a folder of a model's files: networks' configs, tokenizers, shards, pipelines.
#include "core/io/inspect.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    static const char prompt[] = "a red star, caf\xc3\xa9 <cat> 12";
    begin();
    if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
        return 0;
    write_files(data, size);
    mw_inspect(c, folder, nowhere);
    mw_err_clear(c);
    mw_clip_tokenizer *t = mw_clip_tokenizer_load(c, folder, NULL);
    mw_clip_tokens tokens = {0};
    if (t)
        mw_clip_tokenize(c, t, prompt, sizeof prompt - 1, &tokens);
    mw_clip_tokens_free(&tokens);
    mw_clip_tokenizer_free(t);
    return 0;
}
