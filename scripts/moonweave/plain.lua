-- plain.lua: mw.plain: the prompt of a layout drawn without regard to its boxes: what other methods are held against.
--   mw.plain { model = sd, layout = layout, seed = 1, steps = 50, cfg = 7.5 }
local one_stage = require "moonweave.one_stage"

return one_stage {
  name = "plain",
  doc = "The prompt of a layout without its boxes. Gives the image; latents, layout, prompt and run by name.",
}
