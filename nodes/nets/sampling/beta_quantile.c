// beta_quantile.c: quantiles of the beta distribution, by bisection of its distribution function.
#include "nodes/nets/sampling/beta_quantile.h"

#include <math.h>

// Continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8), by Lentz's method.
static double fraction(double x, double a, double b)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), h;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    h = d;
    for (int m = 1; m < 500; m++) {
        for (int odd = 0; odd < 2; odd++) {
            double k = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                           : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + k * d;
            c = 1 + k / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            h *= c * d;
        }
        if (fabs(c * d - 1) < 1e-16)
            break;
    }
    return h;
}

static double distribution(double x, double a, double b)
{
    if (x <= 0 || x >= 1)
        return x >= 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    // The fraction converges fast on one side of the mean only; the symmetry gives the other.
    return x < (a + 1) / (a + b + 2) ? front * fraction(x, a, b) / a : 1 - front * fraction(1 - x, b, a) / b;
}

double mw_beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    if (p <= 0 || p >= 1)
        return p >= 1;
    // To the last bit: halving stops when there is no number in between.
    for (double mid = 0.5; mid > low && mid < high; mid = low + (high - low) / 2)
        *(distribution(mid, a, b) < p ? &low : &high) = mid;
    return high;
}
