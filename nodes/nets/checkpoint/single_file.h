// single_file.h: what a single-file checkpoint is, told from the names and shapes of its entries.
#ifndef MW_SINGLE_FILE_H
#define MW_SINGLE_FILE_H

#include "core/io/safetensors.h"

typedef struct mw_single_file {
    const char *kind;   // "sd1", "sd2", "sdxl"
    const char *family; // folder of its published settings in models/families: "sd1", "sd2", "sd2_v", "sdxl",
                        // "sdxl_v"
    bool zero_snr;      // trained with betas that end at no signal
} mw_single_file;

// MW_E_FILE, saying what the file is instead, where it is no checkpoint of these kinds.
mw_status mw_single_file_detect(mw_ctx *c, const mw_st *st, mw_single_file *out);

// Whether the file is a learned embedding of words (textual inversion): a few rows as wide as a text encoder.
bool mw_is_textual_inversion(const mw_st *s);

#endif
