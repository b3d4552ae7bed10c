// sampling.c: from a model's logits to the next token: penalty, temperature, filters, drawing.
#include "nodes/nets/llm/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t mw_sampling_best(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best] || isnan(x[best]))
            best = i;
    return best;
}

void mw_sampling_penalise(double *x, size_t n, const uint8_t *seen, double penalty)
{
    for (size_t i = 0; i < n; i++)
        if (seen[i])
            x[i] = x[i] > 0 ? x[i] / penalty : x[i] * penalty;
}

void mw_sampling_temperature(double *x, size_t n, double temperature)
{
    double top = x[mw_sampling_best(x, n)];
    for (size_t i = 0; i < n && isfinite(top); i++)
        x[i] = (x[i] - top) / temperature;
}

// The k-th largest of x, whose order it changes (Hoare's selection).
static double kth_largest(double *x, size_t n, size_t k)
{
    size_t low = 0, high = n - 1, at = k - 1;
    while (low < high) {
        double pivot = x[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (x[i] > pivot)
                i++;
            while (x[j] < pivot)
                j--;
            if (i > j)
                break;
            double t = x[i];
            x[i++] = x[j];
            x[j] = t;
            if (!j--)
                break;
        }
        if (j < n && at <= j)
            high = j;
        else if (at >= i)
            low = i;
        else
            break;
    }
    return x[at];
}

void mw_sampling_top_k(double *x, size_t n, size_t k, double *scratch)
{
    if (k == 0 || k >= n)
        return;
    for (size_t i = 0; i < n; i++)
        scratch[i] = isnan(x[i]) ? -INFINITY : x[i];
    double least = kth_largest(scratch, n, k);
    for (size_t i = 0; i < n; i++)
        if (!(x[i] >= least))
            x[i] = -INFINITY;
}

// e^(x - largest), and their sum.
static double weight_of(double x, double top) { return exp(x - top); }

static double sum_of(const double *x, size_t n, double top)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weight_of(x[i], top);
    return sum;
}

static int ascending(const void *a, const void *b)
{
    const mw_sampling_item *p = a, *q = b;
    return p->p != q->p ? (p->p < q->p ? -1 : 1) : p->id > q->id ? -1 : 1;
}

void mw_sampling_top_p(double *x, size_t n, double p, mw_sampling_item *scratch)
{
    if (p >= 1)
        return;
    size_t best = mw_sampling_best(x, n), count = 0;
    double top = x[best], all = sum_of(x, n, top), most = 1 - p, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double share = weight_of(x[i], top) / all;
        if (share * (double)n <= most && i != best) { // all such together are not above `most`
            sum += share;
            x[i] = -INFINITY;
        } else {
            scratch[count++] = (mw_sampling_item){share, i};
        }
    }
    qsort(scratch, count, sizeof *scratch, ascending);
    for (size_t i = 0; i + 1 < count; i++) {
        sum += scratch[i].p;
        if (sum > most)
            break;
        x[scratch[i].id] = -INFINITY;
    }
}

void mw_sampling_min_p(double *x, size_t n, double share)
{
    double top = x[mw_sampling_best(x, n)];
    for (size_t i = 0; i < n && share > 0; i++)
        if (!(weight_of(x[i], top) >= share))
            x[i] = -INFINITY;
}

void mw_sampling_probabilities(double *x, size_t n)
{
    double top = x[mw_sampling_best(x, n)], sum = sum_of(x, n, top);
    for (size_t i = 0; i < n; i++)
        x[i] = weight_of(x[i], top) / sum;
}

size_t mw_sampling_draw(const double *p, size_t n, double u)
{
    double sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (sum + p[i] > sum)
            last = i;
        sum += p[i];
        if (sum > u)
            return i;
    }
    return last; // rounding left the sum at or below u
}
