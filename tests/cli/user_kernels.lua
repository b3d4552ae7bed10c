-- user_kernels.lua: kernels that a script brings along, run by user_kernels.sh under --trust.
local mw = require "moonweave"

local function near(a, b, bound, what)
  local off = (a - b):abs():max():item()
  assert(off <= bound, ("%s: off by %g"):format(what, off))
end

-- ---- swish with its gradient, which is a kernel too, against the engine's own ops and finite differences

local swish_grad = mw.kernel {
  name = "swish_grad", inputs = { x = "tensor", g = "tensor" }, outputs = { gx = "x" }, params = { beta = 1 },
  source = [[
    kernel void swish_grad(global const float *g, global const float *x, global float *gx, float beta, ulong n)
    {
        size_t i = get_global_id(0);
        float s = 1 / (1 + exp(-beta * x[i]));
        gx[i] = g[i] * (s + beta * x[i] * s * (1 - s));
    }]],
}
local swish = mw.kernel {
  name = "swish", inputs = { x = "tensor" }, outputs = { y = "x" },
  params = { beta = { 1, "slope", alias = "β", min = 0 } },
  source = [[
    kernel void swish(global const float *x, global float *y, float beta, ulong n)
    {
        size_t i = get_global_id(0);
        if (i < n)
            y[i] = x[i] / (1 + exp(-beta * x[i]));
    }]],
  global = function(i) return math.ceil(i.x:size() / 8) * 8 end,
  ["local"] = function() return 8 end,
  gradient = function(i, g, p) return { x = swish_grad { x = i.x, g = g.y, beta = p.beta } } end,
}
local function own(x, beta) return x / ((x * -beta):exp() + 1) end

local x = mw.tensor { { -3, -1.5, -0.2, 0 }, { 0.4, 1, 2.5, 6 }, { 1, 2, -3, 4 } }
near(swish { x = x }, own(x, 1), 1e-6, "swish")
near(swish { x = x, ["β"] = 2 }, own(x, 2), 1e-6, "swish of beta 2")
near(swish { x = x:transpose(1, 2) }, own(x, 1):transpose(1, 2), 1e-6, "a transposed view")
near(swish { x = x[2] }, own(x[2], 1), 1e-6, "a view that begins where no buffer may")
near(swish { x = x[{ {}, { 2, 3 } }] }, own(x[{ {}, { 2, 3 } }], 1), 1e-6, "a part of each row")

local weight = mw.tensor { { 0.3, -1.1, 0.8, 0.5 }, { 1.7, -0.6, 0.9, -0.2 }, { 0.4, 1.3, -0.7, 0.6 } }
local function grad_of(f)
  local leaf = x:requires_grad()
  leaf.grad = nil
  local loss = (f(leaf * 0.5) * weight):sum()
  loss:backward()
  return leaf.grad, loss:item()
end
local function by_kernel(t) return swish { x = t, beta = 1.5 } end
local got = grad_of(by_kernel)
near(got, grad_of(function(t) return own(t, 1.5) end), 2e-6, "its gradient")
local numbers, w = x:totable(), weight:totable()
local function loss_at(v, k) -- of one element, in Lua's doubles
  return k * 0.5 * v / (1 + math.exp(-1.5 * 0.5 * v))
end
for r, row in ipairs(got:totable()) do
  for c, g in ipairs(row) do
    local v, h = numbers[r][c], 1e-4
    local want = (loss_at(v + h, w[r][c]) - loss_at(v - h, w[r][c])) / (2 * h)
    assert(math.abs(g - want) < 1e-4 * math.max(1, math.abs(want)),
      ("d/dx[%d][%d] is %g, not %g"):format(r, c, g, want))
  end
end

-- As a node it gives the same numbers.
local noise = mw.noise { width = 64, height = 64 }
near(swish { x = noise, beta = 2 }:value(), swish { x = noise:value(), beta = 2 }, 0, "the node")
assert(swish { x = noise }.y:value():size() == noise:value():size())

-- ---- several outputs, shapes that a function gives, whole numbers, two dimensions, dtypes

