-- sample.lua: mw.sample: the loop of a sampler, one network call and one step node for each step.
--   model, schedule, latents (what the first step takes), embedding, negative, cfg; for SDXL pooled, negative_pooled;
--   sampler (as given to the schedule), first (0), calls (how many steps there are), ddim_eta (0),
--   noise(i): the handle of the unit noise that call i adds, for samplers that add some.
-- Returns the clean latents.
local mw = require "moonweave"
local args = require "moonweave.args"
local sampler = require "moonweave.sampler"

local count = { 0, 100000, whole = true }

local function sample(given)
  local a = args("sample", given, {
    "model", "schedule", "latents", "embedding", "negative", "cfg", "pooled", "negative_pooled", "calls", "noise",
    sampler = "auto", first = 0, ddim_eta = 0,
  }, { sigma = "ddim_eta", ["σ"] = "ddim_eta" }, { "model", "schedule", "latents", "embedding", "calls" },
    { first = count, calls = count, noise = "function" })
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

return sample
