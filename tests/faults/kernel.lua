-- kernel.lua: a kernel of the script's own: as a node, on tensors, and differentiated. For faults.sh, with --trust.
local mw = require "moonweave"

local times = mw.kernel {
  name = "times", inputs = { x = "tensor" }, outputs = { y = "x" }, params = { by = 2 },
  source = [[
    kernel void times(global const float *x, global float *y, float by, ulong n)
    {
        y[get_global_id(0)] = by * x[get_global_id(0)];
    }]],
  gradient = function(_, g, p) return { x = g.y * p.by } end,
}
local x = mw.tensor { 1, 2, 3 }:requires_grad()
times { x = x[{ { 2, 3 } }] }:sum():backward()
assert(x.grad:sum():item() == 4)
mw.output { sum = times { x = mw.noise { width = 64, height = 64 } }:value():sum():item() }
