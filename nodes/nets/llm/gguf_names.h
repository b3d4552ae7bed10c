// gguf_names.h: names of a language model's tensors in GGUF files and in transformers.
#ifndef MW_GGUF_NAMES_H
#define MW_GGUF_NAMES_H

#include "core/io/gguf.h"

typedef struct mw_gguf_architecture {
    const char *name;      // "llama": general.architecture
    bool pairs_neighbours; // rows of q and k lie so that pairs of the rotation are neighbours
    bool sandwich;         // "ffn_norm" stands before the MLP, "post_attention_norm" behind attention
} mw_gguf_architecture;

// NULL where it is not supported.
const mw_gguf_architecture *mw_gguf_architecture_named(const char *name);
// The file's; NULL with MW_E_FILE pending where it has none, or one that is not supported.
const mw_gguf_architecture *mw_gguf_read_architecture(mw_ctx *c, const mw_gguf *g);

// "blk.3.ffn_up.weight" to "model.layers.3.mlp.up_proj.weight"; its own name where there is none. free() it.
char *mw_gguf_hf_name(mw_ctx *c, const mw_gguf_architecture *a, const char *stored);
// And back, into buf; `name` where it has none.
const char *mw_gguf_stored_name(const mw_gguf_architecture *a, const char *name, char *buf, size_t size);

#endif
