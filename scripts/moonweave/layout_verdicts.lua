-- layout_verdicts.lua: layouts judged by the benchmark of LLM-grounded Diffusion (arXiv 2305.13655, section 4): two
-- tables, of what share of each task's prompts is right, and of each layout.
--   local verdicts = require("moonweave.layout_verdicts")("strict")
--   verdicts.add(1, "two cats", mw.layout { text = answer })
--   mw.output(verdicts.tables())
local mw = require "moonweave"

local tasks = { "negation", "numeracy", "attribution", "spatial" }

-- "a cat 10 20 100 100; a dog ..."
local function boxes_of(layout)
  local boxes = {}
  for i, o in ipairs(layout.objects) do boxes[i] = o.phrase .. " " .. table.concat(o.box, " ") end
  return table.concat(boxes, "; ")
end

return function(mode)
  local self, count, rows, others = {}, {}, {}, false
  for _, task in ipairs(tasks) do count[task] = { prompts = 0, passed = 0, unreadable = 0, missing = 0 } end

  -- What the prompt asks for; "other": nothing that can be judged.
  local function task_of(prompt)
    local judge = mw.judge { prompt = prompt, mode = mode }
    local known, kind = pcall(judge.kind.value, judge.kind)
    kind = known and (kind == "numeracy_2obj" and "numeracy" or kind) or "other"
    if not count[kind] then count[kind], others = { prompts = 0, passed = 0, unreadable = 0, missing = 0 }, true end
    return kind
  end

  -- A prompt with the layout that was made for it, a handle; without one it is missing.
  function self.add(number, prompt, layout)
    local kind = task_of(prompt)
    local n = count[kind]
    if not layout then
      n.missing = n.missing + 1
      return
    end
    local row = { number = number, prompt = prompt, task = kind }
    local read, l = pcall(layout.value, layout)
    if read then
      if kind ~= "other" then row.passed = mw.judge { prompt = prompt, boxes = layout, mode = mode }.passed:value() end
      row.boxes, row.background, row.negative = boxes_of(l), l.background, l.negative
    else
      row.passed, row.reason = false, tostring(l)
    end
    n.prompts = n.prompts + 1
    n.passed = n.passed + (row.passed and 1 or 0)
    n.unreadable = n.unreadable + (row.reason and 1 or 0)
    rows[#rows + 1] = row
  end

  -- accuracy: passed of the prompts that have an answer, in percent, for each task and for all; layouts.
  function self.tables()
    local accuracy, all = {}, { prompts = 0, passed = 0, unreadable = 0, missing = 0 }
    local function line(task, n, judged)
      accuracy[#accuracy + 1] = { task = task, prompts = n.prompts, passed = judged and n.passed or nil,
        unreadable = n.unreadable, missing = n.missing,
        accuracy = judged and n.prompts > 0 and 100 * n.passed / n.prompts or nil }
    end
    for _, task in ipairs(tasks) do
      line(task, count[task], true)
      for key in pairs(all) do all[key] = all[key] + count[task][key] end
    end
    line("all", all, true)
    if others then line("other", count.other, false) end
    return {
      accuracy = mw.table {
        columns = { "task", "prompts", "passed", "accuracy", "unreadable", "missing" }, rows = accuracy },
      layouts = mw.table {
        columns = { "number", "prompt", "task", "passed", "boxes", "background", "negative", "reason" }, rows = rows },
    }
  end

  return self
end
