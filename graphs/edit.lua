-- edit.lua: a picture changed by instructions, over several rounds: the language model lays the prompt out, then
-- changes the layout as it is told; what stays keeps its box and its noise (LLM-grounded diffusion, arXiv 2305.13655).
--   moonweave run graphs/edit.lua -o out
--   moonweave run graphs/edit.lua -p llm=qwen2.5-7b.gguf -p model=/models/sd15 -p prompt="a cat and a dog on a lawn" \
--     -p instructions="add a red ball | move the dog to the left | make the cat black | remove the ball" -o out
-- The bundled language model is too small to understand instructions: its rounds are whole new captions.
local mw = require "moonweave"
local llm_params = require "moonweave.llm_params"

local p = mw.params(llm_params.with {
  model  = { "models/miniature", "checkpoint: a diffusers folder or a single .safetensors file" },
  prompt = { "a red circle and a white star, night sky", "what to draw first" },
  instructions = { "a red circle, a white star and a yellow moon, night sky | "
    .. "a white star and a yellow moon, night sky", "what to change, round after round, with | between them" },
  seed   = { 1, "noise seed, the same pictures on every device", integer = true },
  steps  = { 50, "DDIM steps", min = 1, max = 1000, integer = true, alias = "num_inference_steps" },
  cfg    = { 4.0, "classifier-free guidance: how closely the prompt is followed", min = 0, alias = "guidance_scale" },
  form   = { "{phrases}, {background}", "how prompts are put together; {background} with {phrases} suits SD 1.5" },
  width  = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
  height = { 0, "in pixels; 0: the model's", min = 0, max = 65536, multiple = 8 },
})

local llm = llm_params.open(p, p.model .. "/llm")
local model = mw.checkpoint { path = p.model }

-- The first layout: each object gets a seed of its own, those that mw.lmd would give it.
local layout = mw.layout_llm { llm = llm, prompt = p.prompt }.layout:value()
for i, object in ipairs(layout.objects) do object.seed = p.seed + 18 + i end

local images, boxes = {}, {}
local function draw(l)
  local image = mw.lmd {
    model = model, layout = l, seed = p.seed, steps = p.steps, cfg = p.cfg, form = p.form,
    width = p.width > 0 and p.width or nil, height = p.height > 0 and p.height or nil,
  }.image
  images[#images + 1], boxes[#boxes + 1] = image, mw.draw_layout { layout = l, image = image }
end

draw(layout)
for instruction in p.instructions:gmatch("[^|]+") do
  layout = mw.layout_llm { llm = llm, prompt = instruction, previous = layout }.layout
  draw(layout)
end
mw.output { image = images, boxes = boxes }
