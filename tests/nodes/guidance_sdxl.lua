-- guidance_sdxl.lua: attention guidance of SDXL, whose network takes pooled text and sizes too, on a tiny random model.
local mw = require "moonweave"

local folder = "tests/golden/single_file_pairs/sdxl"
local sd = mw.checkpoint { path = folder .. "/single.safetensors", config = folder }
local layout = {
  objects = { { phrase = "a cat", box = { 0, 0, 256, 400 } }, { phrase = "a dog", box = { 256, 100, 256, 300 } } },
  background = "sky",
}
local text = mw.text_encoder { model = sd, prompt = "a cat, a dog sky" }
local other = mw.text_encoder { model = sd, prompt = "a sky" }
local schedule = mw.schedule { model = sd, steps = 10 }
local z = mw.noise { model = sd, seed = 3, width = 128, height = 96 }

local function guided(more)
  local a = {
    model = sd, latents = z, schedule = schedule, step = 1, embedding = text.embedding, pooled = text.pooled,
    tokens = text.tokens, layout = layout, iterations = 1, threshold = -100, crop = { 8, 16 },
  }
  for name, value in pairs(more or {}) do a[name] = value end
  return mw.box_attention_guide(a)
end
local function energy(more) return guided(more).energies:value()[1] end

-- The network is called as the node unet calls it: the same maps.
local wide = { original_size = { 400, 200 }, target_size = { 300, 500 } }
for _, sizes in ipairs { {}, wide } do
  local maps = mw.unet {
    model = sd, latents = z, schedule = schedule, step = 1, embedding = text.embedding, pooled = text.pooled, cfg = 1,
    capture = { "mid" }, crop = { 8, 16 }, original_size = sizes.original_size, target_size = sizes.target_size,
  }.maps:value().mid
  local want = ((maps[{ {}, {}, {}, 2 }] + maps[{ {}, {}, {}, 3 }]) / 2):max():item()  -- "a", "cat"
  local got = energy {
    layers = { "mid" }, energy = function(m) return m[1].map:max() end,
    original_size = sizes.original_size, target_size = sizes.target_size,
  }
  assert(math.abs(got - want) < 1e-6, got .. " " .. want)
end
assert(math.abs(energy() - energy { pooled = other.pooled }) > 1e-6, "the pooled text does not matter")
assert(math.abs(energy() - energy(wide)) > 1e-7, "the sizes do not matter")

-- The gradient in two directions against differences of energies: of a smooth one, without largest cells. A random
-- network bends much and its energies are f32, so the mean over several steps is taken.
local from = z:value()
local function dot(a, b) return (a * b):sum():item() end
local function squares(maps)
  local e = mw.tensor(0)
  for i, m in ipairs(maps) do e = e + (m.map * m.map):sum() * i end
  return e
end
local gradient = guided { energy = squares }.gradient:value()
for _, way in ipairs { gradient, mw.noise { seed = 9, like = z }:value() } do
  local rise, steps = 0, { 0.001, 0.0015, 0.002, 0.0025 }
  for _, step in ipairs(steps) do
    local h = step / math.sqrt(dot(way, way))
    local up = energy { energy = squares, latents = from + way * h }
    rise = rise + (up - energy { energy = squares, latents = from - way * h }) / (2 * h) / #steps
  end
  local want, most = dot(gradient, way), math.sqrt(dot(gradient, gradient) * dot(way, way))
  assert(math.abs(rise - want) < 0.05 * most, ("%g, the gradient says %g of %g"):format(rise, want, most))
end

local function refused(words, more)
  local ok, message = pcall(function() return guided(more).latents:value() end)
  assert(not ok and tostring(message):find(words, 1, true), tostring(message))
end
refused("'pooled' must be 20 wide", { pooled = mw.tensor { { 1, 2 } } })
refused("'pooled' must be [1,P], or one for each of 1 pictures", { pooled = mw.tensor { 1, 2 } })
refused("'crop' must be a list of two numbers", { crop = { 1 } })
local ok, message = pcall(function()
  return mw.box_attention_guide { model = sd, latents = z, schedule = schedule, step = 1, embedding = text.embedding,
    tokens = text.tokens, layout = layout }.latents:value()
end)
assert(not ok and message:find("'pooled' is needed", 1, true), message)

-- Several pictures, a pooled text each.
local pair = mw.text_encoder { model = sd, prompt = { "a cat, a dog sky", "a sky" } }
local both = guided { latents = mw.noise { model = sd, seed = 3, width = 128, height = 96, batch = 2 },
  pooled = pair.pooled }
local last = energy { latents = mw.noise { model = sd, seed = 4, width = 128, height = 96 }, pooled = other.pooled }
assert(math.abs(both.energies:value()[1][1] - energy()) < 1e-6)
assert(math.abs(both.energies:value()[2][1] - last) < 1e-6)

-- Whole runs give pictures, guidance moves them.
local function drawn(method, more)
  local a = { model = sd, layout = layout, steps = 3, cfg = 2, width = 32, height = 32 }
  for name, value in pairs(more or {}) do a[name] = value end
  local latents = mw[method](a).latents:value()
  assert(latents.shape[3] == 8)
  return latents
end
local form = "{phrases} {background}"
local plain = drawn("plain", { form = form })
for method, more in pairs { lmd = { mask = "box" }, boxdiff = {} } do
  more.form = form
  local moved = (drawn(method, more) - plain):abs():max():item()
  assert(moved > 1e-4, method .. " moves nothing")
end
drawn("multidiffusion", { bootstrapping = 0 })

mw.output { energy = guided().energy }
