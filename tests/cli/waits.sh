#!/bin/bash
# waits.sh: what a step waits for: nothing; guidance its energy, once an iteration. A NaN is told a node later all the same.
. tests/cli/lib.bash

# waited TYPE RUNS WAITS: the row of --profile.
waited() {
    local row
    row=$(awk -v type="$1" '$1 == type { print $2, $NF }' <<<"$err")
    [ "$row" = "$2 $3" ] || complain "$1: runs and waits are '$row', expected '$2 $3'"
}

run run graphs/txt2img.lua -p steps=3 -o "$dir" --profile
status 0
for type in unet:3 ddim_step:3 text_encoder:2 vae_decode:1; do
    waited "${type%:*}" "${type#*:}" 0
done

script guided.lua <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
local layout = mw.layout { objects = { { phrase = "a red circle", box = { 8, 8, 30, 30 } } }, background = "night sky" }
local s, z = mw.schedule { model = sd, steps = 3 }, mw.noise { model = sd }
local facts = mw.layout_phrases { model = sd, layout = layout }
local text = mw.text_encoder { model = sd, prompt = facts.prompt }
local guide = mw.box_attention_guide {
  model = sd, latents = z, schedule = s, step = 1, embedding = text.embedding, tokens = text.tokens, layout = layout,
  iterations = 3, threshold = -1000,
}
local eps = mw.unet { model = sd, latents = guide.latents, schedule = s, step = 1, cfg = 1, embedding = text.embedding }.noise_pred
local moved = mw.ddim_step { schedule = s, step = 1, latents = guide.latents, noise_pred = eps }.latents
print(#guide.energies:value())
mw.output { z = moved }
END
run run "$dir/guided.lua" -o "$dir" --profile
status 0
prints 3
waited box_attention_guide 1 3
waited unet 1 0
waited ddim_step 1 0

# A whole picture by a layout: what is waited for is the energies, once for an iteration of all objects, and the maps that
# an object's mask is made of.
script lmd.lua <<'END'
local mw = require "moonweave"
local layout = mw.layout {
  objects = { { phrase = "a red circle", box = { 40, 170, 160, 160 } }, { phrase = "a blue star", box = { 300, 170, 160, 160 } } },
  background = "night sky",
}
local picture = mw.lmd {
  model = mw.checkpoint { path = "models/miniature" }, layout = layout, steps = 4, cfg = 4, form = "{phrases}, {background}",
  max_iter = 2, overall_max_iter = 2, max_index_step = 2, overall_max_index_step = 2,
  loss_threshold = -1, overall_loss_threshold = -1,
}
mw.output { image = picture.image }
END
run run "$dir/lmd.lua" -o "$dir" --profile
status 0
waited box_attention_guide 4 8
for type in unet:8 ddim_step:7 token_maps:12 latent_compose:3 blend_latents:4 batch_item:14 vae_decode:1; do
    waited "${type%:*}" "${type#*:}" 0
done
waited attention_mask 2 2
waited object_shift 2 0

# The node that made the first NaN is told though others ran meanwhile; what came of it is no output, and is not kept.
script nan.lua <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
local s, z = mw.schedule { model = sd, steps = 4 }, mw.noise { model = sd }
local text = mw.text_encoder { model = sd, prompt = "x" }.embedding
local lost = text:value() * (0 / 0)
local function step(i, x, t)
  return mw.ddim_step { schedule = s, step = i, latents = x,
    noise_pred = mw.unet { model = sd, latents = x, schedule = s, step = i, cfg = 1, embedding = t }.noise_pred }.latents
end
for i = 0, 3 do z = step(i, z, i == 1 and lost or text) end
for _ = 1, 2 do print(pcall(function() return z:value() end)) end
mw.output { image = mw.vae_decode { model = sd, latents = z } }
END
run run "$dir/nan.lua" -o "$dir/nan"
status 7
told="$dir/nan.lua:7: ddim_step: step 1: 1024 of the 1024 numbers of its 'latents' are NaN or infinite"
[ "$(grep -cF "false	$told" <<<"$out")" = 2 ] || complain "not told twice: $told"
says "$told"
[ -z "$(ls -A "$dir/nan")" ] || complain "something was written after a NaN"

finish
