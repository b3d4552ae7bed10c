-- backward_guidance.lua: mw.backward_guidance: training-free layout control (arXiv 2304.03373): before the first steps
-- latents move until the share of each phrase's attention inside its boxes is large.
--   mw.backward_guidance { model = sd, layout = layout, eta = 30, iterations = 5, last_step = 10, threshold = 0.2 }
local one_stage = require "moonweave.one_stage"

local function guide(a)
  return {
    energy = "ratio", eta = a.eta, iterations = a.iterations, last_step = a.last_step, threshold = a.threshold,
    layers = a.layers,
  }
end

return one_stage {
  name = "backward_guidance", guide = guide,
  doc = "A layout by backward guidance (arXiv 2304.03373). Gives the image; latents, layout, prompt and run by name.",
  params = {
    eta = { 30, "size of each step along the energy's gradient", alias = "loss_scale" },
    iterations = { 5, "gradient steps before each step; a list: those of each", type = "any", alias = "max_iter" },
    last_step = { 10, "how many steps are guided", integer = true, min = 0, max = 100000, literal = true,
      alias = "max_index_step" },
    threshold = { 0.2, "loss at which a step's iterations end", alias = "loss_threshold" },
  },
}
