-- composites.lua: composites called with what they do not take: each is named, with the parameter, what it takes and
-- what came, at the script's line.
local mw = require "moonweave"

local sd = mw.checkpoint { path = "models/miniature" }
local layout = mw.layout { objects = { { phrase = "a red circle", box = { 40, 40, 160, 160 } } }, background = "sky" }
local text = mw.text_encoder { model = sd, prompt = "a red circle" }
local schedule = mw.schedule { model = sd, steps = 4 }
local z = mw.noise { model = sd }

local good = {
  lmd = { model = sd, layout = layout, steps = 2 },
  lmd_plus = { model = sd, layout = layout, steps = 2 },
  plain = { model = sd, layout = layout, steps = 2 },
  backward_guidance = { model = sd, layout = layout, steps = 2 },
  boxdiff = { model = sd, layout = layout, steps = 2 },
  multidiffusion = { model = sd, layout = layout, steps = 2 },
  txt2img = { model = sd, prompt = "x", steps = 2 },
  img2img = { model = sd, prompt = "x", image = "x.png", steps = 2 },
  sample = { model = sd, schedule = schedule, latents = z, embedding = text.embedding, calls = 2, cfg = 1 },
  guided_sample = { model = sd, schedule = schedule, latents = z, text = text, negative = text, steps = 2 },
  fast_schedule = { schedule = schedule, after = 2 },
}

-- The call fails at a line of this file, with these words, and not because Lua stumbled.
local function refused(words, f, ...)
  local ok, message = pcall(f, ...)
  message = tostring(message)
  assert(not ok, "not refused: " .. words)
  assert(message:find(words, 1, true), ("no '%s' in: %s"):format(words, message))
  assert(message:find "^[^ ]*composites.lua:%d+: " and not message:find "attempt to", message)
end
local function with(name, key, value)
  local a = {}
  for k, v in pairs(good[name]) do a[k] = v end
  a[key] = value
  return mw[name](a)
end

local nan, inf = 0 / 0, 1 / 0
for name, parameters in pairs(good) do
  refused(name .. ": takes its parameters by name", mw[name])
  refused(name .. ": takes its parameters by name", mw[name], 5)
  refused(name .. ": takes its parameters by name", mw[name], z)
  refused(name .. ": has no parameter 'stpes'", with, name, "stpes", 4)
  refused(name .. ": has no parameter '1'", with, name, 1, "x")
  if parameters.steps then
    for shown, value in pairs { NaN = nan, inf = inf, ['"x"'] = "x", ["2.5"] = 2.5, ["0"] = 0, ["a list of 0"] = {} } do
      local words = ("%s: 'steps' must be a whole number from 1 to 1000, got %s"):format(name, shown)
      refused(words, with, name, "steps", value)
    end
    refused("'cfg' must be", with, name, "cfg", "x")
    refused(name .. ": 'cfg' must be a finite number, got NaN", with, name, "cfg", nan)
  end
  for key in pairs(parameters) do
    if key ~= "cfg" and key ~= "steps" then
      refused(name .. ": '" .. key .. "' must be given", function()
        local a = {}
        for k, v in pairs(parameters) do a[k] = k ~= key and v or nil end
        return mw[name](a)
      end)
    end
  end
end

for _, key in ipairs {
  "omega", "lambda", "eta", "top_p", "frozen", "seed", "object_seed", "loss_scale", "max_iter", "fg_blending_ratio",
  "overall_max_index_step", "gaussian_sigma", "so_floor_padding", "mask_th_for_point", "width", "beta", "fast_rate",
} do
  for _, value in ipairs { nan, inf, -inf } do
    refused("lmd: '" .. key .. "' must be a", with, "lmd", key, value)
    refused("lmd_plus: '" .. key .. "' must be a", with, "lmd_plus", key, value)
  end
end
for key, value in pairs {
  frozen = "half", omega = {}, so_center_box = 1, so_vertical_placement = "roof", phrase_embedding = 5,
  object_seed = -2.5, mask = "hat", beta = 1.5, fast_rate = 0, mode = "loose", energy = "cod",
} do
  refused("'" .. key .. "' must be", with, "lmd", key, value)
end
for _, key in ipairs { "eta", "threshold", "iterations", "last_step" } do
  refused("backward_guidance: '" .. key .. "' must be a", with, "backward_guidance", key, nan)
