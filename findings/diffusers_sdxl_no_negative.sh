#!/bin/bash
# diffusers_sdxl_no_negative.sh: with SDXL no negative prompt and an empty negative prompt are two different things.
#
# Expected: leaving negative_prompt out is the same as "", as in the pipelines of SD 1 and 2.
# Happens: left out, the negative embedding is all zeros (force_zeros_for_empty_prompt, true by default, which despite its name does not
#   look at whether a prompt is empty); "" is encoded. The pictures differ. An empty positive prompt is encoded always.
# Version: diffusers 0.42.1, transformers 5.24.0, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 diffusers==0.42.1 \
    transformers==5.24.0 numpy==2.4.6

cat >"$work/seen" <<'END'
force_zeros_for_empty_prompt True
prompt 'a', negative None: prompt is encoded, negative is zeros
prompt 'a', negative '': prompt is encoded, negative is encoded
prompt '', negative None: prompt is encoded, negative is zeros
END
cat >"$work/show.py" <<'END'
import json
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "a"]
json.dump({word: i for i, word in enumerate(words)}, open("vocab.json", "w"))
open("merges.txt", "w").write("#version: 0.2\n")
tokenizer = CLIPTokenizer("vocab.json", "merges.txt", model_max_length=77)
config = CLIPTextConfig(
    hidden_size=32, intermediate_size=32, num_attention_heads=4, num_hidden_layers=2, vocab_size=8, projection_dim=32,
    bos_token_id=0, eos_token_id=1, pad_token_id=1,
)
pipe = StableDiffusionXLPipeline(
    text_encoder=CLIPTextModel(config), text_encoder_2=CLIPTextModelWithProjection(config), tokenizer=tokenizer, tokenizer_2=tokenizer,
    unet=UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=64,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    ),
    vae=AutoencoderKL(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ),
    scheduler=DDIMScheduler(),
)
print("force_zeros_for_empty_prompt", pipe.config.force_zeros_for_empty_prompt)
for prompt, negative in (("a", None), ("a", ""), ("", None)):
    of_prompt, of_negative, pooled, pooled_negative = pipe.encode_prompt(prompt, negative_prompt=negative)
    print(
        f"prompt {prompt!r}, negative {negative!r}:", "prompt is zeros" if not of_prompt.any() else "prompt is encoded,",
        "negative is zeros" if not of_negative.any() and not pooled_negative.any() else "negative is encoded",
    )
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
