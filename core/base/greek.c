// greek.c: a parameter may be written with its Greek letter or that letter's name.
#include "core/base/greek.h"

#include <stddef.h>
#include <string.h>

static const char *const letters[][2] = {
    {"α", "alpha"}, {"β", "beta"},    {"γ", "gamma"},   {"δ", "delta"}, {"ε", "epsilon"}, {"ζ", "zeta"},
    {"η", "eta"},   {"θ", "theta"},   {"ι", "iota"},    {"κ", "kappa"}, {"λ", "lambda"},  {"μ", "mu"},
    {"ν", "nu"},    {"ξ", "xi"},      {"ο", "omicron"}, {"π", "pi"},    {"ρ", "rho"},     {"σ", "sigma"},
    {"τ", "tau"},   {"υ", "upsilon"}, {"φ", "phi"},     {"χ", "chi"},   {"ψ", "psi"},     {"ω", "omega"},
};

const char *mw_greek_other(const char *name)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        for (int side = 0; side < 2; side++)
            if (!strcmp(name, letters[i][side]))
                return letters[i][1 - side];
    return NULL;
}
