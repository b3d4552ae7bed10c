// checkpoint_node.h: the outputs that nodes which give a checkpoint have in common.
#ifndef MW_CHECKPOINT_NODE_H
#define MW_CHECKPOINT_NODE_H

#include "core/graph/node.h"
#include "nodes/nets/checkpoint/checkpoint.h"

// The checkpoint and, by name, its parts.
extern const mw_out mw_checkpoint_outs[];

// Fill the outputs of mw_checkpoint_outs; takes over the share of k, which may be NULL with an error pending.
mw_status mw_checkpoint_give(mw_ctx *c, mw_checkpoint *k, mw_value **out);

#endif
