#!/bin/bash
# diffusers_attention_head_dim.sh: attention_head_dim of a UNet is the number of heads.
#
# Expected: attention_head_dim 8 makes heads of 8 channels each, 40 of them where a level has 320.
# Happens: UNet2DConditionModel makes 8 heads of 40 channels each. SD 2's list [5, 10, 20, 20] counts heads, too. In
#   UNet2DModel the same name is the channels of a head. Shapes of weights tell nothing: the wrong reading loads, and draws noise.
# Version: diffusers 0.42.1, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 diffusers==0.42.1

cat >"$work/seen" <<'END'
UNet2DConditionModel: 8 heads of 40 channels
UNet2DModel: 40 heads of 8 channels
END
cat >"$work/show.py" <<'END'
from diffusers import UNet2DConditionModel, UNet2DModel

sizes = dict(sample_size=8, block_out_channels=(32, 320), layers_per_block=1, attention_head_dim=8)
with_text = UNet2DConditionModel(
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **sizes
)
without = UNet2DModel(down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"), **sizes)
for net, attention in (
    (with_text, with_text.down_blocks[1].attentions[0].transformer_blocks[0].attn1),
    (without, without.down_blocks[1].attentions[0]),
):
    channels = attention.to_q.out_features
    print(f"{type(net).__name__}: {attention.heads} heads of {channels // attention.heads} channels")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
