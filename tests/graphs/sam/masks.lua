-- masks.lua: masks of Segment Anything inside mw.lmd and mw.lmd_plus against the nodes wired by hand; run by sam.sh.
local mw = require "moonweave"
local p = mw.params { plain = "", gated = "", sam = "" }
local sam = mw.sam { path = p.sam }
local layout = {
  objects = {
    { phrase = "a red circle", box = { 41, 40.5, 173, 181 } }, { phrase = "a blue star", box = { 290, 211, 211, 251 } },
  },
  background = "night sky",
}

local plain, gated = mw.checkpoint { path = p.plain }, mw.checkpoint { path = p.gated }

-- The mask of one object by the nodes alone, from its run.
local function point_of(row)  -- the first of the largest, by hand, of a smoothed map
  local best, x, y = -math.huge, 0, 0
  for j, line in ipairs(row) do
    for i, v in ipairs(line) do if v > best then best, x, y = v, i, j end end
  end
  return x, y
end

local function even(x)
  local r = math.floor(x + 0.5)
  return r - x == 0.5 and r % 2 == 1 and r - 1 or r
end

-- Of a box on a 512 canvas the whole pixels of the picture: corner and size rounded on their own.
local function whole(b, side)
  local x, y, w, h = even(b[1] * side / 512), even(b[2] * side / 512), even(b[3] * side / 512), even(b[4] * side / 512)
  local x0, y0 = math.max(x, 0), math.max(y, 0)
  return { x0, y0, math.min(x + w, side) - x0, math.min(y + h, side) - y0 }
end

local function by_hand(model, run, object, form, mode, layer)
  local image = mw.vae_decode { model = model, latents = run.latents[#run.latents] }
  local side = image:value().shape[1]
  local box = mw.box_mask { box = object.alone, like = run.latents[1] }.mask
  local ask = { model = sam, image = image, otherwise = box }
  if form == "sam_box" then
    ask.box, ask.mask = whole(object.alone, side), box
    return mw.sam_refine(ask), ask
  end
  local boxed = form == "box"
  local seen = mw.attention_mask {
    maps = run.token_maps, token = 0, layer = layer, sigma = boxed and 0.1 or 1.5, threshold = boxed and 0.05 or 0.25,
    erode_dilate = boxed and model == plain and 1 or 0, box = { 0, 0, side, side }, canvas = { side, side },
  }
  ask.mask = seen.coarse
  if boxed then
    ask.box = seen.bounds:value()
  else
    local map = seen.map:value()
    local x, y = point_of(map:totable())
    local cell, into = side / map.shape[1], mode == "faithful" and 0 or 0.5
    ask.point = { (x - 1 + into) * cell, (y - 1 + into) * cell }
  end
  return mw.sam_refine(ask), ask
end

local function differ(a, b) return (a:value() - b:value()):abs():sum():item() end
local function refused(words, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok and tostring(message):find(words, 1, true), ("no '%s' in: %s"):format(words, tostring(message)))
end

-- The gated network takes embeddings of 768 numbers, wider than the tiny text encoder's.
local function embed(phrases)
  local rows = {}
  for i, phrase in ipairs(phrases) do
    rows[i] = {}
    for k = 1, 768 do rows[i][k] = math.sin(k * #phrase) end
  end
  return mw.tensor(rows)
end

local forms = { point = {}, box = { use_box_input = true }, sam_box = { sam_box = true } }
local function draw(composite, model, form, mode, more)
  local a = {
    model = model, layout = layout, steps = 5, cfg = 4, form = "{phrases}, {background}", mask = "sam", sam = sam,
    eta = 1, max_iter = 1, max_index_step = 1, overall_max_index_step = 1, mode = mode,
  }
  if composite == mw.lmd_plus then
    a.phrase_embedding, a.n_erode_dilate_mask_for_box = embed, 0  -- its maps of noise have little but rim
    if form == "point" or form == "box" then a.sam_box = false end
  end
  for name, value in pairs(forms[form] or {}) do a[name] = value end
  for name, value in pairs(more or {}) do a[name] = value or nil end
  return composite(a)
end

local function check(composite, model, form, mode)
  local run, asked, distinct = draw(composite, model, form, mode), 0, 0
  local centre = composite == mw.lmd and "floor" or "none"
  local facts = mw.layout_phrases { layout = layout, model = model, form = "{phrases}, {background}", center = centre,
    mode = mode }.objects:value()
  local layer = mw.attention_layers { model = model }.mask:value()
  for i, object in ipairs(facts) do
    local mask, ask = by_hand(model, run.objects[i], object, form, mode, layer)
    assert(differ(run.masks[i], mask.mask) == 0, ("%s %s: object %d's mask is another"):format(form, mode, i))
    asked = asked + ((ask.box or ask.point) and 1 or 0)
    distinct = distinct + differ(mask.mask, ask.otherwise)
  end
  assert(#facts == 2 and asked == 2, form .. ": the network is not asked")
  assert(distinct > 0, form .. ": the masks are the boxes")
  assert(run.latents:value().shape[2] == 4)
  return run
end

for form in pairs(forms) do
  for _, mode in ipairs { "strict", "faithful" } do
    check(mw.lmd, plain, form, mode)
    check(mw.lmd_plus, gated, form, mode)
  end
end

-- sam alone asks for the masks by it, as a folder too; LMD+ asks by the box unless told otherwise.
local named = draw(mw.lmd, plain, "point", "strict", { mask = false, sam = p.sam })
local asked = draw(mw.lmd, plain, "point", "strict")
assert(differ(named.masks[1], asked.masks[1]) == 0)
local boxed, default = draw(mw.lmd_plus, gated, "sam_box", "strict"), draw(mw.lmd_plus, gated, "default", "strict")
assert(differ(boxed.masks[2], default.masks[2]) == 0)

-- A share of the steps that is none of them is no run without boxes.
refused("lmd_plus: beta = 0.1 of 5 steps is less than one step", draw, mw.lmd_plus, gated, "sam_box", "strict",
  { beta = 0.1 })

-- None trusted: each candidate loses alike. None doubted: none loses. Either way the largest stays.
local facts = mw.layout_phrases { layout = layout, model = plain, form = "{phrases}, {background}", center = "floor" }
local layer = mw.attention_layers { model = plain }.mask:value()
for _, least in ipairs { 1e6, -1e6 } do
  local run = draw(mw.lmd, plain, "point", "strict", {
    discourage_mask_below_confidence = least, discourage_mask_below_coarse_iou = -1,
  })
  local refined = by_hand(plain, run.objects[1], facts.objects:value()[1], "point", "strict", layer)
  local candidates, largest = refined.candidates:value(), 0
  for i = 1, candidates.shape[1] do largest = math.max(largest, candidates[i]:sum():item()) end
  assert(run.masks[1]:value():sum():item() == largest, "the largest candidate is not taken")
end

-- Attention that shows nothing (its mask is eroded away): the box.
local nothing = draw(mw.lmd, plain, "box", "strict", { mask_th_for_box = 1 })
for i, o in ipairs(facts.objects:value()) do
  local box = mw.box_mask { box = o.alone, like = nothing.noise }.mask
  assert(differ(nothing.masks[i], box) == 0, "an empty mask does not become the box")
end

refused("'mask' must be one of", draw, mw.lmd, plain, "point", "strict", { mask = "treshold" })
refused("lmd: 'sam' must be given", mw.lmd, { model = plain, layout = layout, mask = "sam" })
mw.output { image = check(mw.lmd, plain, "point", "strict").image }
