-- energies.lua: an energy written in the script moves the latents of the miniature and lowers itself.
local mw = require "moonweave"

local sd = mw.checkpoint { path = "models/miniature" }
local boxes = {
  objects = {
    { phrase = "a red circle", box = { 0, 128, 200, 256 } },
    { phrase = "a blue star", box = { 300, 128, 200, 256 } },
  },
  background = "night sky",
}
local text = mw.text_encoder { model = sd, prompt = mw.layout_phrases { layout = boxes, model = sd }.prompt }
local noise = mw.noise { model = sd, seed = 4 }
local schedule = mw.schedule { model = sd, steps = 20 }

local function guide(energy, more)
  local a = {
    model = sd, latents = noise, schedule = schedule, step = 2, embedding = text.embedding, tokens = text.tokens,
    layout = boxes, energy = energy, eta = 40, iterations = 4,
  }
  for name, value in pairs(more or {}) do a[name] = value end
  return mw.box_attention_guide(a)
end

-- ---- the energy of the language's page

local calls, seen = 0, {}
local function outside(maps, layout)
  calls = calls + 1
  local e = mw.tensor(0)
  for i, m in ipairs(maps) do
    seen[i] = m
    local out = layout:outside(m.phrase, m.map)
    e = e + (m.map * out):sum() / m.map:sum()
  end
  return e
end
local moved = guide(outside)
local energies = moved.energies:value()
assert(#energies == 4 and calls == 4, #energies .. " energies, " .. calls .. " calls")
for i = 2, 4 do assert(energies[i] < energies[i - 1], "step " .. i .. " did not lower the energy") end
assert(energies[4] < 0.97 * energies[1])
local way = (moved.latents:value() - noise:value()):abs():max():item()
assert(way > 1e-3 and way < 10, way)

-- What it was given: an entry for each guided layer and phrase, layer by layer.
local layers = mw.attention_layers { model = sd }.guided:value()
assert(#seen == 2 * #layers and seen[1].phrase == "a blue star" and seen[2].phrase == "a red circle")
for _, m in ipairs(seen) do
  local shape, total = m.map.shape, m.map:sum():item()
  assert(#shape == 3 and shape[1] >= 1 and shape[2] == shape[3] and m.layer:find "attn")
  assert(total > 0 and m.map:max():item() <= 1)
end

-- A second function of the same text and upvalues is the same parameter: the result is there already.
local function weighed(k) return function(maps) return maps[1].map:max() * k end end
local a, b, c = guide(weighed(1)), guide(weighed(1)), guide(weighed(2))
local one, two = a.energies:value(), c.energies:value()
assert(table.concat(one, " ") == table.concat(b.energies:value(), " "))
assert(math.abs(two[1] - 2 * one[1]) < 1e-5 and two[2] ~= one[2])

-- Its gradient against a difference of energies: z' = z - s g, so E(z) - E(z') is s |g|^2 = |z - z'|^2 / s for a
-- short step. At step 0 with decay "progress", s is eta * h * w / 4096.
local z, size = noise:value(), noise:value().shape
local eta = 4
local short = guide(outside, { step = 0, decay = "progress", eta = eta, iterations = 2 })
local measured = short.energies:value()
local once = guide(outside, { step = 0, decay = "progress", eta = eta, iterations = 1 })
local step = (z - once.latents:value()):totable()
local square = 0
for _, plane in ipairs(step[1]) do
  for _, row in ipairs(plane) do for _, d in ipairs(row) do square = square + d * d end end
end
local drop, want = measured[1] - measured[2], square / (eta * size[3] * size[4] / 4096)
assert(math.abs(drop - want) < 0.05 * want, ("the energy fell by %g, the gradient says %g"):format(drop, want))

-- ---- the masks

local masks
guide(function(maps, layout)
  local m = mw.tensor { { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 } }
  masks = { layout:inside("a red circle", m):totable(), layout:outside("a red circle", m):totable() }
  assert(layout.objects[1].phrase == "a red circle" and layout.background == "night sky")
  return maps[1].map:sum()
end, { iterations = 1 }).latents:value()
for y = 1, 4 do
  for x = 1, 4 do
    local box = (y == 2 or y == 3) and x <= 2 and 1 or 0
    assert(masks[1][y][x] == box and masks[2][y][x] == 1 - box, y .. "," .. x)
  end
end

-- ---- what is wrong says where

local function fault(energy, more)
  local good, why = pcall(function() return guide(energy, more).latents:value() end)
  assert(not good)
  return why
end
local function has(why, pattern) assert(why:find(pattern), why) end

local why = fault(function(maps)
  return (maps[1].map + mw.tensor { 1, 2, 3, 4, 5 }):sum()
end)
has(why, "energies.lua:103: add")
has(why, "box_attention_guide")
has(fault(function(_, layout) return layout:inside("a cat", mw.tensor { { 1 } }):sum() end), 'no phrase "a cat"')
has(fault(function(_, layout) return layout:inside "a red circle" end), "layout:inside%(phrase, map%)")
has(fault(function(maps) return maps[1].map end), "a tensor of one number, got a tensor")
has(fault(function() return 5 end), "a tensor of one number, got a number")
has(fault(function() return nil end), "a tensor of one number")
has(fault(function(maps) return maps[1].map:sum():log() * 0 / 0 end), "not a number")
has(fault(function(maps) maps[1].map:sum():backward() end), "return it")
local other = mw.noise { model = sd, seed = 99 }
has(fault(function() return other:value() end), "another node's value")
has(fault(function() error "my own" end), "my own")
has(fault "nonsense", "'energy' must be one of code, paper, ratio, boxdiff, or a function, got \"nonsense\"")
has(fault(math.sin), "a function cannot be used here")
local good, message = pcall(mw.noise, { model = sd, seed = function() end })
assert(not good and message:find "'seed' must be", message)

-- A node made in Lua calls a function that it is given.
local twice = mw.node { name = "twice", inputs = { f = "any" }, outputs = { y = "number" },
  run = function(i) return { y = i.f(i.f(3)) } end }
assert(twice { f = function(v) return v * 5 end }:value() == 75)
assert(not pcall(function() return twice { f = function() error "no" end }:value() end))

-- After all these the tapes are closed: gradients of the script's own go on.
local x = mw.tensor { 1, 2 }:requires_grad();
(x * x):sum():backward()
assert(x.grad:totable()[2] == 4)

mw.output { energy = moved.energy, latents = #energies }
