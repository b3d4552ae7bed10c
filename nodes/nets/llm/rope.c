// rope.c: rotary position embedding: the frequencies of a head's pairs.
#include "nodes/nets/llm/rope.h"

#include <math.h>

static const double TURN = 6.283185307179586;

// LLaMA 3.1: as transformers computes it (_compute_llama3_parameters).
static double llama3(const mw_rope_settings *r, double frequency)
{
    double turns = r->original * frequency / TURN;
    if (turns > r->high)
        return frequency;
    if (turns < r->low)
        return frequency / r->factor;
    double t = (turns - r->low) / (r->high - r->low);
    return (1 - t) * frequency / r->factor + t * frequency;
}

// The pair that turns `turns` times within the original length.
static double pair_of(const mw_rope_settings *r, double turns)
{
    return r->width * log(r->original / (turns * TURN)) / (2 * log(r->base));
}

static double yarn(const mw_rope_settings *r, int pair, double frequency)
{
    double low = pair_of(r, r->beta_fast), high = pair_of(r, r->beta_slow);
    if (r->truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, r->width - 1);
    double t = (pair - low) / (high == low ? 0.001 : high - low);
    t = fmin(fmax(t, 0), 1);
    return t * frequency / r->factor + (1 - t) * frequency;
}

void mw_rope_frequencies(const mw_rope_settings *r, const float *divisors, double *out)
{
    for (int i = 0; i < r->width / 2; i++) {
        double f = pow(r->base, -2.0 * i / r->width);
        f = r->rule == MW_ROPE_LINEAR   ? f / r->factor
            : r->rule == MW_ROPE_LLAMA3 ? llama3(r, f)
            : r->rule == MW_ROPE_YARN   ? yarn(r, i, f)
                                        : f;
        out[i] = divisors ? f / (double)divisors[i] : f;
    }
}

void mw_rope_table(const mw_rope_settings *r, const double *frequencies, int first, int n, float *out)
{
    int pairs = r->width / 2;
    for (int p = 0; p < n; p++, out += r->width)
        for (int i = 0; i < pairs; i++) {
            double angle = (first + p) * frequencies[i];
            out[i] = (float)(cos(angle) * r->attention);
            out[pairs + i] = (float)(sin(angle) * r->attention);
        }
}
