-- latents.lua: the latents of a picture drawn with the model's own sampler and size.
local mw = require "moonweave"
local p = mw.params {
  model = { "models/miniature", "a folder in diffusers' layout" }, prompt = { "", "what to draw" },
  negative = { "", "what not to draw" }, steps = { 4, "denoising steps" }, cfg = { 4.0, "guidance scale" },
  seed = { 1, "noise seed" },
}
mw.output {
  latents = mw.txt2img {
    model = mw.checkpoint { path = p.model }, prompt = p.prompt, negative = p.negative, steps = p.steps, cfg = p.cfg,
    seed = p.seed,
  }.latents,
}
