// sampling.h: from a model's logits to the next token: penalty, temperature, filters, drawing.
//
// Each step takes x[n], logits, and changes them in place; -infinity: the token cannot come. In the order of
// transformers: penalty, temperature, top-k, top-p, min-p, then probabilities.
#ifndef MW_SAMPLING_H
#define MW_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

// Logits of tokens that occurred (seen[i] is not 0) are divided by the penalty when positive, else
// multiplied.
void mw_sampling_penalise(double *x, size_t n, const uint8_t *seen, double penalty);
// Differences to the largest are divided by it; temperature > 0.
void mw_sampling_temperature(double *x, size_t n, double temperature);
// The k largest stay, and what equals the k-th; scratch[n].
void mw_sampling_top_k(double *x, size_t n, size_t k, double *scratch);

typedef struct mw_sampling_item {
    double p;
    size_t id;
} mw_sampling_item;

// Of the probabilities in ascending order (of equal ones the higher ids first), those whose running sum is at
// most 1 - p go; the largest stays. scratch[n].
void mw_sampling_top_p(double *x, size_t n, double p, mw_sampling_item *scratch);
// What has at least this share of the largest one's probability stays.
void mw_sampling_min_p(double *x, size_t n, double share);
// x becomes probabilities.
void mw_sampling_probabilities(double *x, size_t n);
// The first id, in their order, behind which the sum of probabilities is above u in [0,1).
size_t mw_sampling_draw(const double *p, size_t n, double u);
// The largest; of equal ones the lowest id. NaN counts as -infinity.
size_t mw_sampling_best(const double *x, size_t n);

#endif
