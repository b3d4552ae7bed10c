-- rows.lua: published completions as layouts: in faithful mode what the published code makes of each; in strict mode no
-- verdict is worse. `rows` is its record, a JSON list. The strict rows that differ, with their reason, are an output.
local mw = require "moonweave"
local p = mw.params {
  rows = { nil, "JSON list of rows", type = "path", required = true },
  model = { "models/miniature", "checkpoint with CLIP's own vocabulary" },
  mode = { "faithful", "which mode", choices = { "strict", "faithful" } },
}
local model = mw.checkpoint { path = p.model }
local faithful = p.mode == "faithful"

local function same(what, row, got, want)
  if got ~= want then mw.fail(("row %d: %s is %s, expected %s"):format(row.i, what, tostring(got), tostring(want))) end
end

-- The boxes as a text, from { phrase, box } or from { name, box }.
local function boxes_text(list)
  local boxes = {}
  for i, o in ipairs(list) do boxes[i] = (o.phrase or o[1]) .. " " .. table.concat(o.box or o[2], " ") end
  return table.concat(boxes, "; ")
end

-- What a layout asks to be drawn, against the record.
local function check_phrases(row, layout, spec)
  local f = mw.layout_phrases { layout = layout, model = model, mode = p.mode }
  same("the prompt", row, f.prompt:value(), spec.prompt)
  for i, phrase in ipairs(f.phrases:value()) do
    same("a phrase", row, phrase.phrase, spec.phrases[i])
    same("a word", row, phrase.word, spec.words[i])
    same("the tokens of " .. phrase.phrase, row, table.concat(phrase.tokens, " "), table.concat(spec.tokens[i], " "))
  end
end

-- Why strict reads other boxes than the published code does.
local function reason(row)
  for _, b in ipairs(row.raw) do
    local x, y, w, h = unpack(b[2])
    if w >= 512 and h >= 512 then return "as large as the canvas but not its background" end
    if x < 0 or y < 0 or x + w > 512 or y + h > 512 then return "sticks out" end
  end
end

local differing, passed = {}, {}
for _, row in ipairs(mw.json(p.rows)) do
  local layout = mw.layout { text = row.completion, prompt = row.prompt, mode = p.mode }
  local l, judge = layout:value(), mw.judge { prompt = row.prompt, boxes = layout, mode = p.mode }
  local got, want, ok = boxes_text(l.objects), boxes_text(row.filter_plain), judge.passed:value()
  same("the background", row, l.background, row.background)
  same("the negative prompt", row, l.negative, row.negative)
  same("the kind", row, judge.kind:value(), row.kind)
  same("the queries", row, table.concat(judge.queries:value(), "|"), table.concat(row.queries, "|"))
  passed[row.kind] = (passed[row.kind] or 0) + (ok and 1 or 0)
  if faithful then
    local scaled = mw.layout { text = row.completion, mode = p.mode, scale = true }
    same("the list of boxes", row, got, want)
    same("the list of scaled boxes", row, boxes_text(scaled:value().objects), boxes_text(row.filter_scaled))
    same("the verdict", row, ok, row.passed)
    check_phrases(row, layout, row.spec_plain)
  else
    if row.passed then same("the verdict", row, ok, true) end
    if got ~= want or ok ~= row.passed then
      differing[#differing + 1] = { row = row.i, raw = boxes_text(row.raw), published = want, strict = got,
        reason = reason(row) or mw.fail(("row %d differs for no reason: %s, published %s"):format(row.i, got, want)) }
    end
  end
end
mw.output {
  negation = passed.negation, numeracy = passed.numeracy, attribution = passed.attribution, spatial = passed.spatial,
  differing = mw.table { columns = { "row", "raw", "published", "strict", "reason" }, rows = differing },
}
