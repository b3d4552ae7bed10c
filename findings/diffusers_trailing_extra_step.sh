#!/bin/bash
# diffusers_trailing_extra_step.sh: trailing spacing makes a step too many, at timestep -1, for some numbers of steps.
#
# Expected: set_timesteps(n) gives n timesteps from 999 down, none below 0.
# Happens: the timesteps come from a range of floats with a step of 1000 / n; where n times that falls short of 1000 by rounding, the
#   range has one number more, which rounds to 0 and becomes timestep -1: to DDIM the last row of its table, the noisiest. So for
#   61, 103, 121 and 122 steps, in all schedulers that share the formula.
# Version: diffusers 0.42.1, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 diffusers==0.42.1

cat >"$work/seen" <<'END'
DDIMScheduler
  61 steps: 62, the last at -1
  103 steps: 104, the last at -1
  121 steps: 122, the last at -1
  122 steps: 123, the last at -1
DDPMScheduler
  61 steps: 62, the last at -1
  103 steps: 104, the last at -1
  121 steps: 122, the last at -1
  122 steps: 123, the last at -1
EulerDiscreteScheduler
  61 steps: 62, the last at -1
  103 steps: 104, the last at -1
  121 steps: 122, the last at -1
  122 steps: 123, the last at -1
DPMSolverMultistepScheduler
  61 steps: 62, the last at -1
  103 steps: 104, the last at -1
  121 steps: 122, the last at -1
  122 steps: 123, the last at -1
UniPCMultistepScheduler
  61 steps: 62, the last at -1
  103 steps: 104, the last at -1
  121 steps: 122, the last at -1
  122 steps: 123, the last at -1
END
cat >"$work/show.py" <<'END'
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, UniPCMultistepScheduler

for kind in (DDIMScheduler, DDPMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler):
    odd = []
    for steps in range(1, 151):
        scheduler = kind(timestep_spacing="trailing")
        scheduler.set_timesteps(steps)
        if len(scheduler.timesteps) != steps:
            odd.append(f"{steps} steps: {len(scheduler.timesteps)}, the last at {scheduler.timesteps[-1].item():g}")
    print(kind.__name__, *odd, sep="\n  ")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
