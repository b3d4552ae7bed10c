-- bad_input.lua: the nodes of layout guidance given what they cannot take: each says which parameter, what it takes and
-- what came, or does what its page says; no crash, no NaN in a result.
local mw = require "moonweave"

local nan, inf = 0 / 0, 1 / 0
local sd = mw.checkpoint { path = "models/miniature" }
local box = { 40, 40, 160, 160 }
local layout = mw.layout { objects = { { phrase = "a red circle", box = box } }, background = "night sky" }
local text = mw.text_encoder { model = sd, prompt = mw.layout_phrases { layout = layout, model = sd }.prompt }
local schedule = mw.schedule { model = sd, steps = 4 }
local z = mw.noise { model = sd, seed = 3 }

-- A tensor of one value.
local function full(value, ...)
  local dims = { ... }
  local function rows(k)
    local r = {}
    for i = 1, dims[k] do r[i] = k < #dims and rows(k + 1) or value end
    return r
  end
  return mw.tensor(rows(1))
end
local ones, zeros, nans = full(1, 16, 16), full(0, 16, 16), full(nan, 1, 4, 16, 16)

local good = {
  box_attention_guide = {
    model = sd, latents = z, schedule = schedule, step = 1, embedding = text.embedding, tokens = text.tokens,
    layout = layout, iterations = 1,
  },
  attention_mask = { maps = { full(0.5, 1, 2, 16, 3) }, token = 1, box = box },
  latent_compose = { background = z, objects = { { latents = z, mask = ones } }, step = 1 },
  blend_latents = { latents = z, over = z, box = box },
  box_mask = { box = box, like = z },
  object_shift = { mask = ones, box = box },
  token_maps = { maps = { mid = full(0.5, 1, 2, 16, 3) } },
  draw_layout = { layout = layout },
  sam_refine = {
    model = mw.sam { path = "tests/golden/lmd/models/sam" }, image = full(0.5, 64, 64, 3), box = { 1, 1, 20, 20 },
  },
  layout = { objects = { { phrase = "a cat", box = box } } },
  layout_phrases = { layout = layout, model = sd },
  unet = { model = sd, latents = z, schedule = schedule, step = 1, embedding = text.embedding, cfg = 1 },
  ddim_step = { latents = z, schedule = schedule, step = 1, noise_pred = z },
  vae_decode = { model = sd, latents = z },
}
local function with(node, port, value)
  local a = {}
  for k, v in pairs(good[node]) do a[k] = v end
  if port then a[port] = value end
  return mw[node](a)
end

-- The run fails at this file's line, with the node's name and these words.
local function refused(node, port, value, words)
  local ok, message = pcall(function() return with(node, port, value):value() end)
  message = tostring(message)
  assert(not ok, ("%s: '%s' is not refused: %s"):format(node, port, words))
  assert(message:find(words, 1, true) and message:find("bad_input.lua:%d+: " .. node .. ": "),
    ("%s, '%s': no '%s' in: %s"):format(node, port, words, message))
end
for node in pairs(good) do assert(with(node):value() ~= nil) end

-- ---- numbers: NaN and infinities of any port, by its own range

local numbers = {
  box_attention_guide = {
    "omega", "lambda", "eta", "top_p", "fg_top_p", "bg_top_p", "fg_weight", "threshold", "sigma", "corner", "last_step",
    "step",
  },
  attention_mask = { "token", "from_step", "sigma", "threshold", "erode_dilate", "width", "height" },
  latent_compose = { "step" }, blend_latents = { "ratio" }, token_maps = { "token" }, layout_phrases = { "pad" },
  sam_refine = { "cell", "min_confidence", "min_iou" }, unet = { "cfg", "step" }, ddim_step = { "ddim_eta", "step" },
}
for node, ports in pairs(numbers) do
  for _, port in ipairs(ports) do
    for shown, value in pairs { NaN = nan, inf = inf, ["-inf"] = -inf } do
      refused(node, port, value, ("'%s' must be a"):format(port))
      refused(node, port, value, "got " .. shown)
    end
  end
