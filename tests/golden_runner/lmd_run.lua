-- lmd_run.lua: whole runs of layout guided drawing as the reference cases want them.
local mw = require "moonweave"
local case = require "golden_case"

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

-- Boxes about the middle of one, in pixels { x, y, width, height }.
local function boxes_about(b, h, w)
  local list = {}
  for i, scale in ipairs(case.segmenter_route.scales) do
    local m = {}
    for y = 1, h do
      m[y] = {}
      for x = 1, w do
        local dx, dy = (x - 0.5) * 8 - b[1] - b[3] / 2, (y - 0.5) * 8 - b[2] - b[4] / 2
        m[y][x] = math.abs(dx) <= scale * b[3] / 2 and math.abs(dy) <= scale * b[4] / 2 and 1 or 0
      end
    end
    list[i] = m
  end
  return list
end

-- Does the candidate touch the middle of the coarse map's cell?
local function touches(m, y, x, factor)
  if factor == 1 then return m[y][x] > 0 end
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
  local boxed = case.segmenter_route.kind == "box"
  return mw.attention_mask {
    erode_dilate = boxed and case.n_erode_dilate_mask_for_box or 0,
    maps = run.token_maps, token = 0, layer = case.object_attn_key, from_step = case.attn_aggregation_step_start,
    sigma = case.gaussian_sigma, threshold = boxed and case.mask_th_for_box or threshold, mode = "faithful",
    like = run.latents[1], canvas = canvas,
  }
end

