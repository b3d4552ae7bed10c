#!/bin/bash
# diffusers_scheduler_mended.sh: the same scheduler config samples differently in diffusers' pipelines of SD 1 and of SDXL.
#
# Expected: scheduler_config.json says how to sample, whatever the pipeline; a key that is left out has its documented default.
# Happens: StableDiffusionPipeline sets steps_offset to 1 whatever was said (2 as well as 0) and clip_sample to false, even where it was
#   said to be true (the warning claims that it was not set). StableDiffusionXLPipeline changes neither: a DDIM config that
#   leaves clip_sample out has its default, true, and the expected latents are cut to -1 .. 1 in every step.
# The scheduler alone, without a pipeline, does as SDXL's.
# Version: diffusers 0.42.1, transformers 5.24.0, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 diffusers==0.42.1 \
    transformers==5.24.0 numpy==2.4.6

cat >"$work/seen" <<'END'
{}
  StableDiffusionPipeline clip_sample False steps_offset 1 last timestep 1 largest expected latent 246
  StableDiffusionXLPipeline clip_sample True steps_offset 0 last timestep 0 largest expected latent 1
{'clip_sample': True, 'steps_offset': 2}
  StableDiffusionPipeline clip_sample False steps_offset 1 last timestep 1 largest expected latent 246
  StableDiffusionXLPipeline clip_sample True steps_offset 2 last timestep 2 largest expected latent 1
{'clip_sample': False, 'steps_offset': 0}
  StableDiffusionPipeline clip_sample False steps_offset 1 last timestep 1 largest expected latent 246
  StableDiffusionXLPipeline clip_sample False steps_offset 0 last timestep 0 largest expected latent 243
END
cat >"$work/show.py" <<'END'
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel

unet = UNet2DConditionModel(
    sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32, attention_head_dim=8,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
)
vae = AutoencoderKL(
    block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
)
none = dict(text_encoder=None, tokenizer=None)
sd1 = dict(none, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
sdxl = dict(none, text_encoder_2=None, tokenizer_2=None)

for said in ({}, {"clip_sample": True, "steps_offset": 2}, {"clip_sample": False, "steps_offset": 0}):
    print(said)
    for kind, rest in ((StableDiffusionPipeline, sd1), (StableDiffusionXLPipeline, sdxl)):
        scheduler = kind(unet=unet, vae=vae, scheduler=DDIMScheduler(**said), **rest).scheduler
        scheduler.set_timesteps(10)
        expected = scheduler.step(torch.zeros(1), scheduler.timesteps[0], torch.full((1,), 4.0)).pred_original_sample
        print(
            " ", kind.__name__, "clip_sample", scheduler.config.clip_sample, "steps_offset", scheduler.config.steps_offset,
            "last timestep", scheduler.timesteps[-1].item(), "largest expected latent", round(expected.item()),
        )
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
