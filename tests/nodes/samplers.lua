-- samplers.lua: the step nodes from Lua; DDIM against the paper's equations written out (Song et al. 2021, eq. 12, 16).
local mw = require "moonweave"

local function near(got, want, what)
  if math.abs(got - want) > 1e-5 * (1 + math.abs(want)) then
    error(("%s: got %g, expected %g"):format(what, got, want), 2)
  end
end

local function first(handle) return handle:value():totable()[1][1][1][1] end

local x = mw.noise { seed = 1, width = 64, height = 64 }
local e = mw.noise { seed = 2, width = 64, height = 64 }
local z = mw.noise { seed = 1, width = 64, height = 64, draw = 1 }

local schedule = mw.schedule { steps = 20 }
local s = schedule:value()
assert(s.steps == 20 and #s.timesteps == 20 and s.timesteps[1] == 951 and s.sampler == "ddim")
assert(schedule.steps:value() == 20 and schedule.timesteps:value()[2] == 901)

local step = 5
local t = s.timesteps[step + 1]
local at, ap = s.alphas_cumprod[t + 1], s.alphas_cumprod[t - 50 + 1]
for _, eta in ipairs { 0, 0.5, 1 } do
  local out = mw.ddim_step {
    schedule = schedule, step = step, latents = x, noise_pred = e, variance_noise = z, ddim_eta = eta,
  }
  local sigma = eta * math.sqrt((1 - ap) / (1 - at)) * math.sqrt(1 - at / ap)
  local picture = (first(x) - math.sqrt(1 - at) * first(e)) / math.sqrt(at)
  near(first(out.pred_original), picture, "picture")
  near(first(out.latents),
    math.sqrt(ap) * picture + math.sqrt(1 - ap - sigma ^ 2) * first(e) + sigma * first(z), "latents, eta " .. eta)
end

-- With a network that predicts no noise at all, every deterministic sampler only rescales the latents: from the scale
-- of the picture at its first time to that at its last.
local steps = {
  ddim = mw.ddim_step, euler = mw.euler_step, dpmpp_2m = mw.dpmpp_2m_step, uni_pc = mw.uni_pc_step,
  lms = mw.lms_step, pndm = mw.pndm_step,
}
local nothing = mw.start_latents { schedule = schedule, noise = x, latents = x, strength = 0 }.latents
assert(first(nothing) == first(x), "strength 0 leaves the latents as they are")
local zero = mw.tensor { { { { 0, 0 }, { 0, 0 } } } }
local one = mw.tensor { { { { 1, 2 }, { 3, 4 } } } }
for name, node in pairs(steps) do
  local plan = mw.schedule { sampler = name, steps = 8 }
  local v, latents, state = plan:value(), one, nil
  for i = 0, v.steps - 1 do
    local out = node { schedule = plan, step = i, latents = latents, noise_pred = zero, state = state }
    latents, state = out.latents, out.state
  end
  local scale = 1
  if name ~= "euler" and name ~= "lms" then
    local last = (name == "ddim" or name == "pndm") and v.alphas_cumprod[1] or 1
    local start = v.alphas_cumprod[v.timesteps[1] + 1]
    scale = math.sqrt(last / start)
  end
  near(first(latents), scale, name)
end

-- The noisy ones: with no noise either, nothing but scaling is left.
for name, node in pairs { euler_ancestral = mw.euler_ancestral_step, ddpm = mw.ddpm_step } do
  local plan = mw.schedule { sampler = name, steps = 8 }
  local v, latents = plan:value(), one
  assert(v.stochastic)
  for i = 0, v.steps - 1 do
    latents = node { schedule = plan, step = i, latents = latents, noise_pred = zero, variance_noise = zero }.latents
  end
  near(first(latents), name == "ddpm" and 1 / math.sqrt(v.alphas_cumprod[v.timesteps[1] + 1]) or 1, name)
end

mw.output { steps = schedule.steps }
