-- llm_distiller.lua: vectors of texts in a graph: shapes, layers, files; what is refused.
local mw = require "moonweave"

local llm = mw.llm { path = "models/miniature/llm" }
local texts = { "a red circle", "two blue stars on a green meadow" }

local function distil(p)
  p.llm = llm
  p.prompt = p.prompt or texts[1]
  return mw.llm_distiller(p)
end
local function shape(p)
  return table.concat(distil(p).embedding:value().shape, "x")
end
local function distance(a, b)
  return (a - b):abs():max():item()
end

assert(shape {} == "128")
assert(shape { prompt = texts } == "2x128")
assert(shape { width = 64 } == "64")
assert(shape { width = 64, prompt = texts } == "2x64")
local count = mw.tokens { model = llm, text = texts[1], add_special = true }.count:value()
assert(shape { pool = "none" } == count .. "x128")
assert(distil({ pool = "none" }).vectors:value() == nil)

-- The mean and the last of all tokens; a list holds what its texts give alone.
local all = distil({ pool = "none" }).embedding:value()
local mean = distil({}).embedding:value()
assert(distance(mean, all:mean(1)) < 1e-4)
assert(distance(distil({ pool = "last" }).embedding:value(), all[count]) < 1e-4)
local both = distil({ prompt = texts })
assert(distance(both.embedding:value()[1], mean) < 1e-4)
local value = both.vectors:value()
assert(value.captions[2] == texts[2] and distance(value.vectors, both.embedding:value()) == 0)

-- Layers from the front and from the back; what is normed is something else.
assert(distance(distil({ layer = 3 }).embedding:value(), mean) == 0)
assert(distance(distil({ layer = -4 }).embedding:value(), distil({ layer = 0 }).embedding:value()) == 0)
assert(distance(distil({ layer = 2 }).embedding:value(), mean) > 0.1)
assert(distance(distil({ layer = "final" }).embedding:value(), mean) > 0.1)
assert(distance(distil({ layer = "embedding" }).embedding:value(), distil({ layer = 0 }).embedding:value()) > 0.01)

-- The drawn layer follows from its seed.
local drawn = distil({ width = 64 }).embedding:value()
assert(distance(drawn, distil({ width = 64, seed = 0 }).embedding:value()) == 0)
assert(distance(drawn, distil({ width = 64, seed = 1 }).embedding:value()) > 0.1)
assert(distance(distil({ width = 128 }).embedding:value(), mean) == 0)

local function refused(p, words)
  local good, message = pcall(function()
    return distil(p).embedding:value()
  end)
  assert(not good and tostring(message):find(words, 1, true), tostring(message))
end
refused({ layer = 4 }, "'layer' must be a whole number from -4 to 3, \"final\" or \"embedding\", got 4")
refused({ layer = "last" }, "got \"last\"")
refused({ layer = 0.5 }, "got 0.5")
refused({ prompt = texts, pool = "none" }, "gives the tokens of one text, got a list of 2")
refused({ prompt = {} }, "'prompt' must be a string or a list of strings, got a list of 0")
refused({ prompt = { "a", ("red "):rep(2000) } }, "text 2: ")

mw.output { ok = true }
