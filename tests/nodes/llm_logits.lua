-- llm_logits.lua: logits of a text and of its tokens, of the last ones and of all, and what is refused.
local mw = require "moonweave"

local llm = mw.llm { path = "models/miniature/llm" }
local prompt = "Caption: a red star\n"
local one = mw.llm_logits { llm = llm, prompt = prompt }
local ids = one.ids:value()
assert(ids[1] == 1, "no begin token")
local l = one.logits:value()
assert(l.shape[1] == 1 and l.shape[2] == 1021)

-- The likeliest is what llm_text says first.
local _, best = l:topk(1)
assert(best[1]:item() - 1 == mw.llm_text { llm = llm, prompt = prompt, max_tokens = 1 }.ids:value()[1])

-- More than a block of tokens: the last rows of all rows, one way and the other.
local many = {}
for i = 1, 300 do
  many[i] = 3 + i * i % 1000
end
local all = mw.llm_logits { llm = llm, ids = many, last = 1000 }.logits:value()
assert(all.shape[1] == 300)
for _, n in ipairs { 1, 44, 45, 60 } do
  local last = mw.llm_logits { llm = llm, ids = many, last = n }.logits:value()
  assert(last.shape[1] == n)
  assert((last - all[{ { 301 - n, 300 }, {} }]):abs():max():item() < 1e-4)
end
local few = {}
for i = 1, 100 do
  few[i] = many[i]
end
local alone = mw.llm_logits { llm = llm, ids = few }.logits:value()
assert((alone - all[{ { 100, 100 }, {} }]):abs():max():item() < 1e-3)

local function fails(p, part)
  local ok, sentence = pcall(function()
    return mw.llm_logits(p).logits:value()
  end)
  assert(not ok and sentence:find(part, 1, true), sentence)
end
fails({ llm = llm }, "one of 'prompt' and 'ids' is expected, got neither")
fails({ llm = llm, ids = { 1.5 } }, "entry 1 of 'ids' is no whole number")
fails({ llm = llm, ids = { 1, 2000 } }, "token 2000 at position 1 is not in 0..1020")
fails({ llm = mw.llm { path = "models/miniature/llm", context = 4 }, prompt = prompt }, "the context holds 4")

mw.output { ids = #one.ids:value() }