end
for node, ports in pairs {
  box_attention_guide = { "iterations", "layers" }, attention_mask = { "canvas" }, blend_latents = { "box", "canvas" },
  box_mask = { "box", "canvas" }, object_shift = { "box", "canvas" }, token_maps = { "shift" }, layout = { "canvas" },
} do
  for _, port in ipairs(ports) do
    refused(node, port, { nan, 1, 2, 3 }, ("'%s': a number in it is NaN"):format(port))
  end
end

-- ---- boxes and canvases

for _, node in ipairs { "box_mask", "blend_latents", "object_shift" } do
  local wrong = { {}, { 1, 2, 3 }, { 1, 2, -3, 4 }, { inf, 1, 2, 3 }, { 1e300, 1e300, 1, 1 }, { "a", 1, 2, 3 } }
  for _, bad in ipairs(wrong) do
    refused(node, "box", bad, "'box' must be { x, y, width, height }")
  end
  for _, bad in ipairs { { 0, 0 }, { -512, 512 }, { 512 }, { inf, 5 }, { 1e9, 5 } } do
    refused(node, "canvas", bad, "'canvas' must be { width, height }")
  end
end
for _, node in ipairs { "box_mask", "blend_latents", "object_shift" } do
  for _, off in ipairs { { 0, 0, 0, 0 }, { 512, 0, 9, 9 }, { -50, -50, 20, 20 }, { 9000, 1, 5, 5 } } do
    refused(node, "box", off, "'box' has no area on the canvas")
  end
end
-- Strict, a box covers a cell at least; faithful as the published code, whose slices wrap around.
local function cells(b, mode) return mw.box_mask { box = b, like = z, mode = mode }.mask:value():sum():item() end
assert(cells { 500, 500, 5, 5 } == 1 and cells { 0, 200, 512, 1 } == 16 and cells { -9e8, -9e8, 1e9, 1e9 } == 256)
assert(cells({ 500, 500, 5, 5 }, "faithful") == 0 and cells({ -50, -50, 20, 20 }, "faithful") == 225)

-- ---- masks and maps

refused("object_shift", "mask", zeros, "'mask' is empty")
refused("object_shift", "mask", full(1, 4), "'mask' must be a mask [h,w]")
refused("object_shift", "mask", zeros * nan, "'mask' holds NaN")
refused("blend_latents", "mask", zeros * nan, "'mask' holds NaN")
refused("blend_latents", "mask", full(1, 3, 3), "'mask' must be [16,16]")
refused("latent_compose", "objects", { { latents = z, mask = zeros * nan } }, "'objects[1].mask' holds NaN")
refused("latent_compose", "objects", { { latents = z, mask = ones, shift = { inf, 0 } } }, "'objects[1].shift' must be")
refused("latent_compose", "objects", { { latents = z, mask = ones }, 5 }, "'objects' entry 2")
local nothing = with("latent_compose", "objects", { { latents = z, mask = zeros } })
assert(nothing.frozen:value():sum():item() == 0)
refused("attention_mask", "maps", {}, "leaves none of the 0 steps")
refused("attention_mask", "maps", { full(nan, 1, 2, 16, 3) }, "the attention maps hold")
refused("attention_mask", "maps", { full(1, 1, 2, 15, 3) }, "maps of 15 cells")
refused("attention_mask", "token", 3, "'token' must be 0 to 2")
refused("attention_mask", "box", { 9000, 1, 5, 5 }, "'box' has no area on the canvas")
assert(with("attention_mask").mask:value():sum():item() == 1, "the box in place of an empty mask")
refused("token_maps", "shift", { 0.5 }, "'shift' must be a shift")
good.token_maps.shift = { 0.5, 0 }
refused("token_maps", "maps", { mid = full(1, 1, 2, 15, 3) }, "no grid with sides of one length")
good.token_maps.like = z
refused("token_maps", "maps", { mid = full(1, 1, 2, 15, 3) }, "no grid of the latents' halves")
refused("token_maps", "token", 3, "with a column 3")
refused("token_maps", "like", full(1, 3), "'like' must be latents")

