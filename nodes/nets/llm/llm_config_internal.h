// llm_config_internal.h: what the readers of language models' configs share. Private to the room.
#ifndef MW_LLM_CONFIG_INTERNAL_H
#define MW_LLM_CONFIG_INTERNAL_H

#include "nodes/nets/llm/llm_config.h"

// A family, and what a transformers config of it means where it does not say. 0: no such default; the key
// must be there, or its meaning follows from others.
typedef struct mw_llm_family {
    const char *type, *model_type, *class;
    int heads, kv_heads, head, vocab, context;
    int window;  // 0: its class knows none
    double base; // of the rotation; 0: 10000
} mw_llm_family;

// NULL for an unknown type.
const mw_llm_family *mw_llm_family_of(const char *type);

// ---- llm_config_rope.c
// m->rope and rope_windowed; the head's width and the context are known.
void mw_llm_config_read_rope(mw_config *cfg, const mw_llm_family *f, mw_llm_config *m);
// What YaRN multiplies cosines and sines with, unless a file says it.
double mw_rope_yarn_attention(double factor);

#endif
