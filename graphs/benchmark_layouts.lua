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

local tasks = { "negation", "numeracy", "attribution", "spatial" }
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

-- "a cat 10 20 100 100; a dog ..."
local function boxes_of(layout)
  local boxes = {}
  for i, o in ipairs(layout.objects) do boxes[i] = o.phrase .. " " .. table.concat(o.box, " ") end
  return table.concat(boxes, "; ")
end

local count, layouts = {}, {}
for _, task in ipairs(tasks) do count[task] = { prompts = 0, passed = 0, unreadable = 0, missing = 0 } end

-- A row of layouts.csv of the completion `text`.
local function judged(row, prompt, text)
  local layout = mw.layout { text = text, prompt = prompt, mode = p.mode }
  local read, l = pcall(layout.value, layout)
  row.passed = false
  if read then
    row.passed = mw.judge { prompt = prompt, boxes = layout, mode = p.mode }.passed:value()
    row.boxes, row.background, row.negative = boxes_of(l), l.background, l.negative
  else
    row.reason = tostring(l)
  end
  return row
end

for number, prompt in ipairs(mw.benchmark_prompts {}:value()) do
  local kind = mw.judge { prompt = prompt, mode = p.mode }.kind:value()
  local text, n = answer(prompt), count[kind]
  if text then
    local row = judged({ number = number, prompt = prompt, task = kind }, prompt, text)
    n.prompts = n.prompts + 1
    n.passed = n.passed + (row.passed and 1 or 0)
    n.unreadable = n.unreadable + (row.reason and 1 or 0)
    layouts[#layouts + 1] = row
  else
    n.missing = n.missing + 1
  end
end

local unused = 0 -- completions of other prompts, or more than the benchmark asks for
for prompt, list in pairs(answers) do
  unused = unused + math.max(0, (type(list) == "table" and #list or 1) - (used[prompt] or 0))
end

local accuracy, all = {}, { prompts = 0, passed = 0, unreadable = 0, missing = 0 }
local function add(task, n)
  accuracy[#accuracy + 1] = { task = task, prompts = n.prompts, passed = n.passed, unreadable = n.unreadable,
    missing = n.missing, accuracy = n.prompts > 0 and 100 * n.passed / n.prompts or nil }
end
for _, task in ipairs(tasks) do
  add(task, count[task])
  for key in pairs(all) do all[key] = all[key] + count[task][key] end
end
add("all", all)

mw.output {
  accuracy = mw.table {
    columns = { "task", "prompts", "passed", "accuracy", "unreadable", "missing" }, rows = accuracy },
  layouts = mw.table {
    columns = { "number", "prompt", "task", "passed", "boxes", "background", "negative", "reason" }, rows = layouts },
  unused = unused,
}
