// seed.h: seeds of random streams: whole numbers of 64 bits, of which Lua's numbers hold only 53.
#ifndef MW_SEED_H
#define MW_SEED_H

#include "core/graph/value.h"

// The normal form of a seed: a number up to 2^53, else its decimal digits as text. Takes whole numbers and
// texts from -2^63 to 2^64-1; -1 becomes the seed that this process has drawn. NULL for any other value, with
// no error pending but MW_E_MEMORY. The caller's share.
mw_value *mw_seed_value(mw_ctx *c, const mw_value *v);

// The 64 bits of a seed in its normal form; those of a negative one as PyTorch takes them.
uint64_t mw_seed_bits(const mw_value *v);

// What -1 stands for in this process, drawn and said in the log when it is first asked for; and to say what
// it is, before anybody asked, to make an earlier run again.
uint64_t mw_seed_drawn(mw_ctx *c);
void mw_seed_redraw(uint64_t seed);
// Whether anybody asked or said.
bool mw_seed_was_drawn(void);

#endif
