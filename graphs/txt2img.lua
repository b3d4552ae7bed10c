-- txt2img.lua: a picture from a text: the shortest real graph.
--   moonweave run graphs/txt2img.lua -p prompt="a red star" -p seed=3 -o out
local mw = require "moonweave"

local p = mw.params {
  model    = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  prompt   = { "a red star, night sky", "what to draw" },
  negative = { "", "what not to draw" },
  seed     = { 1, "noise seed, the same picture on every device", type = "seed" },
  steps    = { 20, "steps of the sampler", min = 1, max = 1000, integer = true, alias = "num_inference_steps" },
  cfg      = { 4.0, "classifier-free guidance: how closely the prompt is followed", min = 0, alias = "guidance_scale" },
  sampler  = { "auto", "the method; auto: the model's own; ddim, euler, dpmpp_2m, ...", choices = "schedule.sampler" },
  width    = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
  height   = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
}

local image = mw.txt2img {
  model = mw.checkpoint { path = p.model },
  prompt = p.prompt,
  negative = p.negative,
  seed = p.seed,
  steps = p.steps,
  cfg = p.cfg,
  sampler = p.sampler,
  width = p.width > 0 and p.width or nil,
  height = p.height > 0 and p.height or nil,
}

mw.output { image = image }
