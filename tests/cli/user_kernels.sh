# user_kernels.sh: a kernel in a graph script: what it computes in both families, whom it runs for, and what its node's key
# follows from.
. tests/cli/lib.bash

run run tests/cli/user_kernels.lua --trust -o "$dir"
status 0
MOONWEAVE_FAMILY=gpu run run tests/cli/user_kernels.lua --trust -o "$dir"
status 0

# double FACTOR: a picture through a kernel; what the compiler complains of has the script's own lines.
double() {
    script double.lua <<END
local mw = require "moonweave"
local double = mw.kernel {
  name = "double_it", inputs = { x = "image" }, outputs = { y = "x" },
  source = [[
    // twice as bright
    kernel void double_it(global const float *x, global float *y, ulong n)
    {
        y[get_global_id(0)] = min(1.0f, x[get_global_id(0)] * $1);
    }]],
}
local picture = mw.load_image { path = "$repo/docs/pictures/miniature.png" }
local a, b = double { x = picture }, double { x = picture }
mw.output { image = a, sum = (a:value() - b:value()):abs():sum():item() }
END
}
double 2.0f
run run "$dir/double.lua" -o "$dir/a"
status 3
says "double.lua:2: kernel 'double_it': a kernel of a script is native code"
says "--trust allows it"
[ -e "$dir/a/image.png" ] && complain "a picture although it was refused"
run check "$dir/double.lua"
status 3
says "double.lua:2: kernel 'double_it': a kernel of a script is native code"
run run "$dir/double.lua" --trust -o "$dir/a"
status 0
run replay "$dir/a/image.png" -o "$dir/b"
status 3
says "kernel 'double_it': a kernel of a script is native code"
run replay "$dir/a/image.png" -o "$dir/b" --trust
status 0
cmp "$dir/a/image.png" "$dir/b/image.png" || complain "replayed to another picture"
double twice
run run "$dir/double.lua" --trust -o "$dir/c"
status 3
says "the kernel 'double_it' does not compile on"
says "double.lua:8:"
says "twice"

# ran NODE RUNS CACHED: says --profile, all nodes of the name together.
ran() {
    local got
    got=$(awk -v n="$1" '$1 == n { runs += $2; cached += $3 } END { print runs + 0, cached + 0 }' <<<"$err")
    [ "$got" = "$2 $3" ] || complain "expected $1 $2 $3, got $got"
}

# A node is known by the kernel's source, not by where it stands; an energy that calls a kernel as well.
script keys.lua <<'END'
local mw = require "moonweave"
local function times(k, more)
  return mw.kernel {
    name = "times", inputs = { x = "tensor" }, outputs = { y = "x" }, params = { by = 1 },
    source = "kernel void times(global const float *x, global float *y, float by, ulong n)\n"
      .. "{ y[get_global_id(0)] = " .. k .. " * by * x[get_global_id(0)]; }" .. (more or ""),
    gradient = function(_, g) return { x = g.y * k } end,
  }
end
local noise = mw.noise { width = 64, height = 64 }
local function sum(kernel, by) return kernel { x = noise, by = by }:value():sum():item() end
local one = sum(times(2), 1)
assert(sum(times(2), 1) == one)
assert(math.abs(sum(times(3), 1) - 1.5 * one) < 1e-3) -- another source
assert(math.abs(sum(times(2), 3) - 3 * one) < 1e-3) -- another parameter
assert(sum(times(2, " "), 1) == one)

local sd = mw.checkpoint { path = "models/miniature" }
local layout = { objects = { { phrase = "a red circle", box = { 0, 128, 200, 256 } } }, background = "night sky" }
local text = mw.text_encoder { model = sd, prompt = mw.layout_phrases { layout = layout, model = sd }.prompt }
local function guide(energy)
  return mw.box_attention_guide {
    model = sd, latents = mw.noise { model = sd, seed = 4 }, schedule = mw.schedule { model = sd, steps = 20 }, step = 2,
    embedding = text.embedding, tokens = text.tokens, layout = layout, energy = energy, iterations = 1, eta = 40,
  }.latents:value()
end
local function energy(scale)
  return function(maps, boxes)
    local m = maps[1]
    return (scale(m.map) * boxes:outside(m.phrase, m.map)):sum() / m.map:sum()
  end
end
local function through(kernel) return energy(function(t) return kernel { x = t } end) end
local a, b, c = guide(through(times(2))), guide(through(times(2))), guide(through(times(3)))
local plain = guide(energy(function(t) return t * 2 end))
local function off(t, u) return (t - u):abs():max():item() end
assert(off(a, b) == 0 and off(a, plain) < 1e-5 and off(a, c) > 1e-3)
mw.output { done = true }
END
run run "$dir/keys.lua" --trust -o "$dir" --profile
status 0
ran times 4 1
ran box_attention_guide 3 1
finish
