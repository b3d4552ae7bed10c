-- backward_guidance.lua: mw.backward_guidance: training-free layout control (arXiv 2304.03373): before the first steps
-- latents move until the share of each phrase's attention inside its boxes is large.
--   mw.backward_guidance { model = sd, layout = layout, eta = 30, iterations = 5, last_step = 10, threshold = 0.2 }
local one_stage = require "moonweave.one_stage"

return function(given)
  return one_stage("backward_guidance", given, { eta = 30, "iterations", last_step = 10, threshold = 0.2 },
    function(a)
      return {
        energy = "ratio", eta = a.eta, iterations = a.iterations or 5, last_step = a.last_step, threshold = a.threshold,
        layers = a.layers,
      }
    end)
end
