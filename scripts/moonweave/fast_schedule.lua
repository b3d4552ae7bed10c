-- fast_schedule.lua: mw.fast_schedule: a DDIM schedule that leaves out steps towards its end: the first `after` stay,
-- of the rest every `rate`th. local at, steps = mw.fast_schedule { schedule = s, after = 30, rate = 2 }
-- Returns a function that gives the schedule of each step, since each goes its own way back in time, and their number.
local mw = require "moonweave"
local args = require "moonweave.args"

local function fast_schedule(given)
  local a = args("fast_schedule", given, { "schedule", "after", rate = 2 }, nil, { "schedule", "after" },
    { after = { 0, 1000, whole = true }, rate = { 1, 1000, whole = true } })
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

return fast_schedule
