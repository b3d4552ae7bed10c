-- declarations.lua: parameters that several composites take, declared once: with(own) gives them beside `own`.
--   params = declarations.with({ "model", "seed" }, { strength = { 0.8, "share of the steps that are made" } })
local common = {
  model = { nil, "a checkpoint, or its path", type = "checkpoint", required = true },
  layout = { nil, "a layout, or a table for mw.layout", type = "layout", required = true },
  width = { nil, "of the picture; none: the model's", type = "integer", min = 8, max = 65536, unit = "pixels" },
  height = { nil, "of the picture; none: the model's", type = "integer", min = 8, max = 65536, unit = "pixels" },
  seed = { 1, "of the noise: the same picture on every device", type = "seed", alias = "bg_seed" },
  steps = { 50, "of the sampler", integer = true, min = 1, max = 1000, literal = true,
    alias = "num_inference_steps" },
  cfg = { 7.5, "classifier-free guidance: how closely the prompt is followed; 1: without it",
    alias = "guidance_scale" },
  batch = { 1, "how many pictures", integer = true, min = 1 },
  mode = { "strict", "faithful: as the published code has it, traps included", choices = { "strict", "faithful" } },
  tile = { "auto", "whether pictures are decoded in tiles, as vae_decode takes it", type = "any" },
  sampler = { "auto", "the method; auto: the model folder's", choices = "schedule.sampler", alias = "sampler_name" },
  scheduler = { "normal", "how the noise levels are spread", choices = "schedule.scheduler", alias = "schedule" },
  ddim_eta = { 0, "share of DDPM's noise in DDIM: 0 deterministic, 1 ancestral", min = 0, alias = "sigma|σ" },
  clip_skip = { 0, "which layer of the text encoder is read: 0 the last, 1 the one before", integer = true, min = 0 },
  generator = { "torch", "of the noise", choices = "noise.generator" },
  batch_seed = { "increment", "how the pictures of a batch get their noise", choices = "noise.batch_seed" },
  form = { "{background} with {phrases}", "how the whole picture's prompt is put together" },
  prompt = { nil, "for the whole picture; none: put together from the layout", type = "text" },
}

local function with(names, own)
  local all = {}
  for _, name in ipairs(names) do all[name] = common[name] end
  for name, declaration in pairs(own) do all[name] = declaration end
  return all
end

-- A declaration with another default.
local function default(name, value)
  local copy = {}
  for key, field in pairs(common[name]) do copy[key] = field end
  copy[1] = value
  return copy
end

-- A declaration whose value must be given.
local function without_default(name)
  local copy = default(name, nil)
  copy.required, copy.type, copy.integer = true, copy.integer and "integer" or copy.type, nil
  return copy
end

return { with = with, default = default, without_default = without_default }
