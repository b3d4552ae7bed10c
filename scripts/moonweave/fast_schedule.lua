-- fast_schedule.lua: mw.fast_schedule: a DDIM schedule that leaves out steps towards its end: the first `after` stay,
-- of the rest every `rate`th. local at, steps = mw.fast_schedule { schedule = s, after = 30, rate = 2 }
-- Returns a function that gives the schedule of each step, since each goes its own way back in time, and their number.
local mw = require "moonweave"

local params = {
  schedule = { nil, "a DDIM schedule", type = "any", required = true },
  after = { nil, "how many of its steps stay", type = "integer", min = 0, max = 1000, required = true, literal = true },
  rate = { 2, "of the rest every so manyth stays", integer = true, min = 1, max = 1000, literal = true },
}

local function fast_schedule(a)
  if not mw.is_handle(a.schedule) then mw.fail("fast_schedule: 'schedule' must be a handle of a schedule") end
  local whole = a.schedule:value()
  local n, times = #whole.timesteps, {}
  if a.after >= n - 1 then return function() return a.schedule end, n end
  for i = 1, a.after do times[i] = whole.timesteps[i] end
  for i = a.after + 2, n, a.rate do times[#times + 1] = whole.timesteps[i] end
  local train = #whole.alphas_cumprod
  return function(i)
    local stride = times[i + 1] - (times[i + 2] or -1)
    local s = {}
    for key, value in pairs(whole) do s[key] = value end
    s.timesteps, s.steps, s.num_inference_steps = times, #times, math.floor(train / stride)
    return s
  end, #times
end

return mw.composite {
  name = "fast_schedule",
  doc = "A DDIM schedule with fewer steps towards its end. Gives a function of the step, and how many there are.",
  params = params, run = fast_schedule,
}
