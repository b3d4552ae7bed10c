-- keys.lua: what a node made in Lua follows from is in its key, and nothing else: values are asked for again and again.
local mw = require "moonweave"

local function node(run, more)
  more = more or {}
  return mw.node { name = "n", inputs = more.inputs, params = more.params or { x = 4 },
    outputs = more.outputs or { v = "any" }, run = run }
end
local function value(run, more) return node(run, more) {}:value() end

-- Functions of the libraries are told apart, as upvalues and as globals.
local function by(f) return function(_, p) return { v = f(p.x) } end end
assert(value(by(math.sqrt)) == 2)
assert(math.abs(value(by(math.exp)) - math.exp(4)) < 1e-6)
assert(value(by(tostring)) == "4" and value(by(type)) == "number")
assert(value(function(_, p) return { v = math.sqrt(p.x) } end) == 2)
assert(value(function(_, p) return { v = math.floor(p.x + 1) } end) == 5)

-- Globals as they are when the value is asked for; also through other functions, _G and what replaced the library's.
function scale(x) return x * factor end -- luacheck: ignore
factor = 2 -- luacheck: ignore
local scaled = node(function(_, p) return { v = scale(p.x) } end) -- luacheck: ignore
local kept = scaled {}
assert(kept:value() == 8 and scaled {}:value() == 8)
factor = 3 -- luacheck: ignore
assert(scaled {}:value() == 12 and kept:value() == 12)
function scale(x) return x - factor end -- luacheck: ignore
assert(scaled {}:value() == 1)
local through = node(function(_, p) return { v = p.x + _G["fac" .. "tor"] } end)
assert(through {}:value() == 7)
factor = 10 -- luacheck: ignore
assert(through {}:value() == 14)
local upper = node(function() return { v = ("a"):upper() } end)
assert(upper {}:value() == "A")
local old = string.upper
string.upper = function(s) return s .. "!" end -- luacheck: ignore
assert(upper {}:value() == "a!")
string.upper = old -- luacheck: ignore
assert(upper {}:value() == "A")

-- Upvalues that the script changes, deep in tables and in inner functions too, before and after the handle is made.
local level = 1
local settings = { deep = { { n = 1 } }, f = function() return level end }
local made = node(function() return { v = settings.deep[1].n + settings.f() } end)
local handle = made {}
assert(handle:value() == 2)
level = 5
assert(made {}:value() == 6 and handle:value() == 6)
settings.deep[1].n = 100
assert(handle:value() == 105)
local later = made {}
settings.deep[1].n = 7
assert(later:value() == 12)
settings = setmetatable({}, { __index = { deep = { { n = 1 } }, f = function() return 1 end } })
assert(handle:value() == 2)
local big = 18446744073709551615ULL
local wide = node(function() return { v = tostring(big) } end)
assert(wide {}:value() == "18446744073709551615ULL")
big = 18446744073709551614ULL
assert(wide {}:value() == "18446744073709551614ULL")

-- Which variable an inner function holds, though the instructions are the same.
local function pick(text) return assert(load(text))() end
local rest = " local f = function() return a end return { v = f() + 0 * b } end"
local first = pick("return function() local a = 1 local b = 2" .. rest)
local second = pick("return function() local b = 1 local a = 2" .. rest)
assert(value(first) == 1 and value(second) == 2)
assert(value(pick "return function() return { v = { k = 1, l = 2 } } end").l == 2)
assert(value(pick "return function() return { v = { k = 1, l = 3 } } end").l == 3)

-- Ports: their names and types.
local function same(i) local _, x = next(i) return { v = x } end
assert(node(same, { inputs = { a = "number" } }) { a = 3 }:value() == 3)
assert(node(function(i) return { v = i.a } end, { inputs = { a = "any" }, params = {} }) { a = 3 }:value() == 3)
assert(not pcall(function()
  return node(function(i) return { v = i.a } end, { inputs = { b = "any" }, params = {} }) { b = 3 }:value()
end))
local picture = function() return { v = mw.tensor { { { 1, 2, 3 } } } } end
assert(value(picture, { outputs = { v = "tensor" } }))
assert(value(picture, { outputs = { v = "image" } }))
assert(not pcall(value, function() return { v = mw.tensor { 1, 2 } } end, { outputs = { v = "image" } }))

-- Random numbers and clocks: never cached, nor what follows from them.
local dice = node(function() return { v = math.random() } end)
local after = node(function(i) return { v = i.a } end, { inputs = { a = "any" } })
assert(dice {}:value() ~= dice {}:value())
assert(after { a = dice {} }:value() ~= after { a = dice {} }:value())
local roll = math.random
local again = node(function() return { v = roll() } end)
assert(again {}:value() ~= again {}:value())
local one = dice {}
assert(one:value() == one:value())
local start = os.clock()
local clock = node(function() return { v = os.clock() } end)
local seen = clock {}:value()
while os.clock() - start < 0.01 do end -- luacheck: ignore
assert(clock {}:value() ~= seen)

-- A node's own function may change what it closes over: its results hold until the script changes something.
local runs = 0
local counted = node(function() runs = runs + 1 return { v = runs } end)
local held = counted {}
assert(held:value() == 1 and held:value() == 1)

-- Tables that hold themselves, hundreds of times and in a long chain, end; too many values make a node that is run
-- anew.
local knot = {}
for i = 1, 400 do knot[i] = knot end
knot.last = { knot, { knot } }
assert(value(function() return { v = #knot } end) == 400)
local chain
for i = 1, 20000 do chain = { next = chain, i = i } end
assert(value(function() return { v = chain.i } end) == 20000)
local many = {}
for i = 1, 300000 do many[i] = i end
local sum = node(function() return { v = many[300000] } end)
assert(sum {}:value() == 300000)
many[300000] = 1
assert(sum {}:value() == 1)

mw.output { done = true }
