// tune.h: which of several ways to do the same thing is fastest on this device: measured once, kept on disk.
//
// A key names an op, dtypes and a class of sizes ("conv2d f32 f32 11 9 12"), a way one of the candidates
// ("winograd"). Both are single lines without tabs. Where nothing is known, the op decides by rule.
#ifndef MW_TUNE_H
#define MW_TUNE_H

#include "core/base/ctx.h"

// Index in `ways` (static, NULL at its end) of the way known for key; -1 when none is, or
// none of these. The first call reads the device's file, $XDG_CACHE_HOME/moonweave/tune/<device and
// driver>.tune.
int mw_tune_find(mw_ctx *c, const char *key, const char *const *ways);
// While recording is on, mw_tune_find notes what it is asked for; it forgets what it noted when turned on.
void mw_tune_record(mw_ctx *c, bool on);
// The i-th distinct key noted and the ways it was asked with; false when there are not so many. key lives
// until recording starts anew.
bool mw_tune_recorded(mw_ctx *c, size_t i, const char **key, const char *const **ways);

// From now on key goes this way in this process; NULL: forget it.
mw_status mw_tune_set(mw_ctx *c, const char *key, const char *way);
// The same for a key that was set before, also while an error is pending.
void mw_tune_put_back(mw_ctx *c, const char *key, const char *way);
// What is known, as the file has it: rows "key<TAB>way\n". "" when nothing is, or without a device. free()
// it.
char *mw_tune_text(mw_ctx *c);
// Write what is known to the device's file, under a temporary name first.
mw_status mw_tune_save(mw_ctx *c);

#endif
