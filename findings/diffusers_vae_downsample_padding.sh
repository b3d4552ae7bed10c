#!/bin/bash
# diffusers_vae_downsample_padding.sh: the autoencoder's downsampling pads right and below only, the UNet's all around.
#
# Expected: a 3x3 convolution of stride 2 that halves an even size is padded by 1 on all sides, in both nets.
# Happens: so in the UNet; in the encoder of AutoencoderKL the padding is one column on the right and one row below, and the convolution
#   itself says padding 0. Sizes agree either way; with symmetrical padding the picture is read one pixel off at each of
#   the three downsamplings, and no shape and no config key tells.
# Version: diffusers 0.42.1, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 diffusers==0.42.1

cat >"$work/seen" <<'END'
UNet, padded all around: [4, 4], the same
UNet, padded right and below: [4, 4], other numbers
autoencoder, padded all around: [4, 4], other numbers
autoencoder, padded right and below: [4, 4], the same
END
cat >"$work/show.py" <<'END'
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

unet = UNet2DConditionModel(
    sample_size=8, block_out_channels=(32, 64), layers_per_block=1,
    down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
)
vae = AutoencoderKL(
    block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
)
picture = torch.randn(1, 32, 8, 8, generator=torch.Generator().manual_seed(1))
for net, down in (("UNet", unet.down_blocks[0].downsamplers[0]), ("autoencoder", vae.encoder.down_blocks[0].downsamplers[0])):
    with torch.no_grad():
        out = down(picture)
        for what, padding in (("all around", (1, 1, 1, 1)), ("right and below", (0, 1, 0, 1))):
            padded = torch.nn.functional.pad(picture, padding)
            other = torch.nn.functional.conv2d(padded, down.conv.weight, down.conv.bias, stride=2)
            same = other.shape == out.shape and torch.allclose(other, out, atol=1e-5)
            print(f"{net}, padded {what}: {list(other.shape[2:])},", "the same" if same else "other numbers")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
