-- one_stage.lua: what the methods with one pass over a layout share: plain, backward guidance, BoxDiff.
--   one_stage { name = "boxdiff", doc = "...", params = { ... }, guide = function(a, layers) ... end }
-- is the composite that draws the layout's whole prompt; guide gives what box_attention_guide takes, or is nil; layers:
-- what attention_layers gives. The composite returns the image; .latents, .layout, .prompt and .run.
local mw = require "moonweave"
local declarations = require "moonweave.declarations"

local common = {
  "model", "layout", "prompt", "width", "height", "seed", "steps", "cfg", "form", "mode", "tile",
}

local further = {
  negative = { nil, "what not to draw, beside the layout's own", type = "text", literal = true,
    alias = "overall_negative_prompt" },
  latents = { nil, "[B,4,h,w] what the run starts with; none: the seed's noise", type = "latents" },
  layers = { nil, "cross-attentions that are guided; none: the method's", type = "list" },
}

local function draw(a, guide)
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

return function(method)
  local params = declarations.with(common, further)
  for key, declaration in pairs(method.params or {}) do params[key] = declaration end
  return mw.composite {
    name = method.name, doc = method.doc, params = params, run = function(a) return draw(a, method.guide) end,
  }
end
