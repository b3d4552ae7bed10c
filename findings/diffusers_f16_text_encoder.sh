#!/bin/bash
# diffusers_f16_text_encoder.sh: a pipeline that was saved in f16 does not run when it is loaded without a dtype.
#
# Expected: from_pretrained without a dtype gives f32, as diffusers documents, or gives what was saved; either way all parts agree.
# Happens: UNet and VAE become f32, but the text encoder belongs to transformers, whose version 5 takes the dtype that the part's
#   config.json names: f16. The first matrix product that both meet in raises an error. What that config says counts,
#   not what the file of weights holds.
# So dtypes have to be given to from_pretrained, always; and a reader of such folders must not take the text encoder's word.
# Version: diffusers 0.42.1, transformers 5.24.0, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 diffusers==0.42.1 \
    transformers==5.24.0 numpy==2.4.6

cat >"$work/seen" <<'END'
saved in f32: text encoder torch.float32 unet torch.float32 vae torch.float32
  it runs
the same weights, config says f16: text encoder torch.float16 unet torch.float32 vae torch.float32
  mat1 and mat2 must have the same dtype, but got Half and Float
saved in f16: text encoder torch.float16 unet torch.float32 vae torch.float32
  mat1 and mat2 must have the same dtype, but got Half and Float
saved in f16, with a dtype: text encoder torch.float32 unet torch.float32 vae torch.float32
  it runs
END
cat >"$work/show.py" <<'END'
import json
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "a"]
json.dump({word: i for i, word in enumerate(words)}, open("vocab.json", "w"))
open("merges.txt", "w").write("#version: 0.2\n")

pipe = StableDiffusionPipeline(
    text_encoder=CLIPTextModel(CLIPTextConfig(
        hidden_size=32, intermediate_size=32, num_attention_heads=4, num_hidden_layers=2, vocab_size=8,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )),
    unet=UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32, attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    ),
    vae=AutoencoderKL(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ),
    tokenizer=CLIPTokenizer("vocab.json", "merges.txt", model_max_length=77), scheduler=DDIMScheduler(),
    safety_checker=None, feature_extractor=None, requires_safety_checker=False,
)


def show(what, **options):
    loaded = StableDiffusionPipeline.from_pretrained("model", **options)
    print(what, "text encoder", loaded.text_encoder.dtype, "unet", loaded.unet.dtype, "vae", loaded.vae.dtype)
    try:
        loaded("a", num_inference_steps=2, output_type="np")
        print("  it runs")
    except RuntimeError as error:
        print(" ", error)


pipe.save_pretrained("model")
show("saved in f32:")
config = json.load(open("model/text_encoder/config.json"))
json.dump({**config, "dtype": "float16"}, open("model/text_encoder/config.json", "w"))
show("the same weights, config says f16:")
pipe.to(torch.float16).save_pretrained("model")
show("saved in f16:")
show("saved in f16, with a dtype:", dtype=torch.float32)
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
