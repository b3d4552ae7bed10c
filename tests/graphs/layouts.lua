-- layouts.lua: layouts from the script's side: written, read, judged.
local mw = require "moonweave"

local layout = mw.layout {
  objects = { { phrase = "a cat", box = { 20, 200, 150, 200 } }, { phrase = "a dog", box = { 300, 200, 150, 200 } } },
  background = "A garden",
}
local value = layout:value()
assert(#value.objects == 2 and value.objects[2].box[1] == 300 and value.canvas[1] == 512 and value.negative == "")

-- What the node gives is what it takes.
local again = mw.layout(value):value()
assert(again.objects[1].phrase == "a cat" and again.background == "A garden")
assert(#mw.layout { objects = {} }:value().objects == 0)

-- Names that come more than once, and blanks in front of one, in both modes.
local model = mw.checkpoint { path = "models/miniature" }
local function prompt_of(names, mode)
  local boxes = {}
  for i, name in ipairs(names) do boxes[i] = ("(%q, [%d, 20, 100, 100])"):format(name, 10 + 90 * i) end
  local made = mw.layout { text = "[" .. table.concat(boxes, ", ") .. "]\nBackground prompt: A wall", mode = mode }
  return mw.layout_phrases { layout = made, model = model, mode = mode }.prompt:value()
end
local bottles, flowers = { "a bottle", " a bottle", "a bottle" }, { "flowers", "flowers" }
assert(prompt_of(bottles, "strict") == "A wall with three bottles")
assert(prompt_of(bottles, "faithful") == "A wall with  a bottle, two bottles")
assert(prompt_of(flowers, "strict") == "A wall with two flowers")
assert(prompt_of(flowers, "faithful") == "A wall with two flowerss")
assert(prompt_of({ "a bottle " }, "strict") == "A wall with a bottle")
local ok, why = pcall(prompt_of, { "a bottle " }, "faithful")
assert(not ok and tostring(why):find("ends in a blank", 1, true))

local side = "A photo with a cat on the left and a dog on the right"
local judged = mw.judge { prompt = side, boxes = layout }
assert(judged:value() == true and judged.kind:value() == "spatial")
assert(table.concat(judged.queries:value(), "|") == "a photo of a cat|a photo of a dog")
local other = "A photo with a cat on the right and a dog on the left"
assert(mw.judge { prompt = other, boxes = layout }:value() == false)
assert(mw.judge { prompt = "A photo with two cats", boxes = layout }:value() == false)
assert(mw.judge { prompt = "A photo without cats", boxes = {} }:value() == true)
assert(mw.judge { prompt = "A photo with three geese" }.queries:value()[1] == "a photo of a goose")
local found = { { text = "a photo of a red car", box = { 0, 0, 5, 5 }, score = 0.5, label = 1 } }
assert(mw.judge { prompt = "A photo with a red car and a blue cup", boxes = found }:value() == false)
found[2] = { text = "a photo of a blue cup", box = { 9, 0, 5, 5 } }
assert(mw.judge { prompt = "A photo with a red car and a blue cup", boxes = found }:value() == true)
local bad_ones = {
  { prompt = "A photo" }, { prompt = side, boxes = 5 }, { prompt = side, boxes = { { box = { 1 } } } },
}
for _, bad in ipairs(bad_ones) do
  assert(not pcall(function() return mw.judge(bad):value() end))
end

local prompts = mw.benchmark_prompts {}:value()
assert(#prompts == 400 and prompts[1] == "A realistic photo of a scene without backpacks")
assert(#mw.benchmark_prompts { first = 395, count = 50 }:value() == 5)

local n = mw.negatives
assert(n.overall:find "^artifacts, blurry, .*, duplicate$" and n.object:find "duplicate, two, many, .*, collate$")

mw.output { prompts = #prompts }
