// main.c: the program random_llm: writes language models of every family with random weights: transformers
// folders and GGUF files, to measure and to compare with where no real one is at hand.
//
// random_llm FAMILY SIZE TYPE PATH [SEED]. FAMILY and SIZE: the tables below. PATH: a folder, or a file that
// ends in .gguf. TYPE: f32, f16 or bf16, in a GGUF file also q8_0, q4_0, ... Weights follow from the seed and
// their names, so that a folder and a GGUF file of one seed hold the same model, as far as its type can say
// it; of the K types, which are not quantised here, blocks are drawn. Activations stay near 1.
#include "tests/random_llm/random_llm.h"

#include "core/base/pathname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    int width, layers, heads, kv_heads, head, inner, vocab, context;
    bool tied;
} sizes[] = {
    {"tiny", 256, 2, 4, 2, 64, 512, 600, 512, false},
    {"1b", 2048, 16, 32, 8, 64, 8192, 128256, 8192, true},    // as Llama 3.2 1B
    {"7b", 4096, 32, 32, 32, 128, 11008, 32000, 4096, false}, // as Llama 2 7B
};

// `more` goes over what the size says; original lengths of rotations are short, so that they matter at once.
static const struct {
    const char *name, *architecture, *type, *class, *more;
} families[] = {
    {"llama", "llama", "llama", "LlamaForCausalLM", "{\"rope_theta\": 10000.0}"},
    {"llama3", "llama", "llama", "LlamaForCausalLM",
     "{\"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, "
     "\"low_freq_factor\": 1.0, "
     "\"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 64}}"},
    {"llama_linear", "llama", "llama", "LlamaForCausalLM",
     "{\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4.0}}"},
    {"llama_yarn", "llama", "llama", "LlamaForCausalLM",
     "{\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 8.0, "
     "\"original_max_position_embeddings\": 64}}"},
    {"mistral", "llama", "mistral", "MistralForCausalLM",
     "{\"rope_theta\": 1000000.0, \"sliding_window\": null}"},
    {"mistral_window", NULL, "mistral", "MistralForCausalLM",
     "{\"rope_theta\": 10000.0, \"sliding_window\": 16}"},
    {"qwen2", "qwen2", "qwen2", "Qwen2ForCausalLM",
     "{\"rope_theta\": 1000000.0, \"use_sliding_window\": false}"},
    {"qwen3", "qwen3", "qwen3", "Qwen3ForCausalLM",
     "{\"rope_theta\": 1000000.0, \"head_dim\": 128, \"attention_bias\": false, \"use_sliding_window\": "
     "false}"},
    {"gemma3", "gemma3", "gemma3_text", "Gemma3ForCausalLM",
     "{\"rope_theta\": 1000000.0, \"rope_local_base_freq\": 10000.0, \"head_dim\": 128, "
     "\"query_pre_attn_scalar\": 128, "
     "\"sliding_window\": 16, \"sliding_window_pattern\": 6, \"hidden_activation\": \"gelu_pytorch_tanh\", "
     "\"tie_word_embeddings\": true, \"num_hidden_layers\": 7}"},
};

static json_t *config_of(mw_ctx *c, size_t family, size_t size)
{
    json_t *more = json_loads(families[family].more, 0, NULL);
    json_t *o = json_pack(
        "{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:s, s:b, s:i, s:i, s:s}", "architectures",
        families[family].class, "model_type", families[family].type, "hidden_size", sizes[size].width,
        "intermediate_size", sizes[size].inner, "num_hidden_layers", sizes[size].layers,
        "num_attention_heads", sizes[size].heads, "num_key_value_heads", sizes[size].kv_heads, "head_dim",
        sizes[size].head, "vocab_size", sizes[size].vocab, "max_position_embeddings", sizes[size].context,
        "rms_norm_eps", 1e-5, "hidden_act", "silu", "tie_word_embeddings", sizes[size].tied, "bos_token_id",
        1, "eos_token_id", 2, "dtype", "float32");
    if (!o || !more)
        mw_fail(c, MW_E_MEMORY, "no config");
    json_object_update(o, more);
    if (sizes[size].layers > 7 && o)
        json_object_set_new(o, "num_hidden_layers", json_integer(sizes[size].layers));
    json_decref(more);
    return o;
}

static bool read_type(const char *text, bool folder, mw_ggml_type *out)
{
    for (uint32_t i = 0; i < 64; i++) {
        const mw_ggml_facts *f = mw_ggml_type_facts(i);
        if (!f || strcasecmp(f->name, text) || !f->decodes || (i >= MW_GGML_I8 && i <= MW_GGML_F64))
            continue;
        *out = (mw_ggml_type)i;
        return !folder || f->block == 1;
    }
    return false;
}

static void run(job *j, size_t family, size_t size, bool folder)
{
    j->architecture = families[family].architecture;
    j->json = config_of(j->c, family, size);
    if (j->json && mw_llm_config_read(j->c, j->json, "config.json", &j->config) == MW_OK) {
        random_list(j);
        vocabulary_make(j->c, &j->words, (size_t)j->config.vocab);
    }
    if (mw_err(j->c) == MW_OK && folder)
        random_write_folder(j);
    else if (mw_err(j->c) == MW_OK)
        random_write_gguf(j);
    for (size_t i = 0; i < j->n; i++)
        free(j->weights[i].name);
    free(j->weights);
    vocabulary_free(&j->words);
    free(j->values);
    free(j->bytes);
    json_decref(j->json);
}

int main(int argc, char **argv)
{
    size_t family = 0, size = 0;
    const size_t nfamilies = sizeof families / sizeof *families, nsizes = sizeof sizes / sizeof *sizes;
    job j = {.c = mw_ctx_new(), .seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1};
    bool folder = argc > 4 && !mw_path_has_suffix(argv[4], ".gguf");
    while (argc > 4 && family < nfamilies && strcmp(argv[1], families[family].name))
        family++;
    while (argc > 4 && size < nsizes && strcmp(argv[2], sizes[size].name))
        size++;
    if (!j.c || argc < 5 || argc > 6 || family == nfamilies || size == nsizes ||
        !read_type(argv[3], folder, &j.type) || (!folder && !families[family].architecture)) {
        fprintf(stderr, "usage: random_llm FAMILY SIZE TYPE FOLDER|FILE.gguf [SEED]\nfamilies:");
        for (size_t i = 0; i < nfamilies; i++)
            fprintf(stderr, " %s%s", families[i].name, families[i].architecture ? "" : " (no GGUF)");
        fprintf(stderr,
                "\nsizes: tiny 1b 7b\ntypes: f32 f16 bf16; in a GGUF file q8_0 q4_0 q4_1 q5_0 q5_1 q2_k ... "
                "too\n");
        mw_ctx_free(j.c);
        return 2;
    }
    j.path = argv[4];
    run(&j, family, size, folder);
    if (mw_err(j.c) != MW_OK)
        fprintf(stderr, "%s\n", mw_errmsg(j.c));
    int status = mw_status_exit_code(mw_err(j.c));
    mw_ctx_free(j.c);
    return status;
}
