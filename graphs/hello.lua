-- hello.lua: the smallest graph: one node, two outputs, no model.
--   moonweave run graphs/hello.lua -p name=moon -p times=2
local mw = require "moonweave"

local p = mw.params {
  name  = { "world", "who is greeted" },
  times = { 1, "how often", min = 1, max = 100, integer = true },
}

local hello = mw.hello { name = p.name, times = p.times }

mw.output { greeting = hello.greeting, length = hello.length }
