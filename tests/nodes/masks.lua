-- masks.lua: from attention maps of a run to a mask, and on to Segment Anything, as a user wires them.
local mw = require "moonweave"

local sd = mw.checkpoint { path = "models/miniature" }
local sam = mw.sam { path = "tests/golden/lmd/models/sam" }
local text = mw.text_encoder { model = sd, prompt = "a red circle" }
local noise = mw.noise { model = sd, seed = 3 }
local schedule = mw.schedule { model = sd, steps = 3 }
local start = mw.start_latents { schedule = schedule, noise = noise }
local z, maps = start.latents, {}
for step = 0, 2 do
  local u = mw.unet { model = sd, latents = z, schedule = schedule, step = step, embedding = text.embedding,
                      cfg = 1, capture = { "mid" } }
  maps[step + 1] = u.maps
  z = mw.ddim_step { schedule = schedule, step = step, latents = z, noise_pred = u.noise_pred }.latents
end
local mask = mw.attention_mask { maps = maps, token = 3, from_step = 1, canvas = { 128, 128 }, width = 16, height = 16,
                                 box = { 16, 16, 32, 32 } }
local image = mw.vae_decode { model = sd, latents = z }
local refined = mw.sam_refine { model = sam, image = image, point = mask.point, mask = mask.coarse }

local point = mask.point:value()
assert(#point == 2 and point[1] >= 0 and point[1] < 128 and point[2] >= 0 and point[2] < 128)
local shape = refined.mask:value().shape
assert(#shape == 2 and shape[1] == 16 and shape[2] == 16)
assert(mask.mask:value():sum():item() > 0)
local area = refined.mask:value():sum():item()
assert(area >= 0 and area <= 256)
mw.output { confidence = refined.confidence }
