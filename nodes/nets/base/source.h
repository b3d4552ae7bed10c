// source.h: the entries of a checkpoint under the names that networks ask for, with LoRA deltas on top.
//
// A source is one network's view of a file (or of its shards). It is counted and read-only once made; the
// file is shared by all parts that lie in it.
#ifndef MW_SOURCE_H
#define MW_SOURCE_H

#include "core/io/safetensors.h"
#include "nodes/nets/base/weights.h"

// A counted open file.
typedef struct mw_files mw_files;
mw_files *mw_files_open(mw_ctx *c, const char *path); // as mw_st_open
mw_files *mw_files_retain(mw_files *f);
void mw_files_release(mw_files *f); // accepts NULL
const mw_st *mw_files_st(const mw_files *f);

enum { MW_NAME_MAX = 256 };

// How a stored entry becomes entries of a network.
typedef struct mw_name_piece {
    int pieces; // 1, or 3 for the joint projection of an OpenCLIP text tower: rows [piece*n/3, (piece+1)*n/3)
    bool transpose; // OpenCLIP's text projection is stored as [width, projection]
} mw_name_piece;

// How stored names become a network's names. The entries whose names start with `prefix` belong to the
// network; what follows the prefix is translated. An entry that `translate` does not know keeps its stored
// name, so that the warning about unused tensors can show it; one that `ignore` accepts (may be NULL) is left
// out.
typedef struct mw_name_rule {
    const char *prefix;
    bool (*translate)(const struct mw_name_rule *r, const char *stored, int piece, mw_name_piece *how,
                      char *out, size_t size);
    bool (*ignore)(const struct mw_name_rule *r, const char *stored);
    int number;    // for translate: layers_per_block of a UNet, levels of an autoencoder, layers of a text
                   // encoder
    bool projects; // a text encoder with a projection
} mw_name_rule;

// Rules of a diffusers part: names as they are but for the prefix "text_model." of text encoders and the old
// names of the autoencoder's attention.
extern const mw_name_rule mw_rule_unet, mw_rule_vae, mw_rule_text;

typedef struct mw_source mw_source;

// Takes a share of the files. MW_E_FILE when two entries come to one name or one can't be cut as the rule
// says.
mw_source *mw_source_new(mw_ctx *c, mw_files *files, const mw_name_rule *rule);
mw_source *mw_source_retain(mw_source *s);
void mw_source_release(mw_source *s); // accepts NULL

// Changes to the entries of a source.
typedef struct mw_patch {
    void *user;
    // Change the values of entry `name` (as mw_weight_source.patch).
    mw_status (*apply)(mw_ctx *c, void *user, const char *name, int ndim, const int64_t *shape,
                       float *values);
    void (*free)(void *user);
    // How many rows entry `name` has with the change, at least the `rows` it had; apply fills those that are
    // new. NULL: as many.
    int64_t (*rows)(void *user, const char *name, int64_t rows);
} mw_patch;

// The same entries with one more change, applied after those that `base` has. Takes over the patch, also on
// failure.
mw_source *mw_source_patched(mw_ctx *c, mw_source *base, mw_patch patch);

// Facts. mw_source_find as mw_weight_source.find; mw_source_name_at gives NULL past the last.
bool mw_source_find(const mw_source *s, const char *name, int *ndim, int64_t shape[4]);
const char *mw_source_name_at(const mw_source *s, size_t i);
const char *mw_source_path(const mw_source *s);

// For mw_weights_new; holds a share of the source.
mw_weight_source mw_source_weights(mw_source *s);
// Its `blocks`, to be set by a network that reads matrices as they lie in the file (a language model); others
// have theirs prepared for the kernels. Not for sources with changes, scales, transposed or narrower entries.
bool mw_source_blocks(void *user, const char *name, mw_block_rows *out);

#endif
