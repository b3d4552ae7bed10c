// llm_config_gguf.c: the shape of a language model from the metadata of a GGUF file.
#include "nodes/nets/llm/llm_config_gguf.h"

#include "core/base/text.h"
#include "nodes/nets/llm/llm_config_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    mw_ctx *c;
    const mw_gguf *g;
    const char *arch;
    char key[96];
} reader;

static const char *key(reader *r, const char *name)
{
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch, name);
    return r->key;
}

static int need_int(reader *r, const char *name, int low, int high)
{
    return (int)mw_gguf_need_int(r->c, r->g, key(r, name), low, high);
}

static int get_int(reader *r, const char *name, int def, int low, int high)
{
    return (int)mw_gguf_int(r->c, r->g, key(r, name), def, low, high);
}

static double get_number(reader *r, const char *name, double def, double low, double high)
{
    return mw_gguf_number(r->c, r->g, key(r, name), def, low, high);
}

#define FAIL(r, name, ...) mw_gguf_fail((r)->c, (r)->g, key((r), (name)), __VA_ARGS__)

static const mw_llm_family *read_architecture(reader *r)
{
    char shown[60];
    r->arch = mw_gguf_need_text(r->c, r->g, "general.architecture");
    if (mw_err(r->c) != MW_OK)
        return NULL;
    const mw_llm_family *f = mw_llm_family_of(r->arch);
    if (f && strcmp(f->type, "mistral") != 0) // such files say llama
        return f;
    mw_gguf_fail(r->c, r->g, "general.architecture",
                 "\"%s\" is not supported, only llama, qwen2, qwen3 and gemma3 are",
                 mw_printable(r->arch, shown, sizeof shown));
    return NULL;
}

static void read_sizes(reader *r, mw_llm_config *m)
{
    m->width = need_int(r, "embedding_length", 1, 1 << 18);
    m->inner = need_int(r, "feed_forward_length", 1, 1 << 20);
    m->layers = need_int(r, "block_count", 1, MW_LLM_MAX_LAYERS);
    m->heads = need_int(r, "attention.head_count", 1, 1 << 14);
    m->kv_heads = get_int(r, "attention.head_count_kv", m->heads, 1, 1 << 14);
    m->head = get_int(r, "attention.key_length", 0, 1, 1 << 14);
    m->context = get_int(r, "context_length", 2048, 1, 1 << 30);
    if (mw_err(r->c) != MW_OK)
        return;
    if (m->heads % m->kv_heads)
        FAIL(r, "attention.head_count_kv", "%d do not divide head_count %d", m->kv_heads, m->heads);
    else if (!m->head && m->width % m->heads)
        FAIL(r, "attention.head_count", "%d heads do not divide embedding_length %d", m->heads, m->width);
    m->head = m->head ? m->head : m->width / m->heads;
    if (m->head % 2)
        FAIL(r, "attention.key_length", "a head of %d has no pairs to rotate", m->head);
    if (get_int(r, "attention.value_length", m->head, 1, 1 << 14) != m->head)
        FAIL(r, "attention.value_length", "must be the keys' length %d", m->head);
    if (get_int(r, "expert_count", 0, 0, 1 << 16) > 0)
        FAIL(r, "expert_count", "mixtures of experts are not supported");
}

static bool has(const reader *r, const char *tensor) { return mw_gguf_tensor_find(r->g, tensor) != NULL; }

// What the tensors say.
static void read_tensors(reader *r, mw_llm_config *m)
{
    const mw_gguf_tensor *table = mw_gguf_tensor_find(r->g, "token_embd.weight");
    const mw_gguf_value *tokens = mw_gguf_array(r->c, r->g, "tokenizer.ggml.tokens", MW_GGUF_TEXTS);
    if (mw_err(r->c) != MW_OK)
        return;
    if (!table || table->ndim != 2 || table->shape[0] > 1 << 24) {
        mw_fail(r->c, MW_E_FILE, "%s: tensor 'token_embd.weight', a table of all tokens, is missing",
                mw_gguf_path(r->g));
        return;
    }
    m->vocab = (int)table->shape[0];
    if (tokens && tokens->count != (uint64_t)m->vocab)
        mw_gguf_fail(r->c, r->g, "tokenizer.ggml.tokens", "%llu tokens, but the embedding has %d rows",
                     (unsigned long long)tokens->count, m->vocab);
    m->tied = !has(r, "output.weight");
    m->qkv_bias = has(r, "blk.0.attn_q.bias");
    m->out_bias = has(r, "blk.0.attn_output.bias");
}

