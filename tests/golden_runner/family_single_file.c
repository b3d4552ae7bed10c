// family_single_file.c: op single_file_load: the parts of a model that lies in one file under the original
// names.
#include "tests/golden_runner/model_parts.h"

#include "nodes/nets/base/nn.h"

static void run_vae(mw_ctx *c, golden_case *k, const mw_vae_model *vae)
{
    mw_tensor *latents = golden_input_tensor(c, k, "latents", MW_F32);
    golden_give_tensor(c, k, "decoded", mw_nn_to_planes(c, mw_vae_decode_plain(c, vae, latents, NULL)));
    mw_tensor *image = mw_nn_from_planes(c, golden_input_tensor(c, k, "image", MW_F32), MW_F32);
    mw_tensor *moments = mw_vae_encode_moments(c, vae, image, NULL);
    mw_tensor *mean = mw_slice(c, moments, 3, 0, mw_dim(moments, 3) / 2);
    golden_give_tensor(c, k, "encoded_mean", mw_nn_to_planes(c, mean));
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_checkpoint *model = golden_checkpoint(c, k, golden_model(c, k, NULL), golden_path(c, k, "model"));
    if (!model)
        return mw_err(c);
    mw_tensor *states = golden_model_states(c, k, model, "text_states");
    golden_model_noise(c, k, model, mw_json_number(c, k->name, k->params, "timestep"), states, "noise");
    run_vae(c, k, &model->vae->model);
    mw_object_release(&model->base);
    return mw_err(c);
}

const golden_family golden_single_file = {{"single_file_load"}, true, run};
