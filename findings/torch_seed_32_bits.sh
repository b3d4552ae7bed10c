#!/bin/bash
# torch_seed_32_bits.sh: PyTorch's CPU generator takes seeds of 64 bits and draws by the lower 32 of them.
#
# Expected: manual_seed and initial_seed speak of 64 bits, so two different seeds give two different pictures, and a negative seed
#   is an error or the same as its absolute value.
# Happens: seeds that agree in their lower 32 bits give the same numbers, while initial_seed still returns the whole seed; a negative
#   seed is taken as 64 bits in two's complement, so that -1 draws as 2^32 - 1 does. Beyond 64 bits it is an error.
# So two of a list of random 64-bit seeds may stand for one picture, and a tool that seeds a generator of 64 bits draws others.
# Version: torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6

cat >"$work/seen" <<'END'
1 and 4294967297 draw the same
1 and 9007199254740993 draw the same
6687881544318117707 and 2767775563 draw the same
-1 and 4294967295 draw the same
-1 and 1 differ
-9223372036854775808 and 0 draw the same
1 and 2 differ
initial_seed of 4294967297 is 4294967297
initial_seed of -1 is 18446744073709551615
END
cat >"$work/show.py" <<'END'
import torch


def generator(seed):
    return torch.Generator("cpu").manual_seed(seed)


def same(a, b):
    return torch.equal(torch.randn(64, generator=generator(a)), torch.randn(64, generator=generator(b)))


for a, b in ((1, 1 + 2**32), (1, 2**53 + 1), (6687881544318117707, 2767775563), (-1, 2**32 - 1), (-1, 1), (-(2**63), 0), (1, 2)):
    print(a, "and", b, "draw the same" if same(a, b) else "differ")
print("initial_seed of", 2**32 + 1, "is", generator(2**32 + 1).initial_seed())
print("initial_seed of -1 is", generator(-1).initial_seed())
END
cd "$work"
env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
