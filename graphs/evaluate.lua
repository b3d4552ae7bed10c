-- evaluate.lua: a set of prompts and layouts drawn by several methods, one picture a line of the set.
--   moonweave run graphs/evaluate.lua -p set=graphs/evaluate.tsv -o out
-- A line is: file, seed, prompt, layout as text (empty: the language model's), method, settings (name=value
-- name=value ...), separated by tabs; a picture goes to out/file.png. Methods: txt2img (the prompt alone) and those
-- that take a layout (lmd, plain, ...).
-- `make eval` draws over 200 prompts with it and reads the pictures: docs/evaluation.md.
local mw = require "moonweave"

local p = mw.params {
  model = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  llm   = { "", "language model, for layouts that are not given; empty: llm in the model's folder" },
  set   = { "graphs/evaluate.tsv", "the file of lines to draw" },
  steps = { 20, "DDIM steps", min = 1, max = 1000, integer = true },
  cfg   = { 4.0, "classifier-free guidance: how closely the prompt is followed", min = 0 },
  form  = { "{phrases}, {background}", "how prompts are put together of a layout" },
}

local function split(line)
  local fields = {}
  for field in (line .. "\t"):gmatch("([^\t]*)\t") do fields[#fields + 1] = field end
  if #fields ~= 6 then mw.fail(p.set .. ": a line has 6 fields separated by tabs, not " .. #fields .. ": " .. line) end
  return unpack(fields)
end

local model = mw.checkpoint { path = p.model }
local llm = mw.llm { path = p.llm ~= "" and p.llm or p.model .. "/llm" }

local methods = {
  txt2img = true, lmd = true, plain = true, backward_guidance = true, boxdiff = true, multidiffusion = true,
}

local function draw(seed, prompt, layout, method, settings)
  if not methods[method] then mw.fail(p.set .. ": there is no method '" .. method .. "'") end
  local given = { model = model, seed = seed, steps = p.steps, cfg = p.cfg }
  if method == "txt2img" then
    given.prompt = prompt
  else
    given.layout = layout ~= "" and mw.layout { text = layout } or mw.layout_llm { llm = llm, prompt = prompt }.layout
    given.form = method ~= "multidiffusion" and p.form or nil
  end
  for name, value in settings:gmatch("(%S+)=(%S+)") do
    given[name] = tonumber(value) or value
  end
  return mw[method](given).image
end

local drawn = 0
for line in io.lines(p.set) do
  local file, seed, prompt, layout, method, settings = split(line)
  local image = draw(tonumber(seed), prompt, layout, method, settings)
  print(mw.save_image { image = image, path = file }.path:value())
  drawn = drawn + 1
end

mw.output { drawn = drawn }
