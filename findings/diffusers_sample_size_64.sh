#!/bin/bash
# diffusers_sample_size_64.sh: which diffusers wrote a UNet's config decides whether its sample_size counts.
#
# Expected: a UNet whose config says sample_size 32 draws 256x256 when no size is asked for (a VAE of factor 8).
# Happens: where _diffusers_version is below 0.9.0, StableDiffusionPipeline takes a sample_size below 64 as 64: 512x512. From 0.9.0 on, and
#   where the version is left out, it counts. _diffusers_version looks like a note of provenance; here it is a setting.
# Version: diffusers 0.42.1, transformers 5.24.0, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 diffusers==0.42.1 \
    transformers==5.24.0 numpy==2.4.6

cat >"$work/seen" <<'END'
written by 0.6.0 sample_size 32 is taken as 64
written by 0.8.1 sample_size 32 is taken as 64
written by 0.9.0 sample_size 32 is taken as 32
written by 0.42.1 sample_size 32 is taken as 32
written by None sample_size 32 is taken as 32
END
cat >"$work/show.py" <<'END'
import json
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

UNet2DConditionModel(
    sample_size=32, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32, attention_head_dim=8,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
).save_pretrained("unet")
vae = AutoencoderKL(
    block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
)
config = json.load(open("unet/config.json"))
for version in ("0.6.0", "0.8.1", "0.9.0", "0.42.1", None):
    config["_diffusers_version"] = version
    json.dump({key: value for key, value in config.items() if value is not None}, open("unet/config.json", "w"))
    pipe = StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained("unet"), vae=vae, text_encoder=None, tokenizer=None, scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    print("written by", version, "sample_size 32 is taken as", pipe.unet.config.sample_size)
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
