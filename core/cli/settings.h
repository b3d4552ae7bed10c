// settings.h: options that were not given: from the environment, else from the configuration file.
#ifndef MW_SETTINGS_H
#define MW_SETTINGS_H

#include "core/base/ctx.h"

// The value of --name from $MOONWEAVE_NAME ("cache-size": $MOONWEAVE_CACHE_SIZE), else from a line "name =
// value" of $XDG_CONFIG_HOME/moonweave/config (~/.config/moonweave/config), where # begins a comment. NULL
// when neither has it; free() it. *from names where it was found.
char *mw_setting(mw_ctx *c, const char *name, const char **from);

#endif
