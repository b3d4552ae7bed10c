-- sampler.lua: what a sampler's name means for the loop over its steps.
--   local s = sampler(schedule, "euler", 20, ddim_eta)
-- s.step: the constructor of its step node; s.name: the sampler; s.noisy: every step draws noise; s.calls: how many
-- calls of the network there are for so many steps asked for. "auto" is what the model says, so that the schedule is
-- run for it; `check`, which runs nothing, is shown the wires of ddim.
local mw = require "moonweave"

-- The step node of a sampler is named after it; variants of the schedule share it.
local step_of = {
  ddim_trailing = "ddim", plms = "pndm", euler_karras = "euler", lms_karras = "lms", uni_pc_bh2 = "uni_pc",
}

local function is_stochastic(name)
  return name == "ddpm" or name == "euler_ancestral" or name:find("_sde") ~= nil
end

local function sampler(schedule, given, steps, ddim_eta)
  local name = mw.choice("schedule", "sampler", given)
  local s = {}
  if name == "auto" then
    local run = schedule:value { sampler = "ddim", stochastic = false, steps = steps }
    s.name, s.noisy, s.calls = run.sampler, run.stochastic, run.steps
  else
    s.name = step_of[name] or (name:find("^dpmpp_2m") and "dpmpp_2m") or name
    -- PNDM makes more calls than steps; how many, its settings say.
    s.noisy, s.calls = is_stochastic(name), s.name == "pndm" and schedule.steps:value(steps) or steps
  end
  s.noisy = s.noisy or (s.name == "ddim" and ddim_eta ~= 0)
  s.step = mw[s.name .. "_step"]
  return s
end

return sampler