for port, values in pairs {
  box = { [{ 900, 9, 5, 5 }] = "'box' lies off the picture of 64 x 64", [{ 1, 2, 3 }] = "'box' must be { x, y" },
  point = { [{ 9, 65 }] = "lies off the picture", [{ inf, 1 }] = "'point' must be", [{}] = "'point' must be" },
  mask = { [zeros * nan] = "'mask' holds NaN", [full(1, 8)] = "'mask' must be a mask [h,w]" },
  image = { [full(nan, 8, 8, 3)] = "holds NaN", [full(1, 2, 8, 8, 3)] = "'image' must be one picture" },
} do
  for value, words in pairs(values) do refused("sam_refine", port, value, words) end
end

-- ---- layouts: captions of all kinds

for words, phrase in pairs {
  ["'phrase' must have letters"] = " \t", ["no zero byte"] = "a\0b", ["'phrase' has 10000 bytes"] = ("cat "):rep(2500),
} do
  refused("layout", "objects", { { phrase = phrase, box = box } }, words)
end
refused("layout", "objects", { { phrase = "a", box = { nan, 1, 2, 3 } } }, "'objects': a number in it is NaN")
refused("layout", "objects", { { phrase = "a", box = { 0, 1, inf, 3 } } }, "number 3 of 'box' is not finite")
refused("layout", "objects", { { phrase = "a", box = { 600, 1, 9, 9 } } }, "lies wholly off the canvas")
refused("layout", "objects", { { phrase = "a", box = { 1, 1, 0, 9 } } }, "has no area")
refused("layout", "background", "a\0b", "'background' must have no zero byte")
for _, canvas in ipairs { { 0, 0 }, { -5, 5 }, { 1e9, 5 } } do
  refused("layout", "canvas", canvas, "'canvas' must be")
end
local function phrased(phrase, background, mode)
  return mw.layout_phrases { model = sd, mode = mode, form = "{phrases}, {background}",
    layout = { objects = { { phrase = phrase, box = box } }, background = background or "sky" } }
end
for _, mode in ipairs { "strict", "faithful" } do
  local function fails(words, ...)
    local ok, message = pcall(function(...) return phrased(...).prompt:value() end, ...)
    assert(not ok and tostring(message):find(words, 1, true), tostring(message))
  end
  fails("has no tokens", "\194\160", nil, mode)     -- no-break space
  fails("has no tokens", "\227\128\128", nil, mode)  -- ideographic space
  fails("the text encoder takes 77", ("cat "):rep(1000) .. "cat", nil, mode)
  local added = mode == "strict" and "the text encoder takes 77" or "is not in the prompt"
  fails(added, "!!!", ("sky ! "):rep(20000), mode)
end
assert(not pcall(phrased, "\255\254 cat"))  -- no UTF-8
for _, phrase in ipairs { "\240\159\152\128", "<|endoftext|>", "the", "\1\2", "a red circle  " } do
  local object = phrased(phrase).objects:value()[1]
  assert(object.token >= 1 and object.token < 77)
end
assert(phrased("a red circle  ").objects:value()[1].phrase == "a red circle")
-- "!!!," would be one token: the phrase is added once more where it can be found, alone as well.
assert(phrased("!!!").prompt:value() == "!!!, sky| !!!" and phrased("!!!").objects:value()[1].prompt == "!!!, sky| !!!")

-- ---- guidance

local guide = "box_attention_guide"
refused(guide, "layers", { "up.9" }, "there is no cross-attention 'up.9'")
refused(guide, "layers", {}, "'layers' must name 1 to 256")
refused(guide, "layers", { 5 }, "'layers' must be a list of texts")
for _, value in ipairs { {}, { "x" }, { 1.5 }, -1, 1e9, inf } do
  refused(guide, "iterations", value, "'iterations' must be a whole number")
