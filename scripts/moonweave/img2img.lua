-- img2img.lua: mw.img2img: a picture changed by a text: its latents are noised to the step from which `strength` of the
-- steps are left, and taken from there. Of primitive nodes only.
--   mw.img2img { model = sd, image = mw.load_image { path = "in.png" }, prompt = "a blue star", strength = 0.8 }
-- Returns the image; .latents, .schedule and .embedding are its further parts.
local mw = require "moonweave"
local args = require "moonweave.args"
local parts = require "moonweave.parts"
local sampler = require "moonweave.sampler"

local alias = {
  num_inference_steps = "steps", guidance_scale = "cfg", negative_prompt = "negative", ["σ"] = "ddim_eta",
  sigma = "ddim_eta", sampler_name = "sampler", schedule = "scheduler", denoising_strength = "strength",
  init_image = "image",
}

-- Which calls are made: of `steps` the last strength * steps. PNDM's are asked of its schedule.
local function range(schedule, start, a)
  local s = sampler(schedule, a.sampler, a.steps, a.ddim_eta)
  if s.name == "pndm" then return start.first:value(), s.calls end
  return a.steps - math.min(math.floor(a.steps * a.strength), a.steps), a.steps
end

local function img2img(given)
  local a = args("img2img", given, {
    "model", "prompt", "image", "width", "height", strength = 0.8, negative = "", seed = 1, steps = 20, cfg = 7.5,
    batch = 1, sampler = "auto", scheduler = "normal", ddim_eta = 0, clip_skip = 0, generator = "torch",
    batch_seed = "increment", tile = "auto",
  }, alias, { "model", "prompt", "image" })
  parts("img2img", a)
  local model = a.model
  local image = mw.is_handle(a.image) and a.image
    or mw.load_image { path = a.image, width = a.width, height = a.height }

  local text = mw.text_encoder { model = model, prompt = a.prompt, clip_skip = a.clip_skip }
  local negative = a.cfg ~= 1
    and mw.text_encoder { model = model, prompt = a.negative, clip_skip = a.clip_skip, negative = true } or {}

  local schedule = mw.schedule { model = model, sampler = a.sampler, scheduler = a.scheduler, steps = a.steps }
  local mean = mw.vae_encode { model = model, image = image }
  local function noise(draw)
    return mw.noise {
      model = model, seed = a.seed, like = mean.latents, batch = a.batch, generator = a.generator,
      batch_seed = a.batch_seed, draw = draw,
    }
  end
  -- As diffusers draws with one generator: the encoder's sample, the start, then the steps.
  local clean = mw.vae_encode { model = model, image = image, noise = noise(0) }
  local start = mw.start_latents {
    schedule = schedule, noise = noise(1), latents = clean.latents, strength = a.strength,
  }
  local first, calls = range(schedule, start, a)

  local latents = mw.sample {
    model = model, schedule = schedule, latents = start.latents, sampler = a.sampler, cfg = a.cfg,
    first = first, calls = calls, ddim_eta = a.ddim_eta, embedding = text.embedding, pooled = text.pooled,
    negative = negative.embedding, negative_pooled = negative.pooled,
    noise = function(i) return noise(i - first + 2) end,
  }
  local result = mw.vae_decode { model = model, latents = latents, tile = a.tile }
  return mw.bundle { result, image = result, latents = latents, schedule = schedule, embedding = text.embedding }
end

return img2img
