// file.c: a file of any kind, as inspect and the readers take it. FUZZ_FILE names it ("weights.safetensors",
// "a.png"). A picture's pixels are more than its bytes; of all others the memory is watched.
#include "core/base/pathname.h"
#include "core/io/image.h"
#include "core/io/inspect.h"
#include "nodes/nets/llm/vectors_file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    const char *name = getenv("FUZZ_FILE");
    begin();
    if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
        return 0;
    const char *path = write_file(name ? name : "weights.safetensors", data, size);
    if (!mw_path_has_suffix(path, ".png") && !mw_path_has_suffix(path, ".jpg"))
        watch_memory(size);
    mw_inspect(c, path, nowhere);
    mw_err_clear(c);
    mw_value_release(mw_vectors_read(c, path));
    mw_err_clear(c);
    size_t n = 0;
    mw_png_texts_free(mw_png_texts(c, path, &n), n);
    return 0;
}
