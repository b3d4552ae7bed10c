-- gradients.lua: gradients from Lua against finite differences of the same functions in Lua's doubles.
local mw = require "moonweave"

local function flat(t, into)
  if type(t) ~= "table" then into[#into + 1] = t else for _, v in ipairs(t) do flat(v, into) end end
  return into
end

-- x: 2 x 3 numbers (positive: logarithms and roots are among the functions). `engine` of the tensor, `plain` of
-- the numbers x[1..6]; weights make every element count differently.
local numbers = { 0.7, 1.9, 0.4, 1.2, 0.9, 2.3 }
local weight = { 0.3, -1.1, 0.8, 0.5, 1.7, -0.6, 0.9, -0.2, 0.4, 1.3, -0.7, 0.6 }
local function tensor(x) return mw.tensor { { x[1], x[2], x[3] }, { x[4], x[5], x[6] } } end

local function weighed(t)
  local n = 1
  for _, size in ipairs(t.shape) do n = n * size end
  local w = {}
  for i = 1, n do w[i] = weight[i] end
  return (t:reshape(-1) * mw.tensor(w)):sum()
end

local function check(name, engine, plain)
  local x = tensor(numbers):requires_grad()
  local loss = weighed(engine(x))
  loss:backward()
  local got = flat(x.grad:totable(), {})
  local function value(v)
    local sum = 0
    for i, y in ipairs(plain(v)) do sum = sum + y * weight[i] end
    return sum
  end
  local at = value(numbers)
  assert(math.abs(loss:item() - at) < 1e-4 * math.max(1, math.abs(at)), name .. ": the value")
  for i = 1, #numbers do
    local up, down, h = { unpack(numbers) }, { unpack(numbers) }, 1e-4
    up[i], down[i] = up[i] + h, down[i] - h
    local want = (value(up) - value(down)) / (2 * h)
    assert(math.abs(got[i] - want) <= 2e-4 * math.max(1, math.abs(want)),
      ("%s: d/dx[%d] is %g, not %g"):format(name, i, got[i], want))
  end
end

local function each(f)
  return function(x) local y = {} for i = 1, 6 do y[i] = f(x[i]) end return y end
end
local function rows(f) -- y = f(row), lists joined
  return function(x)
    local y = {}
    for r = 0, 1 do for _, v in ipairs(f({ x[3 * r + 1], x[3 * r + 2], x[3 * r + 3] }, r + 1)) do y[#y + 1] = v end end
    return y
  end
end
local function normalised(r, eps, center)
  local mean = center and (r[1] + r[2] + r[3]) / 3 or 0
  local var = ((r[1] - mean) ^ 2 + (r[2] - mean) ^ 2 + (r[3] - mean) ^ 2) / 3
  local y = {}
  for i = 1, 3 do y[i] = (r[i] - mean) / math.sqrt(var + eps) end
  return y
end

check("arithmetic", function(x) return (2 - x) * x / (x + 1) - 3 / x + -x * 0.5 end,
  each(function(v) return (2 - v) * v / (v + 1) - 3 / v - v * 0.5 end))
check("power", function(x) return x ^ 3 end, each(function(v) return v ^ 3 end))
check("abs, exp, log, sqrt", function(x) return (x - 1):abs():exp() + x:log() * x:sqrt() end,
  each(function(v) return math.exp(math.abs(v - 1)) + math.log(v) * math.sqrt(v) end))
check("clamp", function(x) return x:clamp(0.5, 1.5) end,
  each(function(v) return math.min(math.max(v, 0.5), 1.5) end))
check("broadcast", function(x) return x * x:sum(1) + x[1] end, function(x)
  local y = {}
  for i = 1, 6 do local c = (i - 1) % 3 + 1 y[i] = x[i] * (x[c] + x[c + 3]) + x[c] end
  return y
end)
check("sum, mean", function(x) return x:sum(2) * x:mean() end,
  function(x)
    local mean = 0
    for i = 1, 6 do mean = mean + x[i] / 6 end
    return { (x[1] + x[2] + x[3]) * mean, (x[4] + x[5] + x[6]) * mean }
  end)
check("max", function(x) return x:max(2) * x:max() end, function(x)
  return { math.max(x[1], x[2], x[3]) * math.max(unpack(x)), math.max(x[4], x[5], x[6]) * math.max(unpack(x)) }
end)
check("topk", function(x) return (x:topk(2, 2)) end, rows(function(r)
  table.sort(r, function(a, b) return a > b end)
  return { r[1], r[2] }
end))
check("topk of columns", function(x) return (x:topk(1, 1)) end,
  function(x) return { math.max(x[1], x[4]), math.max(x[2], x[5]), math.max(x[3], x[6]) } end)
check("softmax", function(x) return x:softmax(2) end, rows(function(r)
  local s = math.exp(r[1]) + math.exp(r[2]) + math.exp(r[3])
  return { math.exp(r[1]) / s, math.exp(r[2]) / s, math.exp(r[3]) / s }
end))
check("matmul, transpose", function(x) return x:matmul(x:transpose(1, 2)) end, function(x)
  local y = {}
  for i = 0, 1 do for j = 0, 1 do
    y[#y + 1] = x[3 * i + 1] * x[3 * j + 1] + x[3 * i + 2] * x[3 * j + 2] + x[3 * i + 3] * x[3 * j + 3]
  end end
  return y
end)
check("reshape, slices", function(x) return x:reshape(3, 2)[{ { 2, 3 }, -1 }] * x[{ {}, { 1, 1 } }] end,
  function(x) return { x[4] * x[1], x[6] * x[1], x[4] * x[4], x[6] * x[4] } end)
check("conv2d", function(x)
  return x:reshape(1, 2, 3, 1):conv2d(mw.tensor { { { { 2, -1 }, { 0.5, 3 } } } }, { bias = mw.tensor { 0.25 } })
end, function(x)
  local y = {}
  for i = 1, 2 do y[i] = 2 * x[i] - x[i + 1] + 0.5 * x[i + 3] + 3 * x[i + 4] + 0.25 end
  return y
end)
check("weights of conv2d", function(x)
  local picture = mw.tensor { { { { 1 }, { 2 }, { -1 } }, { { 0.5 }, { 3 }, { 2 } } } }
  return picture:conv2d(x:reshape(1, 1, 2, 3))
end, function(x) return { x[1] + 2 * x[2] - x[3] + 0.5 * x[4] + 3 * x[5] + 2 * x[6] } end)
check("layer_norm", function(x) return x:layer_norm(mw.tensor { 1, 2, 3 }, mw.tensor { 0, 1, 0 }) end,
  rows(function(r)
    local y = normalised(r, 1e-5, true)
    return { y[1], 2 * y[2] + 1, 3 * y[3] }
  end))
check("rms_norm", function(x) return x:rms_norm(nil, 1e-3) end,
  rows(function(r) return normalised(r, 1e-3, false) end))
check("group_norm", function(x) return x:reshape(2, 3, 1):group_norm(1) end,
  rows(function(r) return normalised(r, 1e-5, true) end))
check("blur", function(x)
  return x:reshape(2, 3, 1):blur(0.3)
end, function(x) -- as many cells as the kernel reaches, by their weights
  local y = {}
  for i = 0, 1 do for j = 0, 2 do
    local sum, all = 0, 0
    for a = 0, 1 do for b = 0, 2 do
      if math.abs(a - i) <= 1 and math.abs(b - j) <= 1 then
        local w = math.exp(-((a - i) ^ 2 + (b - j) ^ 2) / (2 * 0.09))
        sum, all = sum + w * x[3 * a + b + 1], all + w
      end
    end end
    y[#y + 1] = sum / all
  end end
  return y
end)

-- ---- what .grad holds

local x = mw.tensor { 1, 2, 3 }:requires_grad()
assert(x.grad == nil)
local square = (x * x):sum()
assert(square.grad == nil)
square:backward();
(x * 2):sum():backward() -- adds up
assert(table.concat(x.grad:totable(), " ") == "4 6 8")
x.grad = nil
assert(x.grad == nil)
local y = mw.tensor { 5, 6, 7 }:requires_grad();
(x * y:detach() + y * x:detach()):sum():backward()
assert(table.concat(x.grad:totable(), " ") == "5 6 7" and table.concat(y.grad:totable(), " ") == "1 2 3")

-- Two losses of one tensor, each with a past of its own; a part shared by both is walked once.
local a, b = (x * 3):sum(), (x * 4):sum()
x.grad = nil
b:backward()
a:backward()
assert(table.concat(x.grad:totable(), " ") == "7 7 7")
local shared = x * x
local first, second = shared:sum(), shared:mean()
first:backward()
local ok, why = pcall(second.backward, second)
assert(not ok and why:find "walked back before")

-- Descent: a least-squares line, and a chain long enough to overflow a recursive walk's stack.
local w = mw.tensor { 0, 0 }:requires_grad()
local points = mw.tensor { { 0, 1 }, { 1, 1 }, { 2, 1 }, { 3, 1 } }
local want = mw.tensor { { 1 }, { 3 }, { 5 }, { 7 } }
for _ = 1, 60 do
  local miss = points:matmul(w:reshape(2, 1)) - want;
  (miss * miss):mean():backward()
  w = (w - w.grad * 0.12):detach():requires_grad()
end
local line = w:totable()
assert(math.abs(line[1] - 2) < 0.1 and math.abs(line[2] - 1) < 0.2)

-- A small network trained by hand, twice: exclusive or, eight units; the same numbers both times.
local function trained()
  local function init(n, columns, seed)
    local t = {}
    for i = 1, n do
      t[i] = {}
      for j = 1, columns do t[i][j] = math.sin(12.9 * (seed + 8 * i + j)) end
    end
    return mw.tensor(t):requires_grad()
  end
  local inputs, truth = mw.tensor { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } }, mw.tensor { { 0 }, { 1 }, { 1 }, { 0 } }
  local weights, losses = { init(2, 8, 1), init(1, 8, 2), init(8, 1, 3), init(1, 1, 4) }, {}
  for step = 1, 150 do
    local h = inputs:matmul(weights[1]) + weights[2]
    h = h / (1 + h:abs())
    local miss = h:matmul(weights[3]) + weights[4] - truth
    local loss = (miss * miss):mean()
    loss:backward()
    losses[step] = loss:item()
    for i, v in ipairs(weights) do weights[i] = (v - v.grad * 0.2):detach():requires_grad() end
  end
  return losses
end
local once, twice = trained(), trained()
assert(once[1] > 0.2 and once[150] < 0.01, once[150])
for i = 1, 150 do assert(once[i] == twice[i]) end

-- What goes through a node has no past, and a value that is held twice is a leaf only where it was asked to be.
local same = mw.node { name = "same", inputs = { x = "any" }, outputs = { y = "any" },
  run = function(i) return { y = i.x } end }
local through = same { x = w * 2 }
assert(not pcall(function() through:value():sum():backward() end))
x.grad = nil;
(x * x):sum():backward()
local one, other = x.grad, x.grad
one:requires_grad()
assert(not pcall(function() other:sum():backward() end))
one:sum():backward()
assert(one.grad:totable()[1] == 1 and other.grad == nil)

local start = mw.tensor(1):requires_grad()
local chain = start
for _ = 1, 3000 do chain = chain + 1 end
chain:backward()
assert(start.grad:item() == 1)
for _ = 1, 300 do chain = chain + start end -- let go without a walk

-- ---- errors name the line, and leave all as it was

local function line_of(f)
  local good, message = pcall(f)
  assert(not good)
  return message
end
assert(line_of(function() return x + mw.tensor { 1, 2 } end):find "^tests/graphs/gradients.lua:%d+: ")
assert(line_of(function() return x:matmul(mw.tensor { { 1, 2 } }) end):find "gradients.lua:%d+: matmul")
assert(line_of(function() x:backward() end):find "3 elements, not one")
assert(line_of(function() mw.tensor(1):backward() end):find "requires_grad")
assert(line_of(function() x.grad = 5 end):find "t.grad = nil")
x.grad = nil;
(x * x):sum():backward()
assert(table.concat(x.grad:totable(), " ") == "2 4 6")

mw.output { gradient = x.grad:sum():item() }
