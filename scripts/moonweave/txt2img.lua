-- txt2img.lua: mw.txt2img: a picture from a text, of primitive nodes only. Copy it and change it.
--   mw.txt2img { model = sd, prompt = "a red star", steps = 20, cfg = 7.5, seed = 1 }
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
  steps = declarations.default("steps", 20),
})

local function txt2img(a)
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

return mw.composite {
  name = "txt2img", doc = "A picture from a text. Gives the image; latents, schedule and embedding by name.",
  params = params, run = txt2img,
}
