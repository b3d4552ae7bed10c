// rope.h: rotary position embedding (Su et al. 2021, arXiv 2104.09864): the frequencies of a head's pairs.
#ifndef MW_ROPE_H
#define MW_ROPE_H

#include <stdbool.h>

// How frequencies change so that a model reads further than it was trained.
typedef enum {
    MW_ROPE_PLAIN,
    MW_ROPE_LINEAR, // all are divided by the factor
    MW_ROPE_LLAMA3, // long waves are divided by the factor, short ones stay, those between pass over
    MW_ROPE_YARN,   // the same by the number of turns within the original length (arXiv 2309.00071)
} mw_rope_rule;

typedef struct mw_rope_settings {
    int width;   // columns of a head that are rotated, from its first on; even
    double base; // "theta"
    mw_rope_rule rule;
    double factor, original; // all rules but PLAIN; LLAMA3, YARN: the length that the model was trained on
    double low, high;        // LLAMA3: original / wave length below low is long, above high short
    double beta_fast, beta_slow; // YARN: turns
    bool truncate;               // YARN: the bounds of the passage are whole pairs
    double attention;            // cosines and sines are multiplied by it; 1 for all rules but YARN
} mw_rope_settings;

// The angle per position of each of the width / 2 pairs into out. divisors (may be NULL): as a GGUF stores
// them, on top of the rule.
void mw_rope_frequencies(const mw_rope_settings *r, const float *divisors, double *out);

// cosines[n][width / 2] beside sines, in rows of width, for the positions first .. first + n - 1.
void mw_rope_table(const mw_rope_settings *r, const double *frequencies, int first, int n, float *out);

#endif
