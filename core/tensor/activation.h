// activation.h: the functions between layers that products can apply to their results.
#ifndef MW_ACTIVATION_H
#define MW_ACTIVATION_H

typedef enum { MW_ACT_NONE, MW_ACT_SILU, MW_ACT_GELU, MW_ACT_QUICK_GELU, MW_ACT_GELU_TANH } mw_activation;

#endif
