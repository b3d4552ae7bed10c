-- language.lua: handles, values, own nodes, caching: what the language promises, tried from the inside.
local mw = require "moonweave"

local p = mw.params {
  ["ω"] = { 4.0, "weight", alias = "omega", min = 0 },
  n = { 3, "how many", min = 1, max = 10 },
}
assert(p.omega == 4 and p["ω"] == 4 and p.n == 3)
assert(load "local p = ... return p.ω" (p) == 4)  -- bare Greek names are names
assert(not pcall(function() p.n = 5 end))

-- Handles: outputs by name, whole = the first, text form names node and line.
local h = mw.hello { name = "lua", times = 2 }
assert(mw.is_handle(h) and not mw.is_handle {} and not mw.is_handle(nil))
assert(tostring(h):find "^hello %(tests/graphs/language.lua:%d+%)$", tostring(h))
assert(tostring(h.length):find "^hello.length ")
assert(h:value() == "hello, lua\nhello, lua" and h.greeting:value() == h:value())
assert(h.length:value() == 21)
local ok, why = pcall(function() return h.lenght end)
assert(not ok and why:find "has no output 'lenght' %(did you mean 'length'%?%); its outputs: greeting, length")
assert(not pcall(function() h.x = 1 end))

-- Aliases, and a script that branches on a value.
assert(mw.hello { count = 1 }.length:value() == 12)
local lines = 0
for _ in mw.hello { times = p.n }:value():gmatch "hello" do lines = lines + 1 end
assert(lines == 3)

-- Own nodes: run once for one content, again for another.
local runs = 0
local double = mw.node {
  name = "double", inputs = { n = "number" }, params = { by = { 2, "the factor", min = 1, max = 10 } },
  run = function(i, prm) return { n = i.n * prm.by } end,
}
local function counted(i) return { n = i.n + 1 } end
local add = mw.node { name = "add", inputs = { n = "number" }, run = function(i) runs = runs + 1 return counted(i) end }
local six = double { n = h.length, by = 2 }
assert(six.n:value() == 42 and six:value() == 42)
assert(double { n = 1, by = 3 }:value() == 3)
assert(not pcall(double, { n = 1, by = 11 }))
assert(not pcall(double, { n = "x" }))
assert(not pcall(double, {}))
assert(add { n = six }:value() == 43 and runs == 1)

-- A value of any shape crosses from node to node.
local make = mw.node { name = "make", outputs = { layout = "layout", list = "list" }, run = function()
  return { layout = { objects = { { phrase = "a star", box = { 1, 2, 3, 4 } } } }, list = { 1, "two", { true } } }
end }
local read = mw.node { name = "read", inputs = { layout = "layout", list = "list" }, outputs = { text = "text" },
  run = function(i)
    return { text = i.layout.objects[1].phrase .. #i.layout.objects[1].box .. i.list[2] .. tostring(i.list[3][1]) }
  end }
local made = make {}
assert(read { layout = made.layout, list = made.list }:value() == "a star4twotrue")
assert(read { layout = { objects = { { phrase = "b", box = {} } } }, list = { 1, h.greeting, { false } } }:value()
  == "b0hello, lua\nhello, luafalse")

-- What an output of any type holds is checked against the port that it reaches.
local seven = mw.node { name = "seven", outputs = { v = "any" }, run = function() return { v = 7 } end }
for _, node in ipairs {
  mw.unet { model = seven {}, latents = seven {}, embedding = seven {}, schedule = seven {}, step = 0 },
  mw.noise { model = seven {} }, mw.text_encoder { model = seven {}, prompt = "x" },
} do
  local wrong, sentence = pcall(node.value, node)
  assert(not wrong and sentence:find "must be an? [%w_]+, got 7", sentence)
end

-- While other nodes run, a node's own function may add nodes, and handles whose values were asked for may go.
local spy = mw.node { name = "spy", outputs = { n = "number" }, run = function()
  for i = 1, 3000 do mw.hello { name = "x" .. i } end
  collectgarbage()
  return { n = 1 }
end }
local join = mw.node { name = "join", inputs = { text = "text", n = "number" }, outputs = { text = "text" },
  run = function(i) return { text = i.text .. i.n } end }
local function wired(name)
  local hello = mw.hello { name = name }
  hello:value()
  return join { text = hello, n = spy {} }
end
assert(wired("kept"):value() == "hello, kept1")

-- A part of a model is found by the type of the port; handles of one node may be mixed.
local sd = mw.checkpoint { path = "models/miniature" }
local text = mw.text_encoder { model = sd, prompt = { "a red star", "a blue moon" } }
assert(text.embedding:value().shape[1] == 2)
assert(mw.text_encoder { model = sd.text_encoder, prompt = "a red star" }:value().shape[1] == 1)
assert(sd.kind:value() == "sd1")
assert(not pcall(function() return sd.unet:value() end))

-- Composites are handles too.
local picture = mw.txt2img { model = sd, prompt = "a red star", num_inference_steps = 2, guidance_scale = 1 }
assert(picture.latents:value().shape[2] == 4)
assert(#picture:value().shape == 3 and picture.image:value().shape[3] == 3)
ok, why = pcall(function() return picture.latnets end)
assert(not ok and why:find "did you mean 'latents'")

-- Modules: once loaded they stay the same table; unknown ones are refused.
assert(require "moonweave" == mw)
assert(not pcall(require, "no.such.module"))

mw.output { done = true, sum = add { n = 1 } }
