-- custom_energy.lua: an own energy of the attention maps, written in Lua and differentiated on the device.
--   moonweave run graphs/custom_energy.lua -p outside=2 -p eta=80 -o out
-- Before each of the first steps the latents go down the gradient of `energy`: attention to each phrase goes into its
-- boxes. `image` is drawn with it, `without` from the same noise without, `boxes` shows what was asked for.
local mw = require "moonweave"

local p = mw.params {
  model   = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  seed    = { 1, "noise seed", type = "seed" },
  steps   = { 20, "DDIM steps", min = 1, max = 1000, integer = true, alias = "num_inference_steps" },
  cfg     = { 4.0, "classifier-free guidance", min = 0, alias = "guidance_scale" },
  width   = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
  height  = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
  ["η"]   = { 80.0, "guidance strength: size of each step along the energy's gradient", alias = "eta", min = 0 },
  outside = { 1.0, "weight of attention outside the boxes", min = 0 },
  spread  = { 0.5, "weight of uneven attention inside a box, which leaves part of it empty", min = 0 },
  guided  = { 0.6, "share of the steps that are guided", min = 0, max = 1 },
}

local layout = mw.layout {
  objects = {
    { phrase = "a red circle", box = { 30, 160, 190, 190 } },
    { phrase = "a blue star", box = { 300, 160, 190, 190 } },
  },
  background = "night sky",
}

-- maps: one entry for each guided layer and phrase; m.map is [heads, h, w], the mean over the phrase's tokens.
local function energy(maps, boxes)
  local e = mw.tensor(0)
  for _, m in ipairs(maps) do
    local inside, outside = boxes:inside(m.phrase, m.map), boxes:outside(m.phrase, m.map)
    local missed = (m.map * outside):sum() / m.map:sum()
    local cells = m.map * inside / (m.map * inside):sum() -- how attention lies inside: adds up to 1
    local uneven = (cells * cells):sum() * inside:sum()
    e = e + p.outside * missed + p.spread * uneven
  end
  return e / #maps
end

local sd = mw.checkpoint { path = p.model }
local size = { width = p.width > 0 and p.width or nil, height = p.height > 0 and p.height or nil }
local facts = mw.layout_phrases { layout = layout, model = sd }

local function draw(eta)
  local run = mw.guided_sample {
    model = sd, schedule = mw.schedule { model = sd, steps = p.steps }, steps = p.steps, cfg = p.cfg,
    latents = mw.noise { model = sd, seed = p.seed, width = size.width, height = size.height },
    text = mw.text_encoder { model = sd, prompt = facts.prompt },
    negative = mw.text_encoder { model = sd, prompt = "" },
    guide = {
      layout = layout, energy = energy, eta = eta, iterations = 2, last_step = math.floor(p.steps * p.guided),
    },
  }
  return mw.vae_decode { model = sd, latents = run.latents[p.steps + 1] }
end

local image = draw(p["η"])
mw.output { image = image, without = draw(0), boxes = mw.draw_layout { layout = layout, image = image } }
