-- one_stage.lua: what the methods with one pass over a layout share: plain, backward guidance, BoxDiff.
--   one_stage("boxdiff", given, defaults, guide): the picture of the layout's whole prompt; guide(a, layers): what
--   box_attention_guide takes, or nil. layers: what attention_layers gives.
-- Returns the image; .latents, .layout, .prompt and .run are its further parts.
local mw = require "moonweave"
local args = require "moonweave.args"
local parts = require "moonweave.parts"

local alias = {
  ["η"] = "eta", bg_seed = "seed", num_inference_steps = "steps", guidance_scale = "cfg", loss_scale = "eta",
  loss_threshold = "threshold", max_iter = "iterations", max_index_step = "last_step",
  overall_negative_prompt = "negative",
}

return function(name, given, defaults, guide)
  if type(name) ~= "string" or type(defaults) ~= "table" then
    mw.fail("one_stage: takes a method's name, what it was given, its defaults and its guide: it is what plain, "
      .. "backward_guidance and boxdiff are made of")
  end
  local known = {
    "model", "layout", "prompt", "negative", "width", "height", "latents", "layers", seed = 1, steps = 50, cfg = 7.5,
    form = "{background} with {phrases}", mode = "strict", tile = "auto",
  }
  for key, value in pairs(defaults) do
    if type(key) == "number" then known[#known + 1] = value else known[key] = value end
  end
  local a = args(name, given, known, alias, { "model", "layout" }, {
    last_step = { 0, 100000, whole = true }, negative = "string", layers = "table",
  })
  parts(name, a)
  local layout = a.layout
  local facts = mw.layout_phrases { layout = layout, model = a.model, prompt = a.prompt, form = a.form, mode = a.mode }
  local negative = layout:value().negative
  local own = a.negative or (a.mode == "faithful" and mw.negatives.overall or "")
  local guidance = guide and guide(a, mw.attention_layers { model = a.model })
  if guidance then guidance.layout, guidance.mode = layout, a.mode end
  local run = mw.guided_sample {
    model = a.model, steps = a.steps, cfg = a.cfg, guide = guidance,
    schedule = mw.schedule { model = a.model, steps = a.steps, sampler = "ddim" },
    latents = a.latents or mw.noise { model = a.model, seed = a.seed, width = a.width, height = a.height },
    text = mw.text_encoder { model = a.model, prompt = facts.prompt },
    negative = mw.text_encoder {
      model = a.model, negative = true,
      prompt = negative ~= "" and own ~= "" and negative .. ", " .. own or negative .. own,
    },
  }
  local latents = run.latents[a.steps + 1]
  local image = mw.vae_decode { model = a.model, latents = latents, tile = a.tile }
  return mw.bundle { image, image = image, latents = latents, layout = layout, prompt = facts.prompt, run = run }
end
