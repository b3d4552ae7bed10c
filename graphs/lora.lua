-- lora.lua: the same prompt and seed without and with a LoRA.
--   moonweave run graphs/lora.lua -p model=sd15.safetensors -p lora=style.safetensors -p scale=0.8 -o out
local mw = require "moonweave"

local p = mw.params {
  model    = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  lora     = { "", "LoRA file: kohya's or PEFT's names; empty: without one" },
  scale    = { 1.0, "strength of the LoRA; 0: none, negative: its opposite" },
  prompt   = { "a red star, night sky", "what to draw" },
  negative = { "", "what not to draw" },
  seed     = { 1, "noise seed", type = "seed" },
  steps    = { 20, "steps of the sampler", min = 1, max = 1000, integer = true, alias = "num_inference_steps" },
  cfg      = { 4.0, "classifier-free guidance", min = 0, alias = "guidance_scale" },
  sampler  = { "auto", "the method; auto: the model's own; ddim, euler, dpmpp_2m, ...", choices = "schedule.sampler" },
  width    = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
  height   = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
}

local function draw(model)
  return mw.txt2img {
    model = model, prompt = p.prompt, negative = p.negative, seed = p.seed, steps = p.steps, cfg = p.cfg,
    sampler = p.sampler, width = p.width > 0 and p.width or nil, height = p.height > 0 and p.height or nil,
  }
end

local sd = mw.checkpoint { path = p.model }
local outputs = { without = draw(sd) }
if p.lora ~= "" then
  outputs.image = draw(mw.lora { model = sd, path = p.lora, scale = p.scale })
end

mw.output(outputs)
