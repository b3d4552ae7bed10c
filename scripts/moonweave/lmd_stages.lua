-- lmd_stages.lua: the stages of LLM-grounded diffusion (arXiv 2305.13655) from a layout, of primitive nodes only.
--   stages("lmd", a): the picture; a: what lmd_params.lua declares.
-- Each object is drawn alone under attention guidance, several in one batch; their latents and attention are moved into
-- their boxes; then the whole picture is drawn, guided towards boxes and those maps, over the objects' latents for the
-- first steps.
-- Returns the image; .latents, .layout, .prompt, .masks, .objects (each one's run), .noise,
-- .composed and .overall (its run).
local mw = require "moonweave"
-- Gradient steps before each step and how many steps are guided: stated for 50 steps, and as much of other runs.
local iterations = { 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1 }
local function spread(steps, mode)
  if mode == "faithful" then return iterations, 30 end
  local list = {}
  for i = 0, steps - 1 do list[i + 1] = iterations[math.min(math.floor(i * 50 / steps), 20) + 1] end
  return list, math.ceil(0.6 * steps)
end

-- What box_attention_guide takes in one of the two stages, whose parameters begin with `stage`.
local function guidance(a, stage, layout)
  local max_iter, last_step = spread(a.steps, a.mode)
  return {
    layout = layout, energy = a.energy, layers = a.layers, mode = a.mode,
    omega = a[stage .. "bg_weight"] or a.omega, fg_weight = a[stage .. "fg_weight"],
    fg_top_p = a[stage .. "fg_top_p"] or a.top_p, bg_top_p = a[stage .. "bg_top_p"] or a.top_p,
    eta = a[stage .. "loss_scale"] or a.eta, threshold = a[stage .. "loss_threshold"],
    iterations = a[stage .. "max_iter"] or max_iter, last_step = a[stage .. "max_index_step"] or last_step,
    lambda = a.ref_ca_loss_weight or a.lambda,
  }
end

local function center(a)
  if not a.so_center_box then return "none" end
  if a.so_horizontal_center_only then return "horizontal" end
  return a.so_vertical_placement == "floor_padding" and "floor" or "both"
end

-- The layout's negative prompt in front of the stage's.
local function negative(a, layout, given, default)
  local own = given or (a.mode == "faithful" and default or "")
  local text = layout.negative ~= "" and own ~= "" and layout.negative .. ", " .. own or layout.negative .. own
  return mw.text_encoder { model = a.model, prompt = text, negative = true }
end

-- Segment Anything's mask of what `ask` points at (point, box, mask: a coarse one); the box's where it has none.
local function refined(a, run, box, ask)
  return mw.sam_refine {
    model = a.sam, image = mw.vae_decode { model = a.model, latents = run.latents[#run.latents], tile = a.tile },
    point = ask.point, box = ask.box, mask = ask.mask, otherwise = box.mask,
    min_confidence = a.discourage_mask_below_confidence, min_iou = a.discourage_mask_below_coarse_iou,
  }.mask
end

-- The mask of an object from its run.
local function mask_of(a, s, i, object, run)
  if type(a.mask) == "function" then return a.mask(i, run, object) end
  local sam = a.mask == "sam"
  local box = mw.box_mask { box = object.alone, canvas = s.layout.canvas, like = s.noise, mode = a.mode }
  if a.mask == "box" then return box.mask end
  if sam and a.sam_box then return refined(a, run, box, { box = box.pixels, mask = box.mask }) end
  local boxed = sam and a.use_box_input
  local attention = mw.attention_mask {
    maps = run.token_maps, token = 0, layer = s.mask_layer, like = s.noise, from_step = a.attn_aggregation_step_start,
    sigma = a.gaussian_sigma or (boxed and 0.1 or 1.5), threshold = boxed and a.mask_th_for_box or a.mask_th_for_point,
    erode_dilate = boxed and a.n_erode_dilate_mask_for_box or 0, box = s.in_pixels(object.alone), canvas = s.pixels,
    mode = a.mode,
  }
  if not sam then return attention.mask end
  return refined(a, run, box, {
    point = not boxed and attention.point or nil, box = boxed and attention.bounds or nil, mask = attention.coarse,
  })
end

-- Boxes with their phrases for the gated layers, and for how many of the steps; nothing where they see none.
local function grounding(a, s, stage, steps, objects)
  local beta = a[stage .. "gligen_scheduled_sampling_beta"] or a.beta
  if beta == 0 or #objects == 0 then return nil, 0 end
  local boxes, phrases = {}, {}
  for i, object in ipairs(objects) do boxes[i], phrases[i] = object.box, object.phrase end
  local embed = a.phrase_embedding
    or function(list) return mw.text_encoder { model = a.model, prompt = list }.pooled end
  local g = mw.grounding { model = a.model, boxes = boxes, phrases = embed(phrases), canvas = s.layout.canvas }
  g.objects:value()  -- a model without gated layers is refused here, however few steps would see the boxes
  local seen = math.floor(beta * steps)
  if seen < 1 and a.mode ~= "faithful" then
    mw.fail(("%s: beta = %g of %d steps is less than one step: the boxes would not be seen (beta = 0 says so)")
      :format(a.name, beta, steps))
  end
  return g, seen
end

-- What an object alone starts from: its noise, and how the gated layers are told of it.
local function start(a, s, i, object)
  -- Added by the node: seeds of 64 bits are no numbers of Lua.
  local own = s.layout.objects[object.place].seed
  local seed, add = a.object_seed or a.seed, (a.object_seed and 0 or 19) + i - 1
  if own then seed, add = own, 0 end
  local numbers = type(seed) == "number" and type(a.seed) == "number"
  if numbers and seed + add == a.seed or add == 0 and seed == a.seed then add = add + 12345 end
  local boxes, grounded = grounding(a, s, "so_", s.object_steps, { { box = object.alone, phrase = object.phrase } })
  local latents = mw.blend_latents {
    latents = s.noise, over = mw.noise { model = a.model, seed = seed, add = add, like = s.noise },
    box = object.alone, canvas = s.layout.canvas, ratio = a.fg_blending_ratio, mode = a.mode,
  }
  return { latents = latents, boxes = boxes, grounded = grounded }
end

-- Handles of several pictures as one; of one picture, its own.
local function batch(list) return #list > 1 and mw.batch { items = list }.batch or list[1] end

-- What is of picture i of n.
local function item(handle, n, i) return n > 1 and mw.batch_item { batch = handle, item = i }.item or handle end

-- The own part of picture i of n in what guided_sample gives.
local function own(run, n, i)
  local part = {}
  for name, list in pairs(run) do
    part[name] = {}
    for step, handle in pairs(list) do part[name][step] = item(handle, n, i) end
  end
  return part
end

-- Objects first to last, each alone, as one batch: their runs, with their words' maps.
local function draw_alone(a, s, objects, first, last)
  local latents, prompts, layouts, tokens_of, grounded, null = {}, {}, {}, {}, 0, nil
  for i = first, last do
    local object, one = objects[i], start(a, s, i, objects[i])
    latents[#latents + 1], prompts[#prompts + 1] = one.latents, object.prompt
    layouts[#layouts + 1] = {
      objects = { { phrase = object.phrase, box = object.alone } }, canvas = s.layout.canvas,
    }
    if one.boxes then
      tokens_of[#tokens_of + 1], null, grounded = one.boxes.objects, one.boxes.null, one.grounded
    end
  end
  local n, token_maps = #prompts, {}
  for k = 1, n do token_maps[k] = {} end
  local run = mw.guided_sample {
    model = a.model, schedule = s.object_schedule, steps = s.object_steps, cfg = a.cfg, capture = s.capture,
    latents = batch(latents),
    text = mw.text_encoder { model = a.model, prompt = n > 1 and prompts or prompts[1] },
    negative = negative(a, s.layout, a.so_negative_prompt, mw.negatives.object),
    grounding = null and { objects = batch(tokens_of), null = null } or nil, grounded = grounded,
    guide = guidance(a, "", n > 1 and layouts or layouts[1]),
    listen = function(step, maps)
      for k = 1, n do
        token_maps[k][step + 1] = mw.token_maps { maps = item(maps, n, k), token = objects[first + k - 1].token }.maps
      end
    end,
  }
  local runs = {}
  for k = 1, n do
    runs[k] = own(run, n, k)
    runs[k].token_maps = token_maps[k]
  end
  return runs
end

-- What follows from an object's run: its mask, and how far it must move.
local function add_place(a, s, i, object, run)
  run.mask = mask_of(a, s, i, object, run)
  run.shift = a.align_with_overall_bboxes and mw.object_shift {
    mask = run.mask, box = object.box, canvas = s.layout.canvas, horizontal_only = a.horizontal_shift_only,
    mode = a.mode,
  }.shift or nil
end

-- All objects, as many at once as memory has room for.
local function draw_objects(a, s, objects)
  local runs, masks = {}, {}
  local most = #objects > 1 and mw.guided_batch {
    model = a.model, latents = s.noise, layers = a.layers, capture = s.capture,
  }.pictures:value() or 1
  for first = 1, #objects, most do
    local last = math.min(first + most - 1, #objects)
    for k, run in ipairs(draw_alone(a, s, objects, first, last)) do runs[first + k - 1] = run end
  end
  for i, run in ipairs(runs) do
    add_place(a, s, i, objects[i], run)
    masks[i] = run.mask
  end
  return runs, masks
end

-- The objects at one step, where they belong.
local function compose(a, s, runs, step)
  local objects = {}
  for i, run in ipairs(runs) do
    objects[i] = { latents = run.latents[step + 1], mask = run.mask, shift = run.shift }
  end
  return mw.latent_compose { background = s.noise, objects = objects, step = step, mode = a.mode }
end

-- Their words' attention at one step, moved along.
local function reference(s, runs, step)
  local maps = {}
  for i, run in ipairs(runs) do
    maps[i] = mw.token_maps { maps = run.token_maps[step + 1], shift = run.shift, like = s.noise }.maps
  end
  return maps
end

-- What both stages share: the layout as a table, the start, the times, the layers to listen to. needed: steps of the
-- objects that the second stage uses.
local function shared(a, needed)
  local noise = mw.noise { model = a.model, seed = a.seed, width = a.width, height = a.height }
  local size = noise:value().shape
  local s = { layout = a.layout:value(), noise = noise, pixels = { size[4] * 8, size[3] * 8 } }
  local listen = mw.attention_layers { model = a.model }
  if mw.is_handle(a.layers) then a.layers = a.layers:value() end
  s.schedule = mw.schedule { model = a.model, steps = a.steps, sampler = "ddim" }
  s.object_schedule, s.object_steps = s.schedule, a.steps
  if a.use_fast_schedule then
    s.object_schedule, s.object_steps = mw.fast_schedule { schedule = s.schedule, after = needed, rate = a.fast_rate }
  end
  s.mask_layer = a.mask_layer or listen.mask:value()
  s.capture = { s.mask_layer }
  local known = { [s.mask_layer] = true }
  for _, name in ipairs(a.layers or listen.guided:value()) do
    if not known[name] then s.capture[#s.capture + 1], known[name] = name, true end
  end
  function s.in_pixels(b)
    local x, y = s.pixels[1] / s.layout.canvas[1], s.pixels[2] / s.layout.canvas[2]
    return { b[1] * x, b[2] * y, b[3] * x, b[4] * y }
  end
  return s
end

-- name: of the composite that took the parameters, for messages.
local function stages(name, a)
  a.name = name
  a.mask = a.mask or (a.sam and "sam" or "threshold")
  if a.mask == "sam" and a.sam == nil then mw.missing(name, "sam") end
  local kept = math.floor(a.steps * a.frozen)
  local guide = guidance(a, "overall_", a.layout)
  local transfers = a.use_ref_ca and guide.lambda ~= 0
  local s = shared(a, transfers and math.max(kept, guide.last_step) or kept)
  local facts = mw.layout_phrases {
    layout = a.layout, model = a.model, prompt = a.prompt, form = a.form, center = center(a), pad = a.so_floor_padding,
    mode = a.mode,
  }

  local objects = facts.objects:value()
  local runs, masks = draw_objects(a, s, objects)

  local boxed = {}  -- in faithful mode with their group's phrase ("two cats"), as the published code has it
  for _, group in ipairs(facts.phrases:value()) do
    for _, i in ipairs(group.objects) do
      boxed[i] = { box = objects[i].box, phrase = a.mode == "faithful" and group.phrase or objects[i].phrase }
    end
  end
  if #runs == 0 then kept, transfers, guide = 0, false, nil end
  local boxes, grounded = grounding(a, s, "overall_", a.steps, boxed)
  local composed = {}
  for step = 0, kept do composed[step] = compose(a, s, runs, step) end
  local run = mw.guided_sample {
    model = a.model, schedule = s.schedule, steps = a.steps, cfg = a.cfg, guide = guide,
    latents = (kept > 0 or transfers) and composed[0].latents or s.noise,
    text = mw.text_encoder { model = a.model, prompt = facts.prompt },
    negative = negative(a, s.layout, a.overall_negative_prompt, mw.negatives.overall),
    grounding = boxes, grounded = grounded,
    reference = transfers and function(step) return reference(s, runs, step) end or nil,
    freeze = function(step) return step < kept and composed[step + 1] or nil end,
  }
  local latents = run.latents[a.steps + 1]
  local image = mw.vae_decode { model = a.model, latents = latents, tile = a.tile }
  return mw.bundle {
    image, image = image, latents = latents, layout = a.layout, prompt = facts.prompt, masks = masks, objects = runs,
    noise = s.noise, composed = composed, overall = run,
  }
end

return stages
