-- llm_text.lua: a language model that runs here: what the bundled one says, where it stops, what is refused.
local mw = require "moonweave"

local llm = mw.llm { path = "models/miniature/llm" }
local caption = "Caption: three red circles and a blue star on a green meadow\n"
local answer = "Objects: [('a red circle', [72, 72, 128, 128]), ('a red circle', [312, 72, 144, 144]), " ..
  "('a red circle', [72, 312, 136, 136]), ('a blue star', [312, 312, 136, 136])]\n" ..
  "Background prompt: a green meadow\nNegative prompt: \n"

-- Folder and GGUF, f32 and f16: what it was trained to say. Weights of 8 bits move one box by 8 pixels.
for path, said in pairs {
  ["models/miniature/llm"] = answer,
  ["models/miniature/llm/miniature-f16.gguf"] = answer,
  ["models/miniature/llm/miniature-q8_0.gguf"] = (answer:gsub("144, 144", "136, 136")),
} do
  for _, dtype in ipairs { "f32", "f16" } do
    local r = mw.llm_text { llm = mw.llm { path = path, dtype = dtype }, prompt = caption }
    assert(r.text:value() == said, path .. ": " .. r.text:value())
    assert(r.reason:value() == "end")
  end
end

-- A stop text ends the answer and is no part of it, also when it comes in the middle of a token.
local r = mw.llm_text { llm = llm, prompt = caption, stop = { "blue", "no such text" } }
assert(r.text:value() == answer:match "^(.-)blue", r.text:value())
assert(r.reason:value() == "stop")

-- So many tokens, and no more.
r = mw.llm_text { llm = llm, prompt = caption, max_tokens = 7 }
assert(#r.ids:value() == 7 and r.reason:value() == "length")
local seven = r.text:value()
assert(answer:sub(1, #seven) == seven)

-- Drawn: the same seed says the same, another one something else; temperature 0 draws nothing.
local function drawn(seed, more)
  local p = { llm = llm, prompt = caption, temperature = 2, seed = seed, max_tokens = 30 }
  for k, v in pairs(more or {}) do
    p[k] = v
  end
  return mw.llm_text(p).text:value()
end
assert(drawn(1, { top_p = 0.99 }) ~= drawn(2, { top_p = 0.99 }))
assert(drawn(3) == drawn(3, { min_p = 0 }))
assert(drawn(1, { top_k = 1 }) == drawn(2, { top_p = 0 }))
assert(drawn(1, { top_k = 1 }) == answer:sub(1, #drawn(1, { top_k = 1 })))
assert(mw.llm_text { llm = llm, prompt = caption, repeat_penalty = 1.5 }.text:value() ~= answer)

local function fails(p, ...)
  local ok, sentence = pcall(function()
    return mw.llm_text(p).text:value()
  end)
  assert(not ok)
  for _, part in ipairs { ... } do
    assert(sentence:find(part, 1, true), sentence)
  end
end

-- A full context ends an answer, with a warning; a prompt that leaves no room is refused.
r = mw.llm_text { llm = mw.llm { path = "models/miniature/llm", context = 20 }, prompt = caption }
assert(#r.ids:value() == 6 and r.reason:value() == "length")
fails({ llm = mw.llm { path = "models/miniature/llm", context = 15 }, prompt = caption },
  "models/miniature/llm: the prompt has 15 tokens; the context holds 15")
fails({ llm = mw.llm {}, prompt = caption }, "by 'path' or by 'endpoint', got neither")
fails({ llm = mw.llm { path = "models/miniature/vae" }, prompt = caption }, "config.json")

mw.output { text = r.text }
