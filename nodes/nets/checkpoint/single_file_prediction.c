// single_file_prediction.c: what the network of a single file was trained to predict: as the file says, in
// any of the published spellings, else told by its weights.
#include "nodes/nets/checkpoint/single_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Values of the metadata.
static const struct {
    const char *text;
    int prediction;
} words[] = {
    {"epsilon", MW_PREDICT_EPSILON},
    {"eps", MW_PREDICT_EPSILON},
    {"noise", MW_PREDICT_EPSILON},
    {"v", MW_PREDICT_V},
    {"v_prediction", MW_PREDICT_V},
    {"v-prediction", MW_PREDICT_V},
    {"v_pred", MW_PREDICT_V},
    {"vpred", MW_PREDICT_V},
    {"velocity", MW_PREDICT_V},
    {"sample", MW_PREDICT_SAMPLE},
    {"original_sample", MW_PREDICT_SAMPLE},
    {"x0", MW_PREDICT_SAMPLE},
};

enum { UNSAID = -1 };

static int from_word(mw_ctx *c, const mw_st *st, const char *key)
{
    const char *said = mw_st_metadata(st, key);
    if (!said || !*said)
        return UNSAID;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(said, words[i].text) == 0)
            return words[i].prediction;
    mw_warn(c, "%s: the metadata '%s' = \"%.40s\" is no kind of prediction that is known, and not honoured",
            mw_st_path(st), key, said);
    return UNSAID;
}

// kohya's scripts write Python's truth values as text.
static bool is_true(const mw_st *st, const char *key)
{
    const char *said = mw_st_metadata(st, key);
    return said && (strcasecmp(said, "true") == 0 || strcmp(said, "1") == 0);
}

static int from_architecture(const mw_st *st)
{
    const char *said = mw_st_metadata(st, "modelspec.architecture");
    return said && strncmp(said, "stable-diffusion-v2-768-v", 25) == 0 ? MW_PREDICT_V : UNSAID;
}

// Nothing in an SD 2 file need say what it predicts. Those that predict v have larger biases in the norm
// before the last self-attention: standard deviations beyond 0.09 in all published ones, below it where the
// noise is predicted.
static bool last_norm_is_wide(mw_ctx *c, const mw_st *st)
{
    const mw_st_entry *e =
        mw_st_find(st, "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias");
    if (!e || e->count < 2 || e->count > 65536)
        return false;
    float *v = mw_alloc(c, (size_t)e->count * sizeof *v);
    double sum = 0, squares = 0, n = (double)e->count;
    if (v && mw_st_read_f32(c, e, v) == MW_OK)
        for (int64_t i = 0; i < e->count; i++) {
            sum += v[i];
            squares += (double)v[i] * v[i];
        }
    free(v);
    return sqrt(fmax(0, (squares - sum * sum / n) / (n - 1))) > 0.09;
}

int mw_single_file_prediction(mw_ctx *c, const mw_st *st, const char *kind)
{
    const struct {
        const char *by;
        int prediction;
    } said[] = {
        {"modelspec.prediction_type", from_word(c, st, "modelspec.prediction_type")},
        {"modelspec.predict_key", from_word(c, st, "modelspec.predict_key")},
        {"ss_v_parameterization", is_true(st, "ss_v_parameterization") ? MW_PREDICT_V : UNSAID},
        {"modelspec.architecture", from_architecture(st)},
        {"the tensor v_pred", mw_st_find(st, "v_pred") ? MW_PREDICT_V : UNSAID},
    };
    const size_t n = sizeof said / sizeof *said;
    size_t first = 0;
    while (first < n && said[first].prediction == UNSAID)
        first++;
    for (size_t i = first + 1; i < n; i++)
        if (said[i].prediction != UNSAID && said[i].prediction != said[first].prediction)
            mw_warn(c, "%s: %s and %s disagree on what the network predicts; the first is taken",
                    mw_st_path(st), said[first].by, said[i].by);
    if (first < n)
        return said[first].prediction;
    return strcmp(kind, "sd2") == 0 && last_norm_is_wide(c, st) ? MW_PREDICT_V : MW_PREDICT_EPSILON;
}

bool mw_single_file_zero_snr(const mw_st *st)
{
    return mw_st_find(st, "ztsnr") || is_true(st, "ss_zero_terminal_snr");
}
