-- lmd_plus.lua: mw.lmd_plus: LLM-grounded diffusion with GLIGEN's gated layers (arXiv 2305.13655, LMD+): mw.lmd whose
-- network sees the boxes themselves for the first share of the steps, so that objects need no guidance of their own and
-- stay where they are drawn.
--   mw.lmd_plus { model = gligen, layout = layout, seed = 1, steps = 50, beta = 0.4, sam = sam }
-- beta: that share in both stages; 0: the boxes are not seen. Takes what mw.lmd takes. Returns what mw.lmd returns.
local mw = require "moonweave"

local defaults = {
  max_index_step = 0, so_center_box = false, so_horizontal_center_only = true, align_with_overall_bboxes = false,
  horizontal_shift_only = true, fg_blending_ratio = 0.1, sam_box = true, beta = 0.4,
}

local function lmd_plus(given)
  if type(given) ~= "table" then return mw.lmd(given, "lmd_plus") end
  local a = {}
  for name, value in pairs(defaults) do a[name] = value end
  if given.mode == "faithful" then a.bg_weight = 1 end  -- where objects are guided after all
  for name, value in pairs(given) do a[name] = value end
  return mw.lmd(a, "lmd_plus")
end

return lmd_plus
