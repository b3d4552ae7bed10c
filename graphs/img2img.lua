-- img2img.lua: a picture changed by a text. Without an image it first draws one from `from`.
--   moonweave run graphs/img2img.lua -p image=photo.png -p prompt="a blue star, night sky" -p strength=0.7 -o out
local mw = require "moonweave"

local p = mw.params {
  model    = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  image    = { "", "the picture to change, PNG or JPEG; empty: one drawn from `from`" },
  from     = { "a red star, night sky", "what the first picture shows, when none is given" },
  prompt   = { "a blue star, night sky", "what to draw" },
  negative = { "", "what not to draw" },
  strength = { 0.8, "0 leaves the picture as it is, 1 makes almost a new one", min = 0, max = 1 },
  seed     = { 1, "noise seed", type = "seed" },
  steps    = { 20, "steps of the sampler", min = 1, max = 1000, integer = true, alias = "num_inference_steps" },
  cfg      = { 4.0, "classifier-free guidance", min = 0, alias = "guidance_scale" },
  sampler  = { "auto", "the method; auto: the model's own; ddim, euler, dpmpp_2m, ...", choices = "schedule.sampler" },
  width    = { 0, "the picture is resampled to this; 0: as it is", min = 0, max = 65536, multiple = 8 },
  height   = { 0, "the picture is resampled to this; 0: as it is", min = 0, max = 65536, multiple = 8 },
}

local sd = mw.checkpoint { path = p.model }
local width, height = p.width > 0 and p.width or nil, p.height > 0 and p.height or nil
local before
if p.image ~= "" then
  before = mw.load_image { path = p.image, width = width, height = height }
else
  before = mw.txt2img {
    model = sd, prompt = p.from, seed = p.seed, steps = p.steps, cfg = p.cfg, sampler = p.sampler, width = width,
    height = height,
  }
end

local after = mw.img2img {
  model = sd, image = before, prompt = p.prompt, negative = p.negative, strength = p.strength, seed = p.seed,
  steps = p.steps, cfg = p.cfg, sampler = p.sampler,
}

mw.output { image = after, before = before }
