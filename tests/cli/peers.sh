#!/bin/bash
# peers.sh: folders as other programs leave them draw the picture that diffusers draws: the miniature's, whatever its configs say
# that diffusers' pipelines of SD 1 and 2 mend or leave aside.
. tests/cli/lib.bash

# folder NAME FILE SED: the miniature with one config edited.
folder() {
    cp -r models/miniature "$dir/$1"
    sed -E "$3" "models/miniature/$2" >"$dir/$1/$2"
    cmp -s "models/miniature/$2" "$dir/$1/$2" && complain "$1: nothing was edited"
}
folder shift vae/config.json 's/"shift_factor": null/"shift_factor": 0.1/'
folder offset scheduler/scheduler_config.json 's/"steps_offset": 1/"steps_offset": 0/'
folder lcm scheduler/scheduler_config.json 's/DDIMScheduler/LCMScheduler/'
sed 's/DDIMScheduler/LCMScheduler/' models/miniature/model_index.json >"$dir/lcm/model_index.json"

script same.lua <<'END'
local mw = require "moonweave"
local p = mw.params {
  model = { "", "a folder" }, sampler = { "auto", "sampler" }, other = { "models/miniature", "another" },
  other_sampler = { "auto", "its sampler" },
}
local function draw(path, sampler)
  return mw.txt2img {
    model = mw.checkpoint { path = path }, prompt = "a red star", steps = 3, cfg = 4, width = 64, height = 64, sampler = sampler,
  }:value()
end
print("largest difference " .. (draw(p.model, p.sampler) - draw(p.other, p.other_sampler)):abs():max():item())
mw.output { steps = mw.schedule { steps = 1 }.steps }
END
for name in shift offset; do
    run run "$dir/same.lua" -p model="$dir/$name" -o "$dir"
    status 0
    prints "largest difference 0"
done
says "steps_offset 0 is taken as 1"

run run "$dir/same.lua" -p model="$dir/lcm" -o "$dir"
status 3
says "LCMScheduler"
run run "$dir/same.lua" -p model="$dir/lcm" -p sampler=ddim -o "$dir"
status 0
prints "largest difference 0"
says "LCMScheduler is not supported; its settings are used with sampler ddim"

# The index's class is what auto means, in SD 1's PNDM (one call more than steps) and where every step draws noise.
for pair in PNDMScheduler=pndm EulerAncestralDiscreteScheduler=euler_ancestral; do
    folder "${pair#*=}" model_index.json "s/DDIMScheduler/${pair%=*}/"
    sed -i 's/"steps_offset"/"skip_prk_steps": true, &/' "$dir/${pair#*=}/scheduler/scheduler_config.json"
    run run "$dir/same.lua" -p model="$dir/${pair#*=}" -p other="$dir/${pair#*=}" -p other_sampler="${pair#*=}" -o "$dir"
    status 0
    prints "largest difference 0"
    says "sampler auto is ${pair#*=}, of the model's ${pair%=*}"
done
finish
