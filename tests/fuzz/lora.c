// lora.c: a LoRA's file, its settings and its values, bound to the miniature.
#include "nodes/nets/lora/lora.h"
#include "tests/fuzz/fuzz.h"

static mw_checkpoint *open_model(void)
{
    static mw_checkpoint *model;
    char *path = model ? NULL : mw_share_path(c, "models/miniature");
    mw_checkpoint_options o = {.path = path, .dtype = MW_F32};
    c->dry = true;
    if (path && !(model = mw_checkpoint_open(c, &o)))
        exit(1);
    free(path);
    return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float values[64 * 64];
    static const char name[] = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q.weight";
    begin();
    mw_checkpoint *model = open_model();
    write_files(data, size);
    mw_lora *l = mw_lora_open(c, folder, model);
    if (l)
        mw_lora_add(c, l, 0, 1, name, 2, (int64_t[]){64, 64}, values);
    mw_lora_release(l);
    return 0;
}
