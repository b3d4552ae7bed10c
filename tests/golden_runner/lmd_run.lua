-- lmd_run.lua: whole runs of layout guided drawing as the reference cases want them. `case` is the case's params.
local mw = require "moonweave"

local sd = mw.checkpoint { path = case.model, dtype = case.dtype }
local out = {}

-- ---- in place of the segmentation network: candidates about a point, and the reference's choice among them

local function discs(point, h, w)
  local list = {}
  for i, radius in ipairs(case.segmenter_route.radii) do
    local m, reach = {}, radius * h * 8
    for y = 1, h do
      m[y] = {}
      for x = 1, w do
        local dx, dy = (x - 0.5) * 8 - point[1], (y - 0.5) * 8 - point[2]
        m[y][x] = dx * dx + dy * dy <= reach * reach and 1 or 0
      end
    end
    list[i] = m
  end
  return list
end

-- Does the candidate touch the middle of the coarse map's cell?
local function touches(m, y, x, factor)
  for dy = 0, 1 do
    for dx = 0, 1 do
      if m[(y - 1) * factor + factor / 2 + dy][(x - 1) * factor + factor / 2 + dx] > 0 then return true end
    end
  end
  return false
end

local function overlap(m, coarse, factor)
  local both, any = 0, 0
  for y, row in ipairs(coarse) do
    for x, c in ipairs(row) do
      local t = touches(m, y, x, factor)
      if t and c > 0 then both = both + 1 end
      if t or c > 0 then any = any + 1 end
    end
  end
  return both / (any + 1e-6)
end

local function area(m)
  local n = 0
  for _, row in ipairs(m) do for _, v in ipairs(row) do n = n + v end end
  return n
end

local function choose(candidates, coarse, factor)
  local largest, best, chosen = 0, -math.huge, nil
  for _, m in ipairs(candidates) do largest = math.max(largest, area(m)) end
  for i, m in ipairs(candidates) do
    local score = area(m)
    if case.segmenter_route.confidences[i] < case.discourage_mask_below_confidence then score = score - largest end
    if overlap(m, coarse, factor) < case.discourage_mask_below_coarse_iou then score = score - largest end
    if score > best then best, chosen = score, m end
  end
  return chosen
end

local function attention_of(run, threshold, canvas)
  return mw.attention_mask {
    maps = run.token_maps, token = 0, layer = case.object_attn_key, from_step = case.attn_aggregation_step_start,
    sigma = case.gaussian_sigma, threshold = threshold, like = run.latents[1], canvas = canvas,
  }
end

-- The mask of an object's run, and what was to choose from.
local function segment(run, threshold, canvas)
  local attention = attention_of(run, threshold, canvas)
  if case.segmenter_route.kind == "threshold" then return attention.mask end
  local coarse, size = attention.coarse:value():totable(), run.latents[1]:value().shape
  local candidates = discs(attention.point:value(), size[3], size[4])
  return mw.tensor(choose(candidates, coarse, size[3] / #coarse)), mw.tensor(candidates)
end

-- ---- the two stage method

local function text(prompt) return mw.text_encoder { model = sd, prompt = prompt } end

local function pick(list, first, last)
  local part = {}
  for i = first, math.min(last, #list) do part[#part + 1] = list[i] end
  return part
end

local function full()
  local objects = {}
  for i, b in ipairs(case.gen_boxes) do objects[i] = { phrase = b[1], box = b[2] } end
  local layout = mw.layout {
    objects = objects, background = case.background, negative = case.extra_negative, canvas = case.canvas,
    mode = "faithful",
  }
  local given = {
    model = sd, layout = layout, mode = "faithful", cfg = case.guidance_scale, mask_layer = case.object_attn_key,
    layers = case.keys, width = case.latent_size[2] * 8, height = case.latent_size[1] * 8,
    so_negative_prompt = case.so_negative_prompt, overall_negative_prompt = case.overall_negative_prompt,
    mask = function(_, run) return (segment(run, case.run.mask_th_for_point, case.canvas)) end,
  }
  for name, value in pairs(case.run) do given[name] = value end
  local r = mw.lmd(given)
  local energies = {}
  for i, run in ipairs(r.objects) do
    local kept = {}
    for k, step in ipairs(case.derived.kept_object_steps) do kept[k] = run.latents[step + 1] end
    out["object_latents|" .. i - 1], out["mask|" .. i - 1] = kept, run.mask
    out["token_attn|" .. i - 1] = pick(run.token_maps, case.attn_aggregation_step_start + 1, #run.token_maps)
    for step = 1, case.run.max_index_step do energies[#energies + 1] = run.energies[step] end
  end
  for step = 1, case.run.overall_max_index_step do energies[#energies + 1] = r.overall.energies[step] end
  out.energies, out.image, out.final_latents = energies, r.image, r.latents
  out.overall_step = r.overall.stepped
  out.overall_after_guidance = pick(r.overall.guided, 1, case.run.overall_max_index_step)
  out.composed = {}
  for step = 0, case.run.num_inference_steps do
    local list = {}
    for i, run in ipairs(r.objects) do
      list[i] = { latents = run.latents[step + 1], mask = run.mask, shift = run.shift }
    end
    local c = mw.latent_compose { background = r.noise, objects = list, step = step, mode = "faithful" }
    out.composed[step + 1], out.foreground_indices = c.latents, c.owner
  end
end

if case.op == "lmd.full" then full() end
mw.output(out)
