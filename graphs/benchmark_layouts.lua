-- benchmark_layouts.lua: how well a language model lays out: its completions judged by the benchmark of LLM-grounded
-- Diffusion (arXiv 2305.13655, section 4), stage 1, before anything is drawn.
--   moonweave run graphs/benchmark_layouts.lua -p completions=answers.json -o out
-- The file is JSON: { "prompt": ["completion", ...], ... }; a prompt that the benchmark has more than once takes one
-- completion after the other. out/accuracy.csv is the paper's table; out/layouts.csv tells of each completion which
-- boxes were read, whether they show the prompt, and why it could not be read. -p mode=faithful reads and judges as
-- the published code does (docs/layouts.md).
local mw = require "moonweave"

local p = mw.params {
  completions = { "graphs/layouts/completions.json", 'JSON: { "prompt": ["completion", ...], ... }', type = "path" },
  mode = { "strict", "strict understands what chat models write; faithful does as the published code",
    choices = { "strict", "faithful" } },
}

local answers = mw.json(p.completions)
local used = {} -- how many completions of a prompt were taken

local function refuse(prompt, why) mw.fail(("%s: '%s' %s"):format(p.completions, prompt, why)) end

-- The next completion of a prompt; nil: there is none.
local function answer(prompt)
  local list = answers[prompt]
  if type(list) == "string" then list = { list } end
  if list ~= nil and type(list) ~= "table" then refuse(prompt, "must have a list of texts") end
  used[prompt] = (used[prompt] or 0) + 1
  local text = list and list[used[prompt]]
  if text ~= nil and type(text) ~= "string" then refuse(prompt, "has a completion that is no text") end
  return text
end

local verdicts = require("moonweave.layout_verdicts")(p.mode)
for number, prompt in ipairs(mw.benchmark_prompts {}:value()) do
  local text = answer(prompt)
  verdicts.add(number, prompt, text and mw.layout { text = text, prompt = prompt, mode = p.mode })
end

local unused = 0 -- completions of other prompts, or more than the benchmark asks for
for prompt, list in pairs(answers) do
  unused = unused + math.max(0, (type(list) == "table" and #list or 1) - (used[prompt] or 0))
end

local tables = verdicts.tables()
mw.output { accuracy = tables.accuracy, layouts = tables.layouts, unused = unused }
