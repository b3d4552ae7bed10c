-- lmd_plus.lua: mw.lmd_plus: LLM-grounded diffusion with GLIGEN's gated layers (arXiv 2305.13655, LMD+): mw.lmd whose
-- network sees the boxes themselves for the first share of the steps, so that objects need no guidance of their own and
-- stay where they are drawn.
--   mw.lmd_plus { model = gligen, layout = layout, seed = 1, steps = 50, beta = 0.4, sam = sam }
-- Takes what mw.lmd takes, with these defaults of its own. Returns what mw.lmd returns.
local mw = require "moonweave"
local stages = require "moonweave.lmd_stages"

local defaults = {
  max_index_step = 0, so_center_box = false, so_horizontal_center_only = true, align_with_overall_bboxes = false,
  horizontal_shift_only = true, fg_blending_ratio = 0.1, sam_box = true, beta = 0.4,
}

local params = {}
for name, declaration in pairs(require "moonweave.lmd_params") do
  local own = {}
  for key, field in pairs(declaration) do own[key] = field end
  if defaults[name] ~= nil then own[1] = defaults[name] end
  params[name] = own
end

local function lmd_plus(a)
  -- Where objects are guided after all.
  if a.mode == "faithful" and a.bg_weight == nil then a.bg_weight = 1 end
  return stages("lmd_plus", a)
end

return mw.composite {
  name = "lmd_plus",
  doc = "LLM-grounded diffusion whose network sees the boxes (LMD+): for models with gated layers. "
    .. "Gives what lmd gives.",
  params = params, run = lmd_plus,
}