local halves = mw.kernel {
  name = "halves", inputs = { x = "tensor" }, params = { most = { 2, "at most", integer = true }, up = true },
  outputs = { count = { shape = function(i) return { i.x.shape[1] } end, dtype = "i32" },
              y = { shape = function(i, p) return { i.x.shape[1], p.most } end, dtype = "f16" } },
  source = [[
    kernel void halves(global const float *x, global int *count, global half *y, int most, int up, ulong n)
    {
        size_t row = get_global_id(1), c = get_global_id(0), width = get_global_size(0);
        if ((int)c < most)
            vstore_half(x[row * width + c] * (up ? 2 : 0.5f), row * most + c, y);
        if (x[row * width + c] > 1)
            atomic_inc(&count[row]);
    }]],
  global = function(i) return { i.x.shape[2], i.x.shape[1] } end,
}
local two = halves { x = x, most = 3 }
assert(two.y.dtype == "f16" and two.count.dtype == "i32" and table.concat(two.y.shape, "x") == "3x3")
assert(table.concat(two.count:totable(), " ") == "0 2 2", "outputs hold zeros before")
near(two.y + 0, x[{ {}, { 1, 3 } }] * 2, 2e-2, "halves")
near(halves { x = x, up = false }.y + 0, x[{ {}, { 1, 2 } }] * 0.5, 2e-2, "a flag")
local f16 = swish { x = two.y } -- comes as float, goes back as f16
assert(f16.dtype == "f16")
near(f16 + 0, own(two.y + 0, 1), 1e-2, "f16 as float")

local wide = mw.kernel {
  name = "wide", inputs = { x = "tensor" }, outputs = { y = "x" },
  source = [[
    kernel void wide(global const half *x, global float4 *y, ulong n)
    {
        y[get_global_id(0)] = 1 + vload_half4(get_global_id(0), x);
    }]],
  global = function(i) return i.x:size() / 4 end,
}
near(wide { x = x }, x + 1, 1e-2, "f32 as half, and a vector")

-- ---- what it can't do

local function fails(f, ...)
  local ok, why = pcall(f)
  assert(not ok, "expected: " .. ...)
  for _, text in ipairs { ... } do assert(tostring(why):find(text, 1, true), why) end
end
local function kernel(source, more)
  local d = { name = "f", inputs = { x = "tensor" }, outputs = { y = "x" }, source = source }
  for key, v in pairs(more or {}) do d[key] = v end
  return mw.kernel(d)
end
local good = "kernel void f(global const float *x, global float *y, ulong n) { y[get_global_id(0)] = 1; }"
local function run(source, more) return function() return kernel(source, more) { x = x } end end
local function walk(more)
  return function() kernel(good, more) { x = x:requires_grad() }:sum():backward() end
end

fails(walk(), "the kernel 'f' was declared without gradient")
fails(walk { gradient = function() return {} end }, "must return 'x' as a tensor, got nil")
fails(walk { gradient = function() return { x = mw.tensor(1) } end }, "expected the shape of [3,4]")
fails(run "kernel void g(global const float *x, global float *y, ulong n) { }", "has no 'kernel void f(...)'")
local must = "must begin as kernel void f(global const float *x, global float *y, ulong n): "
for source, why in pairs {
  ["kernel void f(global float *x, global float *y, ulong n) { }"] = "its argument 1 is 'global float* x'",
  ["kernel void f(global const float *x, global const float *y, ulong n) { }"] = "its argument 2 is 'global const",
  ["kernel void f(constant float *x, global float *y, ulong n) { }"] = "its argument 1",
  ["kernel void f(global const uint *x, global float *y, ulong n) { }"] = "its argument 1 is 'global const uint* x'",
  ["kernel void f(global const float *z, global float *y, ulong n) { }"] = "its argument 1 is 'global const float* z'",
  ["kernel void f(global const float *x, global float *y, int n) { }"] = "its argument 3 is 'int n'",
  ["kernel void f(global const float *x, global float *y) { }"] = "it takes 2 arguments, expected 3",
} do
  fails(run(source), must, why)
end
fails(run "kernel void f(global const int *x, global float *y, ulong n) { }", "takes 'x' as i32, got [3,4] f32")
fails(run(good, { ["local"] = function() return 5 end }), "global size 12 is no multiple of the local size 5")
local function huge() return 2 ^ 22 end
fails(run(good, { global = huge, ["local"] = huge }), "local size is more than")
fails(run(good, { global = function() return "many" end }), "its global must give a whole number")
fails(run(good, { outputs = { y = "z" } }), "output 'y' must be the name of an input")
fails(run(good, { outputs = { x = "x" } }), "'x' is an output and something else")
fails(run(good, { inputs = { x = "text" } }), "input 'x' must be a tensor")
fails(run(good, { params = { n = 1 } }), "the last argument is called n")
fails(run(good, { sauce = "" }), "unknown key 'sauce'")
fails(function() kernel(good) { z = x } end, "f: has no parameter 'z'")
fails(function() kernel(good) { x = 3 } end, "f: 'x' must be a tensor, got 3")
fails(function() swish { x = x, beta = -1 } end, "swish: 'beta' must be a number of at least 0")

mw.output { done = true }
