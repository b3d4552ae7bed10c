-- lmd_plus.lua: mw.lmd_plus: LLM-grounded diffusion with GLIGEN's gated layers (arXiv 2305.13655, LMD+): mw.lmd whose
-- network sees the boxes themselves for the first share of the steps, so that objects need no guidance of their own and
-- stay where they are drawn.
--   mw.lmd_plus { model = gligen, layout = layout, seed = 1, steps = 50, beta = 0.4, sam = sam }
-- Takes what mw.lmd takes, and beta: that share in both stages. Returns what mw.lmd returns.
local mw = require "moonweave"

local defaults = {
  max_index_step = 0, so_center_box = false, so_horizontal_center_only = true, align_with_overall_bboxes = false,
  horizontal_shift_only = true, fg_blending_ratio = 0.1, sam_box = true,
}

local function lmd_plus(given)
  local a = {}
  for name, value in pairs(defaults) do a[name] = value end
  a.so_gligen_scheduled_sampling_beta = given.beta or 0.4
  a.overall_gligen_scheduled_sampling_beta = given.beta or 0.4
  if given.mode == "faithful" then a.bg_weight = 1 end  -- where objects are guided after all
  for name, value in pairs(given) do
    if name ~= "beta" then a[name] = value end
  end
  return mw.lmd(a)
end

return lmd_plus
