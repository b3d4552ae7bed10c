#!/bin/bash
# diffusers_start_noise_of_spacing.sh: how much noise diffusers' Euler and Heun start from depends on timestep_spacing.
#
# Expected: the start is noise times the largest sigma, as in k-diffusion, whose samplers these are.
# Happens: so with spacing linspace and trailing; with leading (what SDXL's scheduler config says) it is noise times
#   sqrt(sigma^2 + 1). A product written from k-diffusion agrees in every step and still draws another picture.
# Version: diffusers 0.42.1, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 diffusers==0.42.1

cat >"$work/seen" <<'END'
EulerDiscreteScheduler linspace: largest sigma 14.615, start 14.615 = sigma
EulerDiscreteScheduler trailing: largest sigma 14.615, start 14.615 = sigma
EulerDiscreteScheduler leading: largest sigma 11.411, start 11.455 = sqrt(sigma^2 + 1)
EulerAncestralDiscreteScheduler linspace: largest sigma 14.615, start 14.615 = sigma
EulerAncestralDiscreteScheduler trailing: largest sigma 14.615, start 14.615 = sigma
EulerAncestralDiscreteScheduler leading: largest sigma 11.411, start 11.455 = sqrt(sigma^2 + 1)
HeunDiscreteScheduler linspace: largest sigma 14.615, start 14.615 = sigma
HeunDiscreteScheduler trailing: largest sigma 14.615, start 14.615 = sigma
HeunDiscreteScheduler leading: largest sigma 11.411, start 11.455 = sqrt(sigma^2 + 1)
END
cat >"$work/show.py" <<'END'
from diffusers import EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler

for kind in (EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler):
    for spacing in ("linspace", "trailing", "leading"):
        scheduler = kind(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, timestep_spacing=spacing)
        scheduler.set_timesteps(30)
        sigma, start = scheduler.sigmas.max().item(), float(scheduler.init_noise_sigma)
        rule = "sigma" if abs(start - sigma) < 1e-4 else "sqrt(sigma^2 + 1)" if abs(start**2 - sigma**2 - 1) < 1e-3 else "?"
        print(f"{kind.__name__} {spacing}: largest sigma {sigma:.3f}, start {start:.3f} = {rule}")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
