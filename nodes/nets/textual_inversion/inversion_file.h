// inversion_file.h: the vectors of a textual inversion (Gal et al. 2022) from the files that hold them.
#ifndef MW_INVERSION_FILE_H
#define MW_INVERSION_FILE_H

#include "core/base/ctx.h"

// So many vectors fit into a text between its begin and its end.
#define MW_INVERSION_MAX 75

// One set of vectors; of SDXL, one for each text encoder.
typedef struct mw_inversion_rows {
    float *values; // [n, width], owned
    int n, width;  // n 0: none
} mw_inversion_rows;

typedef struct mw_inversion_file {
    char *path;                // of the file, owned
    char *token;               // the token that the file names; NULL where it names none; owned
    bool sdxl;                 // says for which text encoder of SDXL its vectors are (clip_l, clip_g)
    mw_inversion_rows rows[2]; // of the first (or any) encoder, of the second
} mw_inversion_file;

// Reads a file of safetensors or of torch.save (.pt, .bin), or a folder that holds learned_embeds.safetensors
// or learned_embeds.bin, as diffusers and stable-diffusion-webui write them: one tensor named by its token,
// "emb_params", "string_to_param", "clip_l" with "clip_g". MW_E_FILE naming file and reason for others, for
// vectors that are no finite floats, or more than fit. Free with mw_inversion_free, also on failure.
mw_status mw_inversion_read(mw_ctx *c, const char *path, mw_inversion_file *out);
void mw_inversion_free(mw_inversion_file *e);

#endif
