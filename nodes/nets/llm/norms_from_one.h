// norms_from_one.h: weights of norms that are stored as what they differ from 1 (transformers' Gemma).
#ifndef MW_NORMS_FROM_ONE_H
#define MW_NORMS_FROM_ONE_H

#include "nodes/nets/base/weights.h"

// The same source with 1 added to every vector "...norm.weight". Takes over `base`, also on failure.
mw_weight_source mw_norms_from_one(mw_ctx *c, mw_weight_source base);

#endif
