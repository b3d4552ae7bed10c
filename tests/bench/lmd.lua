-- lmd.lua: our side of p4.py: a whole LMD picture in faithful mode, with its final latents.
local mw = require "moonweave"

local p = mw.params {
  model     = { "models/miniature", "checkpoint" },
  layout    = { "", "a JSON file" },
  seed      = { 1, "noise seed" },
  steps     = { 50, "DDIM steps" },
  cfg       = { 7.5, "classifier-free guidance" },
  eta       = { 5.0, "guidance strength" },
  threshold = { 5.0, "guidance ends when the energy was not above it", min = -1 },
}

local picture = mw.lmd {
  model = p.model, layout = mw.layout { path = p.layout }, mode = "faithful",
  seed = p.seed, steps = p.steps, cfg = p.cfg,
  form = "{phrases}, {background}", so_negative_prompt = "", overall_negative_prompt = "",
  eta = p.eta, loss_threshold = p.threshold, overall_loss_threshold = p.threshold,
}
mw.output { image = picture.image, latents = picture.latents }
