-- layouts.lua: what a language model makes of prompts, before anything is drawn (LLM-grounded Diffusion, arXiv
-- 2305.13655, stage 1): a line of layouts.csv for each prompt, with the benchmark's verdict where it knows one, and
-- accuracy.csv.
--   moonweave run graphs/layouts.lua -o out                                     (the bundled model and prompts)
--   moonweave run graphs/layouts.lua -p llm=SmolLM2.gguf -p grammar=layout -p prompts=mine.txt -o out
--   moonweave run graphs/layouts.lua -p llm=http://127.0.0.1:8080/v1 -p prompts=benchmark -o out
-- `prompts` is a file with a prompt a line; "benchmark": the 400 of the paper. Answers that were made elsewhere are
-- judged by graphs/benchmark_layouts.lua.
local mw = require "moonweave"
local llm_params = require "moonweave.llm_params"

local p = mw.params(llm_params.with {
  prompts     = { "graphs/layouts/prompts.txt", "a file with a prompt a line; benchmark: the paper's", type = "path" },
  template    = { "auto", "as layout_llm takes it", type = "path" },
  grammar     = { "none", "as layout_llm takes it", choices = { "none", "layout", "layout_of_prompt" } },
  temperature = { 0, "0: the likeliest token each time", min = 0 },
  seed        = { 1, "of what is drawn", type = "seed" },
  max_tokens  = { 512, "the longest answer", min = 1, integer = true },
  retries     = { 3, "how often to ask again when an answer is no layout", min = 0, integer = true },
})

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do
    if line:find("%S") then lines[#lines + 1] = line end
  end
  return lines
end

local llm = llm_params.open(p, "models/miniature/llm")
local verdicts = require("moonweave.layout_verdicts")("strict")
for number, prompt in ipairs(p.prompts == "benchmark" and mw.benchmark_prompts {}:value() or lines_of(p.prompts)) do
  verdicts.add(number, prompt, mw.layout_llm {
    llm = llm, prompt = prompt, template = p.template, grammar = p.grammar, temperature = p.temperature, seed = p.seed,
    max_tokens = p.max_tokens, retries = p.retries,
  }.layout)
end
mw.output(verdicts.tables())
