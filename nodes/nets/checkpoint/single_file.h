// single_file.h: what a single-file checkpoint is, told from the names and shapes of its entries.
#ifndef MW_SINGLE_FILE_H
#define MW_SINGLE_FILE_H

#include "core/io/safetensors.h"
#include "nodes/nets/sampling/scheduler_config.h"

typedef struct mw_single_file {
    const char *kind;   // "sd1", "sd2", "sdxl"
    const char *family; // folder of its published settings in models/families: "sd1", "sd2", "sd2_v", "sdxl",
                        // "sdxl_v"
    int prediction;     // MW_PREDICT_EPSILON, MW_PREDICT_V or MW_PREDICT_SAMPLE
    bool zero_snr;      // trained with betas that end at no signal
} mw_single_file;

// MW_E_FILE, saying what the file is instead, where it is no checkpoint of these kinds.
mw_status mw_single_file_detect(mw_ctx *c, const mw_st *st, mw_single_file *out);

// What the network predicts (MW_PREDICT_*): by the metadata modelspec.prediction_type, modelspec.predict_key,
// ss_v_parameterization or modelspec.architecture, by the marker tensor v_pred, else, of SD 2, by its
// weights. Statements that disagree, and values that nobody knows, are warned of.
int mw_single_file_prediction(mw_ctx *c, const mw_st *st, const char *kind);
// Whether the file says that it was trained with betas that end at no signal.
bool mw_single_file_zero_snr(const mw_st *st);

// Where a text encoder lies in a single file.
typedef struct mw_text_place {
    const char *kind;
    int encoder; // 0, 1
    const char *prefix;
    bool openclip; // under OpenCLIP's names, else under those of transformers
} mw_text_place;

// That of the encoder in this file; NULL where it has none.
const mw_text_place *mw_single_file_text(const mw_st *st, const char *kind, int encoder);

// Whether the file is a learned embedding of words (textual inversion): a few rows as wide as a text encoder.
bool mw_is_textual_inversion(const mw_st *s);

#endif
