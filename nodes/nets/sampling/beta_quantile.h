// beta_quantile.h: quantiles of the beta distribution.
#ifndef MW_BETA_QUANTILE_H
#define MW_BETA_QUANTILE_H

// The x in 0..1 below which a share p (0..1) of the distribution Beta(a, b) lies; a, b > 0.
double mw_beta_quantile(double p, double a, double b);

#endif
