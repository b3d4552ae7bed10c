# random_llm.sh: language models of every family with random weights: a folder and a GGUF file of one seed say the same, so the
# names, the order of rows, the rotation's divisors and Gemma's norms are understood in both forms.
. tests/cli/lib.bash
random=$OBJ/tests/random_llm/random_llm
families="llama llama3 llama_linear llama_yarn mistral qwen2 qwen3 gemma3"
for f in $families; do
    "$random" "$f" tiny f32 "$dir/$f" && "$random" "$f" tiny f32 "$dir/$f.gguf" || complain "$f was not written"
done
script same.lua <<END
local mw = require "moonweave"
local p = mw.params { folder = { "", "where the models are", type = "path" } }
local ids = {}
for i = 1, 40 do
  ids[i] = i * 37 % 500 + 3
end
local function logits(path)
  return mw.llm_logits { llm = mw.llm { path = p.folder .. path }, ids = ids, last = 40 }.logits:value()
end
local seen = {}
for f in ("$families"):gmatch "%S+" do
  local x, y = logits("/" .. f), logits("/" .. f .. ".gguf")
  assert(x:abs():max():item() > 1, f)
  assert((x - y):abs():max():item() < 2e-5, f .. ": " .. (x - y):abs():max():item())
  for other, z in pairs(seen) do
    assert((x - z):abs():max():item() > 0.01, f .. " is " .. other)
  end
  seen[f] = x
end
mw.output { ok = true }
END
run run "$dir/same.lua" -p folder="$dir" -o "$dir/out"
status 0

# Every type that can be read, from K types too; another seed is another model; the same seed the same file.
for type in f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs; do
    "$random" llama tiny $type "$dir/$type.gguf" || complain "$type was not written"
    run inspect "$dir/$type.gguf"
    status 0
    grep -q "16 of ${type^^}" <<<"$out" || complain "it does not hold $type"
done
"$random" llama tiny q4_k "$dir/again.gguf" && cmp "$dir/again.gguf" "$dir/q4_k.gguf" || complain "the same seed, another file"
"$random" llama tiny q4_k "$dir/again.gguf" 2 && ! cmp -s "$dir/again.gguf" "$dir/q4_k.gguf" || complain "another seed, the same file"
"$random" mistral_window tiny f32 "$dir/window.gguf" 2>"$dir/log" && complain "GGUF has no key for Mistral's window"
"$random" mistral_window tiny bf16 "$dir/window" || complain "a folder was not written"
run inspect "$dir/window"
status 0
finish
