-- img2img.lua: mw.img2img: a picture changed by a text: its latents are noised to the step from which `strength` of the
-- steps are left, and taken from there. Of primitive nodes only.
--   mw.img2img { model = sd, image = mw.load_image { path = "in.png" }, prompt = "a blue star", strength = 0.8 }
-- Returns the image; .latents, .schedule and .embedding are its further parts.
local mw = require "moonweave"
local declarations = require "moonweave.declarations"
local sampler = require "moonweave.sampler"

local params = declarations.with({
  "model", "width", "height", "seed", "cfg", "batch", "sampler", "scheduler", "ddim_eta", "clip_skip", "generator",
  "batch_seed", "tile",
}, {
  prompt = { nil, "what to draw; a list: a picture each", type = "texts", required = true },
  negative = { "", "what not to draw", type = "texts", alias = "negative_prompt" },
  image = { nil, "the picture to change, or its path", type = "any", required = true, alias = "init_image" },
  strength = { 0.8, "share of the steps that are made: 1 leaves nothing of the picture", min = 0, max = 1,
    alias = "denoising_strength" },
  steps = declarations.default("steps", 20),
})

-- Which calls are made: of `steps` the last strength * steps. PNDM's are asked of its schedule.
local function range(schedule, start, a)
  local s = sampler(schedule, a.sampler, a.steps, a.ddim_eta)
  local first = a.steps - math.min(math.floor(a.steps * a.strength), a.steps)
  if s.name == "pndm" then return start.first:value(first), s.calls end
  return first, a.steps
end

local function img2img(a)
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

return mw.composite {
  name = "img2img", doc = "A picture changed by a text. Gives the image; latents, schedule and embedding by name.",
  params = params, run = img2img,
}
