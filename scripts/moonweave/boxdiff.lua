-- boxdiff.lua: mw.boxdiff: BoxDiff (arXiv 2307.10816): one gradient step before each of the first steps, towards
-- attention inside the boxes, none outside, and edges where theirs are.
--   mw.boxdiff { model = sd, layout = layout, eta = 20, last_step = 25, top_p = 0.2, corner = 1, sigma = 0.5 }
local one_stage = require "moonweave.one_stage"

return function(given)
  return one_stage("boxdiff", given, { eta = 20, last_step = 25, top_p = 0.2, corner = 1, sigma = 0.5 },
    function(a, layers)
      return {
        energy = "boxdiff", decay = "progress", eta = a.eta, iterations = 1, last_step = a.last_step, threshold = -1,
        layers = a.layers or layers.level, top_p = a.top_p, corner = a.corner, sigma = a.sigma,
      }
    end)
end
