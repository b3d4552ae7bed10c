// config.h: reading a network's config.json: defaults, ranges, refusals, and warnings for keys nobody knows.
//
// Each key that is asked for counts as known. A key that changes numbers is asked for, and refused by name
// where its value is not supported (mw_config_only). mw_config_done then warns of every key that nobody asked
// for, except those of the one table of keys that touch no number (config.c).
#ifndef MW_NETS_CONFIG_H
#define MW_NETS_CONFIG_H

#include "core/base/ctx.h"
#include "core/tensor/activation.h"

#include <jansson.h>

#define MW_CONFIG_MAXKEYS 96

typedef struct mw_config {
    mw_ctx *c;
    const json_t *json; // an object; borrowed
    const char *file;   // for messages; borrowed
    int nknown;
    const char *known[MW_CONFIG_MAXKEYS];
} mw_config;

// Start reading; MW_E_FILE when json is not an object.
mw_status mw_config_begin(mw_ctx *c, mw_config *cfg, const json_t *json, const char *file);
// Warn of unknown keys. Returns the status in force.
mw_status mw_config_done(mw_config *cfg);

// The value of a key: `def` when it is absent or null. MW_E_FILE, naming file and key, when it has another
// type or is out of low..high; the result is then `def`.
int mw_config_int(mw_config *cfg, const char *key, int def, int low, int high);
double mw_config_number(mw_config *cfg, const char *key, double def, double low, double high);
bool mw_config_bool(mw_config *cfg, const char *key, bool def);
// Borrowed from the JSON; def may be NULL.
const char *mw_config_text(mw_config *cfg, const char *key, const char *def);
// As mw_config_int, but a missing or null key is an error.
int mw_config_need_int(mw_config *cfg, const char *key, int low, int high);
// A list of n integers, or one integer that stands for all n.
void mw_config_ints(mw_config *cfg, const char *key, int def, int low, int high, int n, int *out);
// Entries of the list `key` (an error when there is none or it has more than max), 0 on error.
int mw_config_list_size(mw_config *cfg, const char *key, int max);
// The raw value; NULL when absent or null. Counts as asked for.
const json_t *mw_config_raw(mw_config *cfg, const char *key);

// Refuse any value of `key` but the one supported: JSON text such as "null", "false", "\"default\"", "1". An
// absent key is accepted, and so is null. `why` ends the sentence and may be NULL ("class conditioning is not
// supported").
void mw_config_only(mw_config *cfg, const char *key, const char *supported, const char *why);

// An activation by the name configs use: silu swish gelu quick_gelu gelu_new gelu_pytorch_tanh; anything else
// is refused.
mw_activation mw_config_activation(mw_config *cfg, const char *key, const char *def);
// Refuse any activation but SiLU (where the blocks know no other).
void mw_config_only_silu(mw_config *cfg, const char *key);

// MW_E_FILE "<file>: '<key>': <sentence>".
#define mw_config_fail(cfg, key, ...) mw_config_fail_at((cfg), (key), __FILE__, __LINE__, __VA_ARGS__)
mw_status mw_config_fail_at(mw_config *cfg, const char *key, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