// The rule by which frequencies change, by the names that llama.cpp writes.
static void read_scaling(reader *r, mw_llm_config *m)
{
    char shown[60];
    mw_rope_settings *o = &m->rope;
    const char *rule = mw_gguf_text(r->c, r->g, key(r, "rope.scaling.type"), NULL, NULL);
    double old = get_number(r, "rope.scale_linear", 0, 0, 1e9); // of files before there were types
    o->factor = get_number(r, "rope.scaling.factor", old, 0, 1e9);
    if (mw_err(r->c) != MW_OK || (rule && !strcmp(rule, "none")) || !(o->factor > 0)) {
        o->factor = 1;
        return;
    }
    o->rule = MW_ROPE_LINEAR;
    if (!rule || !strcmp(rule, "linear"))
        return;
    if (strcmp(rule, "yarn") != 0) {
        FAIL(r, "rope.scaling.type", "the rule \"%s\" is not supported, only none, linear and yarn are",
             mw_printable(rule, shown, sizeof shown));
        return;
    }
    o->rule = MW_ROPE_YARN;
    o->original = get_number(r, "rope.scaling.original_context_length", m->context, 1, 1e9);
    o->beta_fast = get_number(r, "rope.scaling.yarn_beta_fast", 32, 1e-6, 1e9);
    o->beta_slow = get_number(r, "rope.scaling.yarn_beta_slow", 1, 1e-6, 1e9);
    o->truncate = true;
    o->attention =
        mw_rope_yarn_attention(o->factor) * get_number(r, "rope.scaling.attn_factor", 1, 1e-6, 1e6);
    if (mw_gguf_find(r->g, key(r, "rope.scaling.yarn_log_multiplier")))
        FAIL(r, "rope.scaling.yarn_log_multiplier", "is not supported");
}

static void read_rope(reader *r, mw_llm_config *m)
{
    bool llama = !strcmp(r->arch, "llama"), gemma = !strcmp(r->arch, "gemma3");
    int width = get_int(r, "rope.dimension_count", m->head, 1, 1 << 14);
    m->rope = (mw_rope_settings){.width = width, .factor = 1, .attention = 1};
    m->rope.base = get_number(r, "rope.freq_base", gemma ? 1e6 : 10000, 1, 1e12);
    if (mw_err(r->c) != MW_OK)
        return;
    if (width % 2 || width > m->head || (llama && width != m->head))
        FAIL(r, "rope.dimension_count", "%d columns of a head of %d cannot be rotated", width, m->head);
    m->rope_windowed = m->rope;
    read_scaling(r, m);
    if (gemma)
        m->rope_windowed.base = get_number(r, "rope.freq_base_swa", 10000, 1, 1e12);
    else
        m->rope_windowed = m->rope;
}

// Gemma 3: what its files leave to the reader, as llama.cpp has it.
static void read_gemma(reader *r, mw_llm_config *m)
{
    enum { LAYERS_OF_27B = 62 }; // the one whose queries are not scaled by their head's width
    m->head_norms = m->sandwich = m->scaled_embedding = true;
    m->act = MW_ACT_GELU_TANH;
    m->window = get_int(r, "attention.sliding_window", 0, 1, 1 << 30);
    int period = get_int(r, "attention.sliding_window_pattern", 6, 1, 1 << 12);
    for (int i = 0; i < m->layers && m->window; i++)
        m->windowed[i] = (i + 1) % period != 0;
    if (m->layers == LAYERS_OF_27B)
        m->scale = 1 / sqrt((double)m->width / m->heads);
    static const char *const caps[] = {"attn_logit_softcapping", "final_logit_softcapping"};
    for (int i = 0; i < 2; i++)
        if (get_number(r, caps[i], 0, 0, 1e9) > 0)
            FAIL(r, caps[i], "is not supported");
}

mw_status mw_llm_config_gguf(mw_ctx *c, const mw_gguf *g, mw_llm_config *out)
{
    reader r = {.c = c, .g = g};
    *out = (mw_llm_config){0};
    const mw_llm_family *f = read_architecture(&r);
    if (!f)
        return mw_err(c);
    out->type = f->type;
    read_sizes(&r, out);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    out->eps = mw_gguf_need_number(c, g, key(&r, "attention.layer_norm_rms_epsilon"), 1e-12, 1);
    out->scale = 1 / sqrt((double)out->head);
    out->act = MW_ACT_SILU;
    out->head_norms = !strcmp(f->type, "qwen3");
    if (!strcmp(f->type, "gemma3"))
        read_gemma(&r, out);
    if (mw_err(c) == MW_OK)
        read_rope(&r, out);
    if (mw_err(c) == MW_OK)
        read_tensors(&r, out);
    return mw_err(c);
}