-- The mask of an object's run, and what was to choose from.
local function segment(run, threshold, canvas, object)
  if case.segmenter_route.kind == "object_box" then
    local size, box = run.latents[1]:value().shape, object.alone
    local coarse = mw.box_mask { box = box, canvas = canvas, like = run.latents[1] }.mask:value():totable()
    return mw.tensor(choose(boxes_about(box, size[3], size[4]), coarse, 1))
  end
  local attention = attention_of(run, threshold, canvas)
  if case.segmenter_route.kind == "threshold" then return attention.mask end
  local coarse, size = attention.coarse:value():totable(), run.latents[1]:value().shape
  local candidates = case.segmenter_route.kind == "box" and boxes_about(attention.bounds:value(), size[3], size[4])
    or discs(attention.point:value(), size[3], size[4])
  return mw.tensor(choose(candidates, coarse, size[3] / #coarse)), mw.tensor(candidates)
end

-- ---- the two stage method

local function text(prompt) return mw.text_encoder { model = sd, prompt = prompt } end

local function pick(list, first, last)
  local part = {}
  for i = first, math.min(last, #list) do part[#part + 1] = list[i] end
  return part
end

-- The last step whose latents the objects share with the whole picture; in gated runs no later ones are kept.
local function last_shared_step()
  local run = case.run
  if not run.use_fast_schedule then return run.num_inference_steps end
  local transfers = run.use_ref_ca and run.ref_ca_loss_weight ~= 0
  return transfers and math.max(case.derived.frozen_steps, run.overall_max_index_step) or case.derived.frozen_steps
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
    mask = function(_, run, object) return (segment(run, case.run.mask_th_for_point, case.canvas, object)) end,
  }
  if case.phrase_embeddings then
    given.phrase_embedding = function(phrases)
      local rows = {}
      for i, phrase in ipairs(phrases) do
        for k, known in ipairs(case.phrase_embeddings) do
          if known == phrase then rows[i] = case["phrase_embedding/" .. k - 1][1] end
        end
      end
      return mw.tensor(rows)
    end
  end
  for name, value in pairs(case.run) do given[name] = value end
  local r = (case.phrase_embeddings and mw.lmd_plus or mw.lmd)(given)
  local energies, shared = {}, last_shared_step()
  for i, run in ipairs(r.objects) do
    local kept = {}
    for _, step in ipairs(case.derived.kept_object_steps) do
      if not case.phrase_embeddings or step <= shared then kept[#kept + 1] = run.latents[step + 1] end
    end
    out["object_latents|" .. i - 1], out["mask|" .. i - 1] = kept, run.mask
    out["token_attn|" .. i - 1] = pick(run.token_maps, case.attn_aggregation_step_start + 1, #run.token_maps)
    for step = 1, case.run.max_index_step do energies[#energies + 1] = run.energies[step] end
  end
  for step = 1, case.run.overall_max_index_step do energies[#energies + 1] = r.overall.energies[step] end
  out.energies, out.image, out.final_latents = energies, r.image, r.latents
  out.overall_step = r.overall.stepped
  out.overall_after_guidance = pick(r.overall.guided, 1, case.run.overall_max_index_step)
  out.composed = {}
  for step = 0, shared do
    local list = {}
    for i, run in ipairs(r.objects) do
      list[i] = { latents = run.latents[step + 1], mask = run.mask, shift = run.shift }
    end
    local c = mw.latent_compose { background = r.noise, objects = list, step = step, mode = "faithful" }
    out.composed[step + 1], out.foreground_indices = c.latents, c.owner
  end
end

-- ---- one object, and the methods with one pass

local function schedule() return mw.schedule { model = sd, steps = case.steps, sampler = "ddim" } end
local function start() return mw.start_latents { schedule = schedule(), noise = mw.tensor(case.latents) }.latents end

local function single_object()
  local canvas = { case.image_size[2], case.image_size[1] }
  local b = case.box
  local box = { b[1] * canvas[1], b[2] * canvas[2], (b[3] - b[1]) * canvas[1], (b[4] - b[2]) * canvas[2] }
  local capture = { case.object_attn_key }
  for i, key in ipairs(case.keys) do capture[i + 1] = key end
  local times, steps = schedule(), case.steps
  if case.fast_after_steps then
    times, steps = mw.fast_schedule { schedule = times, after = case.fast_after_steps, rate = case.fast_rate }
  end
  local run = mw.guided_sample {
    model = sd, schedule = times, steps = steps, cfg = case.guidance_scale, capture = capture,
    latents = start(), text = text(case.prompt), negative = text(case.negative_prompt),
    guide = {
      layout = { objects = { { phrase = case.phrase, box = box } }, canvas = canvas }, layers = case.keys,
      mode = "faithful", eta = case.loss_scale, threshold = case.loss_threshold, iterations = case.max_iter,
      last_step = case.max_index_step, fg_top_p = case.fg_top_p, bg_top_p = case.bg_top_p,
      fg_weight = case.fg_weight, omega = case.bg_weight,
    },
  }
  run.token_maps = {}
  for i, maps in ipairs(run.maps) do
    run.token_maps[i] = mw.token_maps { maps = maps, token = case.word_token_index }.maps
  end
  for _, key in ipairs(capture) do out["saved|" .. key] = run.token_maps end
  out.token_attn = pick(run.token_maps, case.attn_aggregation_step_start + 1, #run.token_maps)
  out.mask, out.candidates = segment(run, case.mask_th_for_point, canvas)
  out.latents_all, out.guided = run.latents, pick(run.guided, 1, case.max_index_step)
  out.losses = pick(run.energies, 1, case.max_index_step)
  out.image = mw.vae_decode { model = sd, latents = run.latents[#run.latents] }
end

local function baseline()
  local objects = {}
  for i, boxes in ipairs(case.boxes) do
    for _, b in ipairs(boxes) do
      objects[#objects + 1] = { phrase = case.phrases[i],
        box = { b[1] * 1024, b[2] * 1024, (b[3] - b[1]) * 1024, (b[4] - b[2]) * 1024 } }
    end
  end
  local boxdiff = case.energy == "boxdiff"
  local r = mw[boxdiff and "boxdiff" or "backward_guidance"] {
    model = sd, layout = { objects = objects, canvas = { 1024, 1024 } }, prompt = case.prompt,
    negative = case.negative_prompt, latents = start(), steps = case.steps, cfg = case.guidance_scale,
    layers = case.keys, mode = "faithful", last_step = case.max_index_step,
    eta = boxdiff and case.latent_scale or case.loss_scale, threshold = case.loss_threshold, iterations = case.max_iter,
    top_p = case.P, corner = case.L, sigma = boxdiff and (case.smooth_attentions and case.sigma or 0) or nil,
  }
  out.latents_all, out.after_guidance = r.run.latents, pick(r.run.guided, 1, case.max_index_step)
  out.energies = pick(r.run.energies, 1, case.max_index_step)
  local words = mw.text_encoder { model = sd, prompt = r.prompt }
  out.grad_first = mw.box_attention_guide {
    model = sd, latents = start(), schedule = schedule(), step = 0, embedding = words.embedding, tokens = words.tokens,
    layout = r.layout, layers = case.keys, energy = case.energy, iterations = 1, mode = "faithful",
    top_p = case.P or 0.2, corner = case.L or 1, sigma = case.sigma or 0, threshold = -1,
  }.gradient
end

-- ---- gated layers

local function gligen()
  local boxes, objects = {}, {}
  for i, b in ipairs(case.boxes) do
    boxes[i] = { b[1] * 1024, b[2] * 1024, (b[3] - b[1]) * 1024, (b[4] - b[2]) * 1024 }
    objects[i] = { phrase = case.phrases[i], box = boxes[i] }
  end
  local canvas, times = { 1024, 1024 }, schedule()
  local function latents(i)
    return mw.start_latents { schedule = times, noise = mw.tensor(case.latents_all_in[i + 1]) }.latents
  end
  local words, no_words = text(case.prompt), text(case.negative_prompt)
  local g = mw.grounding { model = sd, boxes = boxes, phrases = mw.tensor(case.phrase_embeddings), canvas = canvas }
  local capture = { case.object_attn_key }
  for i, key in ipairs(case.keys) do capture[i + 1] = key end
  local guide = {
    layout = { objects = objects, canvas = canvas }, layers = case.keys, mode = "faithful", eta = case.loss_scale,
    threshold = case.loss_threshold, iterations = case.max_iter, last_step = case.max_index_step,
    fg_top_p = case.fg_top_p, bg_top_p = case.bg_top_p, fg_weight = case.fg_weight, omega = case.bg_weight,
  }
  local run = mw.guided_sample {
    model = sd, schedule = times, steps = case.steps, cfg = case.guidance_scale, capture = capture, guide = guide,
    latents = latents(0), text = words, negative = no_words, grounding = g.grounding,
    grounded = math.floor(case.beta * case.steps),
    freeze = function(i)
      return i < case.frozen_steps and { latents = latents(i + 1), frozen = mw.tensor(case.frozen_mask) } or nil
    end,
  }
  local maps = {}
  for i, m in ipairs(run.maps) do maps[i] = mw.token_maps { maps = m, token = case.word_token_index }.maps end
  for _, key in ipairs(capture) do out["saved|" .. key] = maps end
  out.latents_all, out.after_guidance = run.latents, pick(run.guided, 1, case.max_index_step)
  out.energies = pick(run.energies, 1, case.max_index_step)
  out.objs, out.objs_guidance = { g.null, g.objects }, g.null
  local function eps(embedding, objects_of)
    return mw.unet { model = sd, latents = latents(0), t = case.eps_timestep, cfg = 1, embedding = embedding,
      grounding = objects_of and { objects = objects_of } or nil }.noise_pred
  end
  out.eps_on = { eps(no_words.embedding, g.null), eps(words.embedding, g.objects) }
  out.eps_off = { eps(no_words.embedding), eps(words.embedding) }
  local first = { model = sd, latents = latents(0), schedule = times, step = 0, embedding = words.embedding,
    tokens = words.tokens, grounding = g.grounding }
  for name, value in pairs(guide) do first[name] = value end
  first.iterations = 1
  out.grad_first = mw.box_attention_guide(first).gradient
end

local run_of = { ["lmd.full"] = full, ["lmd.single_object"] = single_object, ["lmd.baseline"] = baseline,
  ["lmd.full_plus"] = full, ["lmd.gligen"] = gligen }
run_of[case.op]()
mw.output(out)
