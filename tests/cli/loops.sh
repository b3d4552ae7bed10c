# loops.sh: a script that goes on for long: what it computed and let go of takes no memory.
. tests/cli/lib.bash

# 100,000 nodes, each fed by the one before: those that no handle leads to go, in time that grows with their number.
script loop.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local first = mw.node { name = "first", inputs = {}, outputs = { z = "number" }, run = function() return { z = 0 } end }
local step = mw.node { name = "step", inputs = { z = "number" }, outputs = { z = "number" },
  run = function(i) return { z = i.z + 1 } end }
local function pages() return tonumber(io.open("/proc/self/statm"):read("*l"):match "^%d+ (%d+)") end
local kept, before = first {}, nil
local z = kept
for i = 1, 1e5 do
  z = step { z = z }
  assert(z:value() == i)
  before = i == 2e4 and pages() or before
end
print("grown by " .. math.max(0, pages() - before) * 4 / 1024 .. " MiB")
assert(kept:value() == 0)
mw.output { z = z, grown = pages() - before < 4096 }
END_OF_SCRIPT
began=$SECONDS
run run --trust --cache-size=1M "$dir/loop.lua"
status 0
prints $'z\t100000'
prints $'grown\ttrue'
[ $((SECONDS - began)) -lt 60 ] || complain "took $((SECONDS - began)) s"

# Handles that are kept lead to their nodes for as long as they are: values are there.
script kept.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local more = 1
local step = mw.node { name = "step", inputs = { z = "number" }, outputs = { z = "number" },
  run = function(i) return { z = i.z + more } end }
local all = {}
for i = 1, 6000 do
  all[i] = step { z = i % 3000 == 1 and 0 or all[i - 1] }
  if i % 3000 == 0 then assert(all[i]:value() == 3000) end
end
assert(all[1]:value() == 1 and all[2999]:value() == 2999)
mw.output { z = all[6000] }
END_OF_SCRIPT
run run "$dir/kept.lua"
status 0
prints $'z\t3000'

finish
