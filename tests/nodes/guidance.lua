-- guidance.lua: guidance of latents and whole runs by a layout, on the miniature: effects, and what is refused.
local mw = require "moonweave"

local sd = mw.checkpoint { path = "models/miniature" }
local layout = mw.layout {
  objects = {
    { phrase = "a red circle", box = { 40, 40, 160, 160 } }, { phrase = "a blue star", box = { 300, 300, 160, 160 } },
    { phrase = "a red circle", box = { 300, 40, 160, 160 } },
  },
  background = "night sky",
}

-- Phrases: sorted, grouped, found among the tokens.
local form = "{phrases}, {background}"
local facts = mw.layout_phrases { layout = layout, model = sd, form = form }
assert(facts.prompt:value() == "a blue star, two red circles, night sky")
local objects, phrases = facts.objects:value(), facts.phrases:value()
assert(#objects == 3 and objects[2].phrase == "a red circle" and objects[3].place == 3 and objects[3].ordinal == 2)
assert(#phrases == 2 and #phrases[2].objects == 2 and phrases[2].objects[1] == 2 and phrases[1].token == 3)

local text = mw.text_encoder { model = sd, prompt = facts.prompt }
local schedule = mw.schedule { model = sd, steps = 10 }
local z = mw.noise { model = sd, seed = 3 }

local function guided(more)
  local a = {
    model = sd, latents = z, schedule = schedule, step = 1, embedding = text.embedding, tokens = text.tokens,
    layout = layout, iterations = 4,
  }
  for name, value in pairs(more) do a[name] = value end
  return mw.box_attention_guide(a)
end

local function moved(g)
  local a, b, sum = g.latents:value():totable()[1], z:value():totable()[1], 0
  for k = 1, 4 do for y = 1, 16 do for x = 1, 16 do sum = sum + math.abs(a[k][y][x] - b[k][y][x]) end end end
  return sum
end

-- Each form's energy falls along its own gradient.
for energy, eta in pairs { code = 5, paper = 5, ratio = 30, boxdiff = 5 } do
  local names = mw.attention_layers { model = sd }
  local g = guided { energy = energy, eta = eta, threshold = -1, layers = energy == "boxdiff" and names.level or nil }
  local e = g.energies:value()
  assert(#e == 4 and e[4] < e[1], energy .. ": the energy does not fall")
  assert(moved(g) > 0 and g.energy:value() == e[4] and g.state:value().energy == e[4])
end
-- BoxDiff's shares may be of no cell at all: its terms at the edges are left.
local level = mw.attention_layers { model = sd }.level
local edges = guided { energy = "boxdiff", top_p = 0, threshold = -1, layers = level }
assert(#edges.energies:value() == 4 and edges.energy:value() > 0)
assert(moved(guided { eta = 0 }) == 0 and #guided { eta = 0 }.energies:value() == 0)
assert(moved(guided { last_step = 1 }) == 0)
assert(moved(guided { iterations = 0 }) == 0)
assert(moved(guided { eta = 1 }) < moved(guided { eta = 5 }))
assert(#guided { threshold = 1000 }.energies:value() == 1, "strict measures once and stops")
assert(#guided { threshold = 1000, mode = "faithful", state = { energy = 7 } }.energies:value() == 0)
assert(math.abs(guided { omega = 8 }.energies:value()[1] - guided { omega = 4 }.energies:value()[1]) > 0.01)

-- Several pictures: each has its own energy, and stops on its own, as if it were alone.
local seeds = { 3, 4, 5 }
local batch = { latents = mw.noise { model = sd, seed = seeds[1], batch = #seeds } }
local first = guided(batch).energies:value()
batch.threshold = (first[1][1] + first[2][1]) / 2  -- one has to move, another is good already
local together, counts = guided(batch), {}
for b, seed in ipairs(seeds) do
  local alone = guided { latents = mw.noise { model = sd, seed = seed }, threshold = batch.threshold }
  local energies = together.energies:value()[b]
  counts[#energies > 1] = true
  assert(#energies == #alone.energies:value())
  for k, e in ipairs(alone.energies:value()) do assert(math.abs(energies[k] - e) < 1e-5 * e) end
  assert(together.energy:value()[b] == energies[#energies] and together.state:value().energy[b] == energies[#energies])
  assert((together.latents:value()[b] - alone.latents:value()[1]):abs():max():item() < 1e-4)
  local gradient = alone.gradient:value() and alone.gradient:value()[1] or mw.tensor(0)
  assert((together.gradient:value()[b] - gradient):abs():max():item() < 1e-4)
end
assert(counts[true] and counts[false])
local after = guided { latents = together.latents, mode = "faithful", threshold = batch.threshold,
  state = together.state, iterations = 1 }
assert(#after.energies:value() == #seeds)

-- What is refused, and by what words.
local function refused(words, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "not refused: " .. words)
  assert(tostring(message):find(words, 1, true), ("no '%s' in: %s"):format(words, tostring(message)))
end
local function value(more) return guided(more).latents:value() end
refused("there is no cross-attention 'up.9'", value, { layers = { "up.9" } })
refused("'top_p' must be", value, { top_p = 1.5 })
refused("'omega' must be", value, { omega = 0 / 0 })
refused("'iterations' must be", value, { iterations = 1.5 })
refused("one of", value, { energy = "cod" })
refused("of as many pictures", value, { latents = batch.latents, state = { energy = 3 } })
refused("lacks phrases", value, { layout = { objects = { { phrase = "a green moon", box = { 0, 0, 90, 90 } } } } })
refused("for each of the 3 objects", value, { reference = { {} } })
refused("'embedding' must be [1,L,D], or one for each of 2 pictures", value, {
  latents = mw.noise { model = sd, batch = 2 },
  embedding = mw.text_encoder { model = sd, prompt = { "a", "b", "c" } }.embedding,
})
refused("of one size", value, { energy = "boxdiff" })
local lost = mw.blend_latents { latents = z, over = mw.tensor { { { { 1 } } } }, box = { 0, 0, 9, 9 } }
refused("must both be [B,4,h,w]", function() return lost:value() end)
refused("NaN or infinite", value, { latents = mw.start_latents { schedule = schedule, noise = z:value() * (0 / 0) } })

-- Whole runs, short: every stage is there, eta = 0 has no guidance, unknown names are refused.
local run = mw.lmd { model = sd, layout = layout, steps = 4, cfg = 4, form = form }
assert(#run.objects == 3 and #run.masks == 3 and run.latents:value().shape[3] == 16)
assert(#run.overall.energies == 3 and run.composed[2] and not run.composed[3])
local plain = mw.lmd { model = sd, layout = layout, steps = 4, cfg = 4, form = form, eta = 0 }
assert(#plain.overall.energies == 0 and #plain.objects[1].energies == 0 and plain.latents:value())
assert(#mw.lmd { model = sd, layout = { objects = {}, background = "night sky" }, steps = 2 }.objects == 0)
local two = mw.backward_guidance { model = sd, layout = layout, steps = 2, form = form, latents = batch.latents }
assert(two.latents:value().shape[1] == #seeds and #two.run.energies[1]:value() == #seeds)
-- Pictures of any sides: levels of 12 x 5 latents are rounded up.
local wide = mw.lmd { model = sd, layout = layout, steps = 2, cfg = 4, form = form, width = 96, height = 40 }
assert(wide.latents:value().shape[3] == 5 and wide.latents:value().shape[4] == 12)
refused("has no parameter 'omgea'", mw.lmd, { model = sd, layout = layout, omgea = 4 })
refused("layout", mw.lmd, { model = sd })
-- A model without gated layers is refused by the method that is made of them, however few steps would see the boxes.
local function plus(beta)
  return mw.lmd_plus { model = sd, layout = layout, steps = 4, form = form, beta = beta }.latents:value()
end
for _, beta in ipairs { 1, 0.1 } do
  refused("models/miniature/unet/diffusion_pytorch_model.safetensors: the unet has no gated layers", plus, beta)
end
refused("no gated layers", plus)
refused("lmd_plus: 'beta' must be a finite number, got NaN", plus, 0 / 0)
assert(plus(0))

-- Hundreds of boxes are drawn in no time but their own: the energy's cost does not follow their number.
local crowd = { objects = {}, background = "night sky" }
for i = 1, 300 do crowd.objects[i] = { phrase = "a red circle", box = { i, i % 200, 100, 100 } } end
local many = mw.layout_phrases { layout = crowd, model = sd, form = form }
assert(many.phrases:value()[1].phrase == "three hundred red circles")
local crowded = mw.text_encoder { model = sd, prompt = many.prompt }
assert(#guided { layout = crowd, embedding = crowded.embedding, tokens = crowded.tokens }.energies:value() == 4)

mw.output { energy = guided {}.energy }
