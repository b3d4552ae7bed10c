-- lmd.lua: mw.lmd: LLM-grounded diffusion (arXiv 2305.13655) from a layout.
--   mw.lmd { model = sd, layout = layout, seed = 1, steps = 50, omega = 4, lambda = 2, eta = 5 }
-- lmd_stages.lua says how; lmd_params.lua what it takes.
local mw = require "moonweave"
local stages = require "moonweave.lmd_stages"

return mw.composite {
  name = "lmd",
  doc = "LLM-grounded diffusion (arXiv 2305.13655) from a layout: objects drawn alone, then together in their boxes. "
    .. "Gives the image; latents, layout, prompt, masks, objects, noise, composed and overall by name.",
  params = require "moonweave.lmd_params", run = function(a) return stages("lmd", a) end,
}
