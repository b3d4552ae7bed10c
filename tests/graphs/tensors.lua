-- tensors.lua: arithmetic on tensors in Lua, against the same in plain numbers.
local mw = require "moonweave"

local function near(got, want, what)
  if type(want) == "table" then
    assert(type(got) == "table" and #got == #want, what)
    for i = 1, #want do near(got[i], want[i], what) end
  else
    assert(math.abs(got - want) <= 1e-5 * math.max(1, math.abs(want)), ("%s: %g is not %g"):format(what, got, want))
  end
end
local function is(t, want, what) near(t:totable(), want, what) end

local a = mw.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
local b = mw.tensor { { 10 }, { 20 } }
assert(#a.shape == 2 and a.shape[1] == 2 and a.shape[2] == 3 and a.dtype == "f32")
assert(mw.tensor(5):item() == 5 and #mw.tensor(5).shape == 0)

is(a + b, { { 11, 12, 13 }, { 24, 25, 26 } }, "broadcast add")
is(a + 1, { { 2, 3, 4 }, { 5, 6, 7 } }, "add a number")
is(1 - a, { { 0, -1, -2 }, { -3, -4, -5 } }, "number minus tensor")
is(a - a, { { 0, 0, 0 }, { 0, 0, 0 } }, "sub")
is(a * 2 / 4, { { 0.5, 1, 1.5 }, { 2, 2.5, 3 } }, "mul, div")
is(12 / a, { { 12, 6, 4 }, { 3, 2.4, 2 } }, "number over tensor")
is(a ^ 2, { { 1, 4, 9 }, { 16, 25, 36 } }, "pow")
is(-a, { { -1, -2, -3 }, { -4, -5, -6 } }, "minus")

assert(a:sum():item() == 21 and a:mean():item() == 3.5 and a:max():item() == 6)
is(a:sum(1), { 5, 7, 9 }, "sum over rows")
is(a:sum(2), { 6, 15 }, "sum over columns")
is(a:mean(-1), { 2, 5 }, "mean, from the end")
is(a:max(2), { 3, 6 }, "max")
is(a:exp():log(), { { 1, 2, 3 }, { 4, 5, 6 } }, "exp, log")
is((a * a):sqrt(), { { 1, 2, 3 }, { 4, 5, 6 } }, "sqrt")
is((-a):abs():clamp(2, 5), { { 2, 2, 3 }, { 4, 5, 5 } }, "abs, clamp")

local e1, e2, e3 = math.exp(-2), math.exp(-1), 1
local s = e1 + e2 + e3
is(a:softmax(2), { { e1 / s, e2 / s, e3 / s }, { e1 / s, e2 / s, e3 / s } }, "softmax")
local q = 1 / (1 + math.exp(3))
is(a:softmax(1), { { q, q, q }, { 1 - q, 1 - q, 1 - q } }, "softmax over the first")

local top, at = mw.tensor { { 3, 9, 1 }, { 8, 2, 7 } }:topk(2, 2)
is(top, { { 9, 3 }, { 8, 7 } }, "topk")
is(at, { { 2, 1 }, { 1, 3 } }, "positions count from 1")
is((mw.tensor { { 3, 9 }, { 8, 2 } }:topk(1, 1)), { { 8, 9 } }, "topk over the first")

is(a:matmul(mw.tensor { { 1 }, { 0 }, { 2 } }), { { 7 }, { 16 } }, "matmul")
is(a:reshape(3, 2), { { 1, 2 }, { 3, 4 }, { 5, 6 } }, "reshape")
is(a:reshape { -1 }, { 1, 2, 3, 4, 5, 6 }, "reshape, a table")
local none = mw.tensor {}
local big = 2 ^ 32
for _, sizes in ipairs { { big, big }, { big, big, 0 }, { 0 / 0 }, { 1 / 0 }, { 0.5, 0 }, { -2, -3 }, { 1e300, 0 } } do
  assert(not pcall(none.reshape, none, sizes) and not pcall(a.reshape, a, sizes))
end
is(a:transpose(1, 2), { { 1, 4 }, { 2, 5 }, { 3, 6 } }, "transpose")

is(a[1], { 1, 2, 3 }, "a row")
is(a[-1], { 4, 5, 6 }, "the last row")
is(a[{ {}, { 2, 3 } }], { { 2, 3 }, { 5, 6 } }, "a slice")
is(a[{ {}, -1 }], { 3, 6 }, "a column")
assert(a[{ 2, 1 }]:item() == 4)

local x = mw.tensor { { { { 1 }, { 2 } }, { { 3 }, { 4 } } } }
is(x:conv2d(mw.tensor { { { { 1, 1 }, { 1, 1 } } } }), { { { { 10 } } } }, "conv2d")

local flat = mw.tensor { { { 0.5, 0.25, 1 }, { 0.5, 0.25, 1 } }, { { 0.5, 0.25, 1 }, { 0.5, 0.25, 1 } } }
is(flat:blur(1), flat:totable(), "a plain picture stays as it is, to its border")

for _, wrong in ipairs {
  function() return a + "x" end, function() return a:sum(3) end, function() return a:sum(0) end,
  function() return a[3] end, function() return a[0] end, function() return a[{ { 2, 1 } }] end,
  function() return a:item() end, function() return a:reshape(4, 2) end, function() return a:matmul(a) end,
  function() return mw.tensor { { 1 }, { 1, 2 } } end, function() return mw.tensor "x" end,
  function() return a:nothing() end, function() return a:topk(4, 2) end, function() return a:blur(0) end,
} do
  assert(not pcall(wrong))
end
local ok, why = pcall(function() return a:sum(3) end)
assert(not ok and why:find "^tests/graphs/tensors.lua:%d+: a dimension must be from 1 to 2")

-- In a node: the sharpening of the language's page.
local sharpen = mw.node { name = "sharpen", inputs = { image = "image" }, params = { amount = 0.5 },
  run = function(i, prm) return { image = i.image + (i.image - i.image:blur(1.0)) * prm.amount } end }
local edge = {}
for y = 1, 8 do edge[y] = {} for c = 1, 8 do local v = c > 4 and 0.75 or 0.25 edge[y][c] = { v, v, v } end end
local sharp = sharpen { image = mw.tensor(edge) }:value():totable()
assert(sharp[4][5][1] > 0.76 and sharp[4][4][1] < 0.24)

mw.output { mean = a:mean():item() }
