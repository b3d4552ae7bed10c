-- txt2img.lua: mw.txt2img: a picture from a text, of primitive nodes only. Copy it and change it.
--   mw.txt2img { model = sd, prompt = "a red star", steps = 20, cfg = 7.5, seed = 1 }
-- Returns the image; .latents, .schedule and .embedding are its further parts.
local mw = require "moonweave"
local args = require "moonweave.args"
local parts = require "moonweave.parts"
local sampler = require "moonweave.sampler"

local alias = {
  num_inference_steps = "steps", guidance_scale = "cfg", negative_prompt = "negative", ["σ"] = "ddim_eta",
  sigma = "ddim_eta", sampler_name = "sampler", schedule = "scheduler",
}

local function txt2img(given)
  local a = args("txt2img", given, {
    "model", "prompt", "width", "height", negative = "", seed = 1, steps = 20, cfg = 7.5, batch = 1, sampler = "auto",
    scheduler = "normal", ddim_eta = 0, clip_skip = 0, generator = "torch", batch_seed = "increment", tile = "auto",
  }, alias, { "model", "prompt" })
  parts("txt2img", a)
  local model = a.model

  local text = mw.text_encoder { model = model, prompt = a.prompt, clip_skip = a.clip_skip }
  local negative = a.cfg ~= 1
    and mw.text_encoder { model = model, prompt = a.negative, clip_skip = a.clip_skip, negative = true } or {}

  local schedule = mw.schedule { model = model, sampler = a.sampler, scheduler = a.scheduler, steps = a.steps }
  local function noise(draw)
    return mw.noise {
      model = model, seed = a.seed, width = a.width, height = a.height, batch = a.batch, generator = a.generator,
      batch_seed = a.batch_seed, draw = draw,
    }
  end
  local start = mw.start_latents { schedule = schedule, noise = noise(0) }

  local latents = mw.sample {
    model = model, schedule = schedule, latents = start.latents, sampler = a.sampler, cfg = a.cfg,
    calls = sampler(schedule, a.sampler, a.steps, a.ddim_eta).calls, ddim_eta = a.ddim_eta,
    embedding = text.embedding, pooled = text.pooled,
    negative = negative.embedding, negative_pooled = negative.pooled,
    noise = function(i) return noise(i + 1) end,  -- draw 0 was the start
  }
  local image = mw.vae_decode { model = model, latents = latents, tile = a.tile }
  return mw.bundle { image, image = image, latents = latents, schedule = schedule, embedding = text.embedding }
end

return txt2img
