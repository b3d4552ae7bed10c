-- sample.lua: mw.sample: the loop of a sampler, one network call and one step node for each step.
--   model, schedule, latents (what the first step takes), embedding, negative, cfg; for SDXL pooled, negative_pooled;
--   sampler (as given to the schedule), first (0), calls (how many steps there are), ddim_eta (0),
--   noise(i): the handle of the unit noise that call i adds, for samplers that add some.
-- Returns the clean latents.
local mw = require "moonweave"
local declarations = require "moonweave.declarations"
local sampler = require "moonweave.sampler"

local params = declarations.with({ "model", "sampler", "ddim_eta" }, {
  schedule = { nil, "the times of the run", type = "schedule", required = true },
  latents = { nil, "[B,4,h,w] what the first step takes", type = "latents", required = true },
  embedding = { nil, "states of the prompt", type = "embedding", required = true },
  negative = { nil, "states of the negative prompt; needed unless cfg is 1", type = "embedding" },
  pooled = { nil, "of the prompt, for SDXL", type = "embedding" },
  negative_pooled = { nil, "of the negative prompt, for SDXL", type = "embedding" },
  cfg = { nil, "classifier-free guidance", type = "number", alias = "guidance_scale" },
  first = { 0, "the first call, from 0", integer = true, min = 0, max = 100000, literal = true },
  calls = { nil, "how many calls there are", type = "integer", min = 0, max = 100000, required = true, literal = true },
  noise = { nil, "noise(i): the unit noise that call i adds, for samplers that add some", type = "function" },
})

local function sample(a)
  local s = sampler(a.schedule, a.sampler, a.calls, a.ddim_eta)
  if s.noisy and not a.noise then mw.missing("sample", "noise") end
  local latents, state = a.latents, nil
  for i = a.first, a.calls - 1 do
    local pred = mw.unet {
      model = a.model, latents = latents, schedule = a.schedule, step = i, cfg = a.cfg,
      embedding = a.embedding, negative = a.negative, pooled = a.pooled, negative_pooled = a.negative_pooled,
    }
    local next = s.step {
      schedule = a.schedule, step = i, latents = latents, noise_pred = pred.noise_pred, state = state,
      variance_noise = s.noisy and a.noise(i) or nil, ddim_eta = s.name == "ddim" and a.ddim_eta or nil,
    }
    latents, state = next.latents, next.state
  end
  return latents
end

return mw.composite {
  name = "sample", doc = "The loop of a sampler: a call of the network and a step for each. Gives the clean latents.",
  params = params, run = sample,
}
