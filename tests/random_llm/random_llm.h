// random_llm.h: what the program that writes random language models is made of.
#ifndef RANDOM_LLM_H
#define RANDOM_LLM_H

#include "core/io/gguf_write.h"
#include "core/io/json.h"
#include "nodes/nets/llm/llm_config.h"
#include "tests/random_llm/vocabulary.h"

typedef enum { MATRIX, INTO_STREAM, NORM, BIAS } kind;

typedef struct {
    char *name; // transformers'
    kind kind;
    int64_t rows, columns; // columns 0: a vector
    bool heads;            // rows of q or k
} weight;

typedef struct {
    mw_ctx *c;
    const char *path, *architecture;
    uint64_t seed;
    mw_ggml_type type;
    json_t *json; // config.json
    mw_llm_config config;
    weight *weights;
    size_t n;
    vocabulary words;
    mw_gguf_out_tensor *tensors; // of a GGUF file, one for each weight
    float *values;               // of one tensor
    uint8_t *bytes;
    size_t room;
} job;

// ---- weights.c
// All weights of j->config, by transformers' names.
void random_list(job *j);
// n values of a weight, uniform around 0, of a norm around `centre`; they follow from the seed and its name.
void random_draw(const job *j, const weight *w, float centre, float *out, int64_t n);
// How far they spread from there.
float random_spread(const weight *w);
// The words that they are made of.
uint64_t random_stream(const job *j, const char *name);
uint64_t random_next(uint64_t *stream);
// Room for n values, and for as many in bytes.
bool random_room(job *j, int64_t n);

// ---- folder.c, gguf.c
void random_write_folder(job *j);
void random_write_gguf(job *j);

#endif
