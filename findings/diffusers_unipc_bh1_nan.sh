#!/bin/bash
# diffusers_unipc_bh1_nan.sh: UniPC with bh1 ends in NaN at its default of a final noise level of zero.
#
# Expected: solver_type "bh1", which the documentation advises for fewer than 10 steps without guidance, gives latents near those of "bh2".
# Happens: the last step goes to sigma 0, whose logarithm is infinite; bh1 multiplies by that, and every latent is NaN. bh2 does not.
#   With final_sigmas_type "sigma_min" both are finite.
# Version: diffusers 0.42.1, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 diffusers==0.42.1

cat >"$work/seen" <<'END'
final_sigmas_type by default: zero
bh2, zero: finite after 10 of 10 steps
bh2, sigma_min: finite after 10 of 10 steps
bh1, zero: finite after 9 of 10 steps
bh1, sigma_min: finite after 10 of 10 steps
END
cat >"$work/show.py" <<'END'
import torch
from diffusers import UniPCMultistepScheduler

print("final_sigmas_type by default:", UniPCMultistepScheduler().config.final_sigmas_type)
for solver in ("bh2", "bh1"):
    for final in ("zero", "sigma_min"):
        scheduler = UniPCMultistepScheduler(solver_type=solver, final_sigmas_type=final)
        scheduler.set_timesteps(10)
        latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
        finite = 0
        for timestep in scheduler.timesteps:
            latents = scheduler.step(0.9 * latents, timestep, latents).prev_sample
            finite += bool(torch.isfinite(latents).all())
        print(f"{solver}, {final}: finite after {finite} of {len(scheduler.timesteps)} steps")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
