#!/bin/bash
# diffusers_pndm_calls.sh: PNDM calls the UNet more often than it was asked for steps, twice at one timestep.
#
# Expected: set_timesteps(10) gives 10 different timesteps, as every other scheduler of SD 1 does.
# Happens: with skip_prk_steps (what SD 1's scheduler config says; its pipeline's scheduler is PNDM) there are 11, the second one twice: a
#   correction of the first step, for which there is no history yet. With the class's default, Runge-Kutta steps at the start, there
#   are 19 of 10. Heun makes 2n - 1 as well, but is known for two calls a step.
# A loop that pairs step numbers with timesteps, or stores states by timestep, mistakes the third call for the second.
# Version: diffusers 0.42.1, torch 2.15.0, CPU. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" torch==2.15.0 numpy==2.4.6 diffusers==0.42.1

cat >"$work/seen" <<'END'
DDIMScheduler, skip_prk_steps no such setting: 10 calls, [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]
PNDMScheduler, skip_prk_steps True: 11 calls, [900, 800, 800, 700, 600, 500, 400, 300, 200, 100, 0]
PNDMScheduler, skip_prk_steps False: 19 calls, [900, 850, 850, 800, 800, 750, 750, 700, 700, 650, 650, 600, 600, 500, 400, 300, 200, 100, 0]
END
cat >"$work/show.py" <<'END'
from diffusers import DDIMScheduler, PNDMScheduler

for scheduler in (DDIMScheduler(), PNDMScheduler(skip_prk_steps=True), PNDMScheduler()):
    scheduler.set_timesteps(10)
    times = scheduler.timesteps.tolist()
    skip = scheduler.config.get("skip_prk_steps", "no such setting")
    print(f"{type(scheduler).__name__}, skip_prk_steps {skip}: {len(times)} calls, {times}")
END
cd "$work"
HF_HUB_OFFLINE=1 env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