end
refused("plain: has no parameter 'loss_scale'", with, "plain", "loss_scale", 5)
refused("plain: has no parameter 'eta'", with, "plain", "eta", 5)
refused("multidiffusion: 'bootstrapping' must be a whole number", with, "multidiffusion", "bootstrapping", nan)
refused("boxdiff: 'last_step' must be a whole number", with, "boxdiff", "last_step", "x")
refused("sample: 'calls' must be a whole number", with, "sample", "calls", "x")
refused("sample: 'noise' must be a function, got a handle", with, "sample", "noise", z)
refused("sample: 'noise' must be given", with, "sample", "sampler", "euler_ancestral")
refused("'sampler' must be one of", with, "sample", "sampler", "dimm")
refused("guided_sample: 'text' must be a table, got \"a cat\"", with, "guided_sample", "text", "a cat")
refused("guided_sample: 'guide' must be a table, got 5", with, "guided_sample", "guide", 5)
refused("guided_sample: 'freeze' must be a function", with, "guided_sample", "freeze", true)
refused("fast_schedule: 'rate' must be a whole number from 1 to 1000, got 0", with, "fast_schedule", "rate", 0)
refused("fast_schedule: 'schedule' must be a handle", with, "fast_schedule", "schedule", 5)
refused("composite: 'name' must be a string", mw.one_stage, {})
refused("composite: unknown key 'param'", mw.composite, { param = {} })
refused("composite 'x': 'run' must be a function", mw.composite, { name = "x", doc = "x", params = {} })

for _, name in ipairs { "plain", "lmd", "multidiffusion" } do
  refused("'layout' must be a layout, got output 'latents' of noise", with, name, "layout", z)
  refused(name .. ": 'layout' must be a layout, got 5 (a layout, or a table for mw.layout)", with, name, "layout", 5)
end
for _, name in ipairs { "lmd", "boxdiff", "multidiffusion", "txt2img", "img2img" } do
  refused(name .. ": 'model' must be a checkpoint, got a list of 0 (a checkpoint, or its path)",
    with, name, "model", {})
end
refused("lmd: 'layers' must be a list, got \"mid\"", with, "lmd", "layers", "mid")
refused("lmd: 'so_negative_prompt' must be a string, got a list of 0", with, "lmd", "so_negative_prompt", {})

-- A script's own composite: Greek and Latin names, choices in their normal form, defaults, handles where they fit.
local own = mw.composite {
  name = "own", doc = "What it was given.", params = {
    eta = { 1, "strength", alias = "η", min = 0 }, way = { "a", "which", choices = { "a", "b" } },
    size = { 8, "side", multiple = 8, literal = true }, image = { nil, "a picture", type = "image", required = true },
    each = { nil, "each(i)", type = "function" },
  },
  run = function(a) return a end,
}
local picture = mw.vae_decode { model = sd, latents = z }
local got = own { ["η"] = 2, way = "B", image = picture, each = print }
assert(got.eta == 2 and got.way == "b" and got.size == 8 and got.image == picture and got.each == print)
refused("own: 'eta' must be a number of at least 0, got -1 (strength)", own, { image = picture, eta = -1 })
refused("own: 'eta' is given twice (as '", own, { image = picture, eta = 1, ["η"] = 2 })
refused("own: 'size' must be a whole number and a multiple of 8, got 7 (side)", own, { image = picture, size = 7 })
refused("own: 'size' must be a whole number and a multiple of 8, got a handle (its", own, { image = picture, size = z })
refused("own: 'image' must be an image, got output 'latents' of noise", own, { image = z })
refused("own: 'image' must be given", own, {})
refused("own: 'each' must be a function, got 5", own, { image = picture, each = 5 })
refused("params: 'x': there is no type 'latent'", mw.composite,
  { name = "x", doc = "x", params = { x = { nil, "x", type = "latent" } }, run = print })

-- A layout's table is read in the run's mode.
local out = { objects = { { phrase = "a star", box = { -50, 200, 200, 100 } } } }
local function box_of(mode)
  return mw.lmd { model = sd, layout = out, steps = 2, mode = mode }.layout:value().objects[1].box[1]
end
assert(box_of "strict" == 0 and box_of "faithful" == -50)

-- A guide that says nothing of its last step is guided as the node alone is.
local guided = with("guided_sample", "guide", { layout = layout, eta = 5 })
assert(#guided.energies == 2)

mw.output { steps = #guided.energies }
