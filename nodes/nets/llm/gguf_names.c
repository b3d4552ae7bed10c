// gguf_names.c: names of a language model's tensors in GGUF files and in transformers.
#include "nodes/nets/llm/gguf_names.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mw_gguf_architecture architectures[] = {
    {"llama", true, false}, {"qwen2", false, false}, {"qwen3", false, false}, {"gemma3", false, true}};

const mw_gguf_architecture *mw_gguf_architecture_named(const char *name)
{
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (!strcmp(name, architectures[i].name))
            return &architectures[i];
    return NULL;
}

const mw_gguf_architecture *mw_gguf_read_architecture(mw_ctx *c, const mw_gguf *g)
{
    char shown[60];
    const char *name = mw_gguf_need_text(c, g, "general.architecture");
    const mw_gguf_architecture *a = mw_gguf_architecture_named(name);
    if (!a)
        mw_gguf_fail(c, g, "general.architecture",
                     "\"%s\" is not supported, only llama, qwen2, qwen3 and gemma3 are",
                     mw_printable(name, shown, sizeof shown));
    return a;
}

typedef struct {
    const char *gguf, *hf;
} pair;

static const pair outer[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
static const pair inner[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"}, {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"}, {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"},
};
static const pair norms[] = {{"ffn_norm", "post_attention_layernorm"}};
static const pair sandwich_norms[] = {{"ffn_norm", "pre_feedforward_layernorm"},
                                      {"post_attention_norm", "post_attention_layernorm"},
                                      {"post_ffw_norm", "post_feedforward_layernorm"}};

// What the first n bytes of `stem` are called; NULL when not in the list.
static const char *translated(const pair *list, size_t size, const char *stem, size_t n)
{
    for (size_t i = 0; i < size; i++)
        if (strlen(list[i].gguf) == n && !strncmp(list[i].gguf, stem, n))
            return list[i].hf;
    return NULL;
}
#define TRANSLATED(list, stem, n) translated((list), sizeof(list) / sizeof *(list), (stem), (n))

char *mw_gguf_hf_name(mw_ctx *c, const mw_gguf_architecture *a, const char *stored)
{
    const char *dot = strrchr(stored, '.'), *hf;
    int layer, at = 0;
    bool block = sscanf(stored, "blk.%4d.%n", &layer, &at) == 1 && at > 0 && layer >= 0;
    const char *stem = stored + (block ? at : 0);
    if (!dot || dot < stem)
        return mw_strdup(c, stored);
    size_t n = (size_t)(dot - stem);
    if (!block) {
        hf = TRANSLATED(outer, stem, n);
        return hf ? mw_format(c, "%s%s", hf, dot) : mw_strdup(c, stored);
    }
    hf = TRANSLATED(inner, stem, n);
    if (!hf)
        hf = a->sandwich ? TRANSLATED(sandwich_norms, stem, n) : TRANSLATED(norms, stem, n);
    return hf ? mw_format(c, "model.layers.%d.%s%s", layer, hf, dot) : mw_strdup(c, stored);
}

// A list's stored name of what transformers calls by the first n bytes of `stem`; NULL where it has none.
static const char *translated_back(const pair *list, size_t size, const char *stem, size_t n)
{
    for (size_t i = 0; i < size; i++)
        if (strlen(list[i].hf) == n && !strncmp(list[i].hf, stem, n))
            return list[i].gguf;
    return NULL;
}
#define TRANSLATED_BACK(list, stem, n) translated_back((list), sizeof(list) / sizeof *(list), (stem), (n))

const char *mw_gguf_stored_name(const mw_gguf_architecture *a, const char *name, char *buf, size_t size)
{
    const char *dot = strrchr(name, '.'), *stored;
    int layer, at = 0;
    bool block = sscanf(name, "model.layers.%4d.%n", &layer, &at) == 1 && at > 0 && layer >= 0;
    const char *stem = name + (block ? at : 0);
    if (!dot || dot < stem)
        return name;
    size_t n = (size_t)(dot - stem);
    stored = block ? TRANSLATED_BACK(inner, stem, n) : TRANSLATED_BACK(outer, stem, n);
    if (block && !stored)
        stored = a->sandwich ? TRANSLATED_BACK(sandwich_norms, stem, n) : TRANSLATED_BACK(norms, stem, n);
    if (stored && block)
        snprintf(buf, size, "blk.%d.%s%s", layer, stored, dot);
    else if (stored)
        snprintf(buf, size, "%s%s", stored, dot);
    return stored ? buf : name;
}
