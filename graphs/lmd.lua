-- lmd.lua: from a prompt to boxes, by a language model, and from boxes to a picture: each phrase in its box
-- (LLM-grounded diffusion, arXiv 2305.13655).
--   moonweave run graphs/lmd.lua -p prompt="three red circles and a white star, night sky" -o out
--   moonweave run graphs/lmd.lua -p prompt="un gato y dos perros" -p model=/models/sd15 -p llm=qwen2.5-7b.gguf -o out
--   moonweave run graphs/lmd.lua -p prompt="two cats" -p llm=http://127.0.0.1:8080/v1 -p model=/models/sd15 -o out
--   moonweave run graphs/lmd.lua -p layout=graphs/layouts/night_sky.json -p seed=3 -o out
--   moonweave run graphs/lmd.lua -p layout="[('a green moon', [300, 60, 150, 150])] Background prompt: sea" -p η=8
--   moonweave run graphs/lmd.lua -p layout=graphs/layouts/night_sky.json -p method=plain
local mw = require "moonweave"
local llm_params = require "moonweave.llm_params"

local p = mw.params(llm_params.with {
  model  = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  prompt = { "", "what to draw: the language model lays it out; with a layout: for the whole picture, and empty: its "
    .. "phrases and background; empty with neither: three red circles and a white star, night sky" },
  layout = { "", "a JSON file, or boxes as text: [('a star', [x, y, width, height]), ...] Background prompt: ...; "
    .. "empty: the language model is asked" },
  method = { "lmd", "how the boxes are kept to; lmd_plus is for models with gated layers",
    choices = { "lmd", "lmd_plus", "plain", "backward_guidance", "boxdiff", "multidiffusion" } },
  seed   = { 1, "noise seed, the same picture on every device", type = "seed" },
  steps  = { 50, "DDIM steps", min = 1, max = 1000, integer = true, alias = "num_inference_steps" },
  cfg    = { 4.0, "classifier-free guidance: how closely the prompt is followed", min = 0, alias = "guidance_scale" },
  ["ω"]  = { 4.0, "weight of attention outside the boxes", alias = "omega", min = 0 },
  ["λ"]  = { 2.0, "weight of attention transfer from the single-object pass", alias = "lambda", min = 0 },
  ["η"]  = { 5.0, "guidance strength: size of each step along the energy's gradient; 0: none", alias = "eta", min = 0 },
  frozen = { 0.5, "share of the steps in which the objects' latents are kept", min = 0, max = 1 },
  form   = { "{phrases}, {background}", "how prompts are put together; {background} with {phrases} suits SD 1.5" },
  width  = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
  height = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
})

local function asked()
  return mw.layout_llm {
    llm = llm_params.open(p, p.model .. "/llm"),
    prompt = p.prompt ~= "" and p.prompt or "three red circles and a white star, night sky",
  }.layout
end

local written = p.layout:find("%[") ~= nil
local layout = p.layout == "" and asked() or mw.layout {
  text = written and p.layout or nil, path = not written and p.layout or nil, prompt = p.prompt,
}
local given = {
  model = mw.checkpoint { path = p.model },
  layout = layout,
  seed = p.seed,
  steps = p.steps,
  cfg = p.cfg,
  width = p.width > 0 and p.width or nil,
  height = p.height > 0 and p.height or nil,
}
if p.method ~= "multidiffusion" then
  given.form, given.prompt = p.form, p.layout ~= "" and p.prompt ~= "" and p.prompt or nil
end
if p.method == "lmd" or p.method == "lmd_plus" then
  given.omega, given.lambda, given.eta, given.frozen = p["ω"], p["λ"], p["η"], p.frozen
end

local image = mw[p.method](given)
mw.output { image = image.image, boxes = mw.draw_layout { layout = layout, image = image.image } }
