-- tokens.lua: the tokens of texts, from a checkpoint, a folder and a file; what fits and what does not.
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
local function join(list) return table.concat(list, ",") end
local function read(args) return mw.tokens(args).ids:value() end

local one = mw.tokens { model = sd, text = "a red star, <|endoftext|>" }
local encoder = mw.text_encoder { model = sd, prompt = "a red star" }.tokens:value()[1]
assert(join(one.ids:value()):find("^" .. join(encoder.ids, ","):match("^%d+,(%d+,%d+,%d+)")))
assert(table.concat(one.pieces:value(), "|"):find("^a|red|star|,|<|"))
assert(one.count:value() == #one.ids:value() and one.fits:value() == one.count:value())

-- Control tokens are text unless asked for; begin and end come where asked for.
assert(join(read { model = sd, text = "a <|endoftext|>", special = true }) == "320,1331")
assert(join(read { model = sd, text = "a", add_special = true }) == "1330,320,1331")
assert(table.concat(mw.tokens { model = sd, text = "a", add_special = true }.pieces:value(), " ")
       == "<|startoftext|> a <|endoftext|>")

-- A list, nothing cut, and how much the encoder reads.
local long = ("a "):rep(100)
local many = mw.tokens { model = sd.text_encoder, text = { long, "a b", "" } }
assert(#many.ids:value() == 3 and join(many.count:value()) == "100,2,0" and join(many.fits:value()) == "75,2,0")
assert(#many.ids:value()[1] == 100)
local short = mw.tokens { model = sd.tokenizer, text = "a b c d", length = 4, add_special = true }
assert(short.count:value() == 6 and short.fits:value() == 4)

-- By path: a model's folder, a tokenizer's, a file of it.
for _, path in ipairs { "models/miniature", "models/miniature/tokenizer", "models/miniature/tokenizer/vocab.json" } do
  assert(join(read { model = path, text = "a red star" }) == join(read { model = sd, text = "a red star" }))
end
local function fails(args, says)
  local ok, message = pcall(read, args)
  assert(not ok and message:find(says, 1, true), message)
end
fails({ model = "models/miniature/model_index.json", text = "a" }, "is no tokenizer")
fails({ model = sd.unet, text = "a" }, "'model' must be a checkpoint")
fails({ model = 3, text = "a" }, "'model' must be a checkpoint")

-- Language models, by a folder, a file, a GGUF: spaces are letters, bytes stand for what the vocabulary lacks.
local spm, bpe = "tests/golden/tokenizers/spm_llama", "tests/golden/tokenizers/bbpe_llama3"
for _, path in ipairs { spm .. "/model", spm .. "/model/tokenizer.model", spm .. "/vocab.gguf" } do
  local t = mw.tokens { model = path, text = "a\t<s>", add_special = true }
  assert(table.concat(t.pieces:value(), "|") == "<s>| a|\t|<|s|>" and t.ids:value()[1] == 1)
end
for _, path in ipairs { bpe .. "/model/tokenizer.json", bpe .. "/vocab.gguf" } do
  assert(join(read { model = path, text = "a<|eot_id|>b", special = true }) == "64,804,65")
  assert(#read { model = path, text = "a<|eot_id|>b" } == 11)
  assert(join(read { model = path, text = { "a", "" }, add_special = true }[1]) == "800,64")
  local wide = mw.tokens { model = path, text = "\u{1F98A}", length = 2 }
  assert(wide.pieces:value()[1]:find("^<0xF0>") and wide.count:value() > 2 and wide.fits:value() == 2)
end
fails({ model = "tests/golden/tokenizers/spm_llama/case.json", text = "a" }, "is no tokenizer")
fails({ model = "tests/golden/tokenizers", text = "a" }, "tests/golden/tokenizers")

-- A token that a model learned counts by its vectors.
local learned = mw.textual_inversion { model = sd, path = "tests/golden/textual_inversion/webui.pt", token = "<bs>" }
local t = mw.tokens { model = learned, text = "a <bs>" }
assert(t.count:value() == 3 and table.concat(t.pieces:value(), "|") == "a|<bs>|<bs>")
local same = mw.txt2img { model = learned, prompt = "a <bs>", steps = 1, width = 64, height = 64 }.latents
local plain = mw.txt2img { model = sd, prompt = "a blue star", steps = 1, width = 64, height = 64 }.latents
assert((same:value() - plain:value()):abs():max():item() < 1e-4)
mw.output { count = t.count }
