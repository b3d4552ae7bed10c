-- seeds.lua: seeds of 64 bits as numbers, texts and literals; the noise is that of torch.Generator().manual_seed.
local mw = require "moonweave"

local function first(seed, add)
  return mw.noise { seed = seed, add = add, width = 64, height = 64 }.latents:value():reshape(256)[1]:item()
end
local function same(a, b) assert(first(a) == first(b), tostring(a) .. " and " .. tostring(b)) end

-- The lower 32 bits count (torch 2.15.0).
same("6687881544318117707", 2767775563)
same(6687881544318117707ULL, 2767775563)
same("9007199254740993", 1)
same("18446744073709551615", 4294967295)
same(18446744073709551615ULL, -1LL + 2^32)
same(-5, 4294967291)
same("-9223372036854775808", 0)
for _, five in ipairs { "5", "+005", 5ULL, 5LL } do same(five, 5) end
assert(first(5) ~= first(6) and first(5, 1) == first(6))
assert(first("9007199254740993", 4) == first(5))
-- Item 1 of a batch is that of the next seed, beyond 2^53 too.
local batch = mw.noise { seed = "9007199254740993", width = 64, height = 64, batch = 2 }.latents:value()
assert(batch:reshape(512)[257]:item() == first(2))

for _, wrong in ipairs { 2 ^ 53, 2 ^ 60, 0.5, "0x10", "1e3", " 5", "", "18446744073709551616", "-9223372036854775809",
                         "five", true } do
  local ok, message = pcall(first, wrong)
  assert(not ok and message:find("'seed' must be a whole number from -2^63 to 2^64-1", 1, true), message)
end
local ok, message = pcall(first, 1i)
assert(not ok and message:find("no whole number", 1, true), message)

-- A parameter called seed is one; bounds count.
local p = mw.params { seed = { 5, "a seed" }, low = { "9007199254740993", "a seed", type = "seed", min = 1 } }
assert(p.seed == 5 and p.low == "9007199254740993")
ok = pcall(mw.params, { third = { -3, "a seed", type = "seed", min = 0 } })
assert(not ok)

-- -1 is drawn once.
assert(first(-1) == first("-1") and first(-1) == first(-1LL))

-- A composite adds to it what its objects need.
local sd = mw.checkpoint { path = "models/miniature" }
local layout = { objects = { { phrase = "a red star", box = { 8, 8, 64, 64 } } }, background = "night sky",
                 canvas = { 128, 128 } }
local function lmd(seed, object_seed)
  return mw.lmd { model = sd, layout = layout, seed = seed, object_seed = object_seed, steps = 2, eta = 0,
                  height = 128, width = 128 }.latents:value()
end
local function differ(a, b) return (a - b):abs():max():item() end
assert(differ(lmd(7), lmd("4294967303")) == 0 and differ(lmd(7), lmd("9007199254740999")) == 0)
assert(differ(lmd(7), lmd(7, "9007199254741018")) == 0 and differ(lmd(7), lmd(7, 27)) > 0)
-- An object's own counts whatever the other seeds say.
layout.objects[1].seed = "26"
assert(mw.layout(layout):value().objects[1].seed == 26)
assert(differ(lmd(7), lmd(7, 99)) == 0)
local own = lmd(7)
layout.objects[1].seed = nil
assert(differ(own, lmd(7)) == 0 and differ(own, lmd(7, 99)) > 0) -- 7 + 19
layout.objects[1].seed = 1.5
ok, message = pcall(function() return mw.layout(layout):value() end)
assert(not ok and message:find("object 1 ('a red star'): 'seed' must be a whole number", 1, true), message)
mw.output { n = 1 }