end
refused(guide, "latents", nans, "step 1: the energy of the attention is not a number")
refused(guide, "latents", z:value() * 1e38, "step 1: the energy of the attention is")
refused(guide, "embedding", text.embedding:value() * nan, "step 1: the energy of the attention is not a number")
refused(guide, "embedding", full(1, 1, 3, 128), "is not among tokens 0 to 2")
refused(guide, "embedding", full(1, 77), "'embedding' must be [1,L,D]")
refused(guide, "latents", full(1, 1, 3, 16, 16), "latents must be [B,4,h,w], got [1,3,16,16]")
refused(guide, "tokens", {}, "'tokens' must be of one prompt")
refused(guide, "state", 5, "'state' must be the output of that name")
refused(guide, "state", { energy = "low" }, "'state' must be that of the step before")
refused(guide, "reference", {}, "'reference' must have maps for each of the 1 objects")
refused(guide, "reference", { {} }, "'reference' of object 1 has no map of")
refused(guide, "grounding", 5, "'grounding' must be what the node grounding gives")
refused(guide, "step", 4, "step 4 is out of range")
local maps = {}
for _, layer in ipairs(mw.attention_layers { model = sd }.guided:value()) do
  maps[layer] = full(nan, 1, 4, layer:find "mid" and 16 or 64, 1)
end
refused(guide, "reference", { maps }, "step 1: ")
assert(with(guide, "layout", { objects = {} }).latents:value() ~= nil, "no objects, no guidance")

-- ---- hundreds of objects

local crowd, many = { objects = {} }, {}
for i = 1, 300 do
  crowd.objects[i] = { phrase = i % 2 == 0 and "a red circle" or "a star", box = { i, i % 200, 100, 100 } }
  many[i] = { latents = z, mask = i % 3 == 0 and zeros or ones, shift = { i / 300, 0 } }
end
assert(#mw.layout(crowd):value().objects == 300)
assert(mw.draw_layout { layout = crowd }:value().shape[1] == 512)
local phrases = mw.layout_phrases { layout = crowd, model = sd }.phrases:value()
assert(#phrases == 2 and #phrases[1].objects == 150)
local pile = mw.latent_compose { background = z, objects = many }
local owner, last = pile.owner:value():totable(), 0
for _, row in ipairs(owner) do last = math.max(last, unpack(row)) end
assert(last == 281 and pile.latents:value(), "those behind are shifted out")
for i = 1, 300 do crowd.objects[i].phrase = "star number " .. i end
local ok, message = pcall(function() return mw.layout_phrases { layout = crowd, model = sd }.prompt:value() end)
assert(not ok and message:find("of the prompt, but the text encoder takes 77", 1, true), message)

-- ---- on the way to a picture: the step's name

refused("ddim_step", "latents", nans, "step 1: 1024 of the 1024 numbers of its 'latents' are NaN or infinite")
local lost = text.embedding:value() * nan
refused("ddim_step", "noise_pred", with("unet", "embedding", lost).noise_pred, "step 1: 1024 of the 1024")
refused("ddim_step", "noise_pred", with("unet", "latents", nans).noise_pred, "step 1: 1024 of the 1024")
refused("vae_decode", "latents", nans, "numbers of its 'image' are NaN or infinite")
refused("draw_layout", "image", full(nan, 8, 8, 3), "NaN")
refused("unet", "capture", { "up.9" }, "there is no cross-attention 'up.9'")
for _, sampler in ipairs { "ddim", "euler", "dpmpp_2m", "uni_pc", "lms" } do
  ok, message = pcall(function()
    return mw.sample {
      model = sd, schedule = mw.schedule { model = sd, steps = 3, sampler = sampler }, sampler = sampler, calls = 3,
      latents = z, embedding = lost, cfg = 1,
    }:value()
  end)
  assert(not ok and message:find(sampler .. "_step: step 0: ", 1, true), message)
end

mw.output { refused = 1 }
