-- boxdiff.lua: mw.boxdiff: BoxDiff (arXiv 2307.10816): one gradient step before each of the first steps, towards
-- attention inside the boxes, none outside, and edges where theirs are.
--   mw.boxdiff { model = sd, layout = layout, eta = 20, last_step = 25, top_p = 0.2, corner = 1, sigma = 0.5 }
local one_stage = require "moonweave.one_stage"

local function guide(a, layers)
  return {
    energy = "boxdiff", decay = "progress", eta = a.eta, iterations = 1, last_step = a.last_step, threshold = -1,
    layers = a.layers or layers.level, top_p = a.top_p, corner = a.corner, sigma = a.sigma,
  }
end

return one_stage {
  name = "boxdiff", guide = guide,
  doc = "A layout by BoxDiff (arXiv 2307.10816). Gives the image; latents, layout, prompt and run by name.",
  params = {
    eta = { 20, "size of each step along the energy's gradient", alias = "loss_scale" },
    last_step = { 25, "how many steps are guided", integer = true, min = 0, max = 100000, literal = true,
      alias = "max_index_step" },
    top_p = { 0.2, "share of the cells that count", min = 0, max = 1 },
    corner = { 1, "cells on each side of a box's edge" },
    sigma = { 0.5, "width of the smoothing" },
  },
}
