// ggml_blocks.h: ggml's formats of weights, as GGUF files hold them: runs of 32 or 256 neighbouring weights
// of a row in a block with scales of its own. Here: what each type is, rows to f32 and back, on the host.
//
// Lies in base, so that ops and kernels' packings may use the same table as the reader of files
// (core/io/gguf.h). Layouts: https://github.com/ggml-org/ggml, src/ggml-common.h and src/ggml-quants.c.
#ifndef MW_GGML_BLOCKS_H
#define MW_GGML_BLOCKS_H

#include "core/base/ctx.h"

// The format's own numbers. Of those that are known only by their size there is no name here.
typedef enum {
    MW_GGML_F32 = 0,
    MW_GGML_F16 = 1,
    MW_GGML_Q4_0 = 2,
    MW_GGML_Q4_1 = 3,
    MW_GGML_Q5_0 = 6,
    MW_GGML_Q5_1 = 7,
    MW_GGML_Q8_0 = 8,
    MW_GGML_Q2_K = 10,
    MW_GGML_Q3_K = 11,
    MW_GGML_Q4_K = 12,
    MW_GGML_Q5_K = 13,
    MW_GGML_Q6_K = 14,
    MW_GGML_IQ4_NL = 20,
    MW_GGML_IQ4_XS = 23,
    MW_GGML_I8 = 24,
    MW_GGML_I16 = 25,
    MW_GGML_I32 = 26,
    MW_GGML_I64 = 27,
    MW_GGML_F64 = 28,
    MW_GGML_BF16 = 30,
} mw_ggml_type;

typedef struct mw_ggml_facts {
    const char *name;      // "Q4_K"
    int block;             // weights in a block: 1, 32, ... 256
    int bytes;             // of a block
    bool decodes, encodes; // mw_ggml_decode, mw_ggml_encode know it
} mw_ggml_facts;

// NULL for numbers that are no type, or one that was taken out of the format.
const mw_ggml_facts *mw_ggml_type_facts(uint32_t type);

// n weights, a multiple of the type's block, to f32, with the same bits as ggml's own decoder. `from` may
// have any alignment. The type must be one that `decodes`.
void mw_ggml_decode(mw_ggml_type type, const void *from, float *to, int64_t n);

// f32 to blocks, with the same bytes as ggml's reference quantiser. The type must be one that `encodes`: F32,
// F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
void mw_ggml_encode(mw_ggml_type type, const float *from, void *to, int64_t n);

// A matrix of blocks where it lies, row by row.
typedef struct mw_block_rows {
    mw_ggml_type type;
    int64_t rows, columns;
    size_t row_bytes;    // whole blocks
    const uint8_t *data; // row i of the file at i * row_bytes; of any alignment
    // 0: the rows are meant in this order. Else they come in groups of `group` (the size of a head), in which
    // row i of the matrix lies at 2i, and row i + group/2 at 2i + 1.
    int64_t group;
} mw_block_rows;

// Row r of the matrix, 0 <= r < rows.
static inline const uint8_t *mw_block_row(const mw_block_rows *b, int64_t r)
{
    if (b->group) {
        int64_t half = b->group / 2, i = r % b->group;
        r += (i < half ? 2 * i : 2 * (i - half) + 1) - i;
    }
    return b->data + (size_t)r * b->row_bytes;
}

#endif
