#!/bin/bash
# torch_randn_length.sh: how many normal numbers PyTorch draws at once changes the first of them.
#
# Expected: a stream: randn(24) is the beginning of randn(40), two draws of 10 are one draw of 20, and float64 is float32 with more digits.
# Happens: below 16 numbers another method is used; from 16 on numbers come in blocks of 16 (a cosine half and a sine half), and where
#   the length is no multiple of 16, the LAST 16 are drawn anew, over what the blocks before had written. float64 draws other
#   numbers; float16 draws those of float32, rounded.
# Latents of odd sizes meet it: 1x4x5x5 has 100 numbers. Only lengths that are multiples of 16 behave as a stream.
# Version: torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6

cat >"$work/seen" <<'END'
first of randn(15): 0.661
first of randn(16): -1.526
first of randn(17): -1.526
first of randn(32): -1.526
16 and 16, against 32: the same
10 and 10, against 20: different
24, against the first 24 of 40: different
their first 8: the same
float64 against float32: different
float16 against float32: the same
END
cat >"$work/show.py" <<'END'
import torch


def draw(*lengths, dtype=torch.float32):
    generator = torch.Generator("cpu").manual_seed(1)
    return torch.cat([torch.randn(n, generator=generator, dtype=dtype) for n in lengths])


def close(a, b, rest=1e-3):
    return "the same" if torch.allclose(a.double(), b.double(), atol=rest, rtol=rest) else "different"


for n in (15, 16, 17, 32):
    print(f"first of randn({n}): {draw(n)[0].item():.3f}")
print("16 and 16, against 32:", close(draw(16, 16), draw(32)))
print("10 and 10, against 20:", close(draw(10, 10), draw(20)))
print("24, against the first 24 of 40:", close(draw(24), draw(40)[:24]))
print("their first 8:", close(draw(24)[:8], draw(40)[:8]))
print("float64 against float32:", close(draw(32, dtype=torch.float64), draw(32)))
print("float16 against float32:", close(draw(32, dtype=torch.float16), draw(32), 2e-3))
END
cd "$work"
env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
