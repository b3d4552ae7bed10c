-- multidiffusion.lua: mw.multidiffusion: MultiDiffusion's region control (arXiv 2302.08113): every box and the
-- background take their own step with their own prompt, and each cell keeps that of its region; later boxes own what
-- they share.
--   mw.multidiffusion { model = sd, layout = layout, seed = 1, steps = 50, cfg = 10, bootstrapping = 10 }
-- For the first `bootstrapping` steps an object is drawn on a ground of one colour, so that it stays in its box.
-- Returns the image; .latents and .layout are its further parts.
local mw = require "moonweave"
local declarations = require "moonweave.declarations"

local params = declarations.with({ "model", "layout", "width", "height", "seed", "steps", "tile" }, {
  cfg = declarations.default("cfg", 10),
  bootstrapping = { 10, "first steps in which objects are drawn on a plain ground", integer = true, min = 0, max = 1000,
    literal = true },
  negative = { "", "what not to draw, beside the layout's own", literal = true },
})

-- A ground of one colour, as latents.
local function plain_ground(a, noise, number)
  local size = noise:value().shape
  local row, line = {}, {}
  local shade = { (number * 89 % 256) / 255, (number * 149 % 256) / 255, (number * 211 % 256) / 255 }
  for x = 1, size[4] * 8 do line[x] = shade end
  for y = 1, size[3] * 8 do row[y] = line end
  return mw.vae_encode { model = a.model, image = mw.tensor(row) }.latents
end

local function multidiffusion(a)
  local layout = a.layout
  local l = layout:value()
  local schedule = mw.schedule { model = a.model, steps = a.steps, sampler = "ddim" }
  local noise = mw.noise { model = a.model, seed = a.seed, width = a.width, height = a.height }
  local words = l.negative ~= "" and a.negative ~= "" and l.negative .. ", " .. a.negative or l.negative .. a.negative
  local negative = mw.text_encoder { model = a.model, prompt = words, negative = true }

  local regions = { { prompt = l.background } }
  for i, object in ipairs(l.objects) do
    regions[i + 1] = {
      prompt = object.phrase, ground = a.bootstrapping > 0 and plain_ground(a, noise, i),
      mask = mw.box_mask { box = object.box, canvas = l.canvas, like = noise },
    }
  end
  for _, r in ipairs(regions) do r.text = mw.text_encoder { model = a.model, prompt = r.prompt } end

  local z = noise
  for i = 0, a.steps - 1 do
    local whole
    for _, r in ipairs(regions) do
      local own = z
      if i < a.bootstrapping and r.mask then
        local left = math.min(1, (a.steps - i + 0.5) / a.steps)  -- of the steps: where the ground is noised to
        local ground = mw.start_latents { schedule = schedule, noise = noise, latents = r.ground, strength = left }
        own = mw.blend_latents { latents = ground.latents, over = z, mask = r.mask }
      end
      local pred = mw.unet { model = a.model, latents = own, schedule = schedule, step = i, cfg = a.cfg,
        embedding = r.text.embedding, pooled = r.text.pooled,
        negative = negative.embedding, negative_pooled = negative.pooled }
      local moved = mw.ddim_step { schedule = schedule, step = i, latents = own, noise_pred = pred.noise_pred }.latents
      whole = whole and mw.blend_latents { latents = whole, over = moved, mask = r.mask } or moved
    end
    z = whole
  end
  local image = mw.vae_decode { model = a.model, latents = z, tile = a.tile }
  return mw.bundle { image, image = image, latents = z, layout = layout }
end

return mw.composite {
  name = "multidiffusion",
  doc = "A layout by MultiDiffusion's region control (arXiv 2302.08113). Gives the image; latents and layout by name.",
  params = params, run = multidiffusion,
}
