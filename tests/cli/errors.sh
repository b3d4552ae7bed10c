# errors.sh: every mistake names its place, what was expected and what came; statuses as documented.
. tests/cli/lib.bash

# wrong STATUS SENTENCE: the script on stdin ends so. %s stands for its path.
wrong() {
    script wrong.lua
    run run "$dir/wrong.lua" "${@:3}"
    status "$1"
    says "${2//%s/$dir/wrong.lua}"
    silent_out
}

wrong 3 "%s:4: text_encoder: 'prompt' must be a string or a list of strings, got nil (did you mean p.prompt?)" <<'END'
local mw = require "moonweave"
local p = mw.params { prompt = { "a star", "what to draw" } }
local sd = mw.checkpoint { path = "models/miniature" }
local t = mw.text_encoder { model = sd, prompt = prompt }
END
wrong 3 "%s:3: hello: 'times' must be a whole number from 1 to 100, got 0 (how often)" <<'END'
local mw = require "moonweave"
local p = mw.params {}
mw.output { g = mw.hello { times = 0 } }
END
wrong 3 "%s:2: hello: has no parameter 'tims' (did you mean 'times'?)" <<'END'
local mw = require "moonweave"
mw.output { g = mw.hello { tims = 1 } }
END
wrong 3 "%s:2: mw.helo: there is no such node or function (did you mean 'hello'?)" <<'END'
local mw = require "moonweave"
mw.output { g = mw.helo {} }
END
wrong 3 "%s:3: there is no parameter 'stpes' (did you mean p.steps?)" <<'END'
local mw = require "moonweave"
local p = mw.params { steps = { 2, "how many" } }
mw.output { g = mw.hello { times = p.stpes } }
END
wrong 3 "%s:2: checkpoint: has no output 'unte' (did you mean 'unet'?); its outputs: checkpoint, unet, vae" <<'END'
local mw = require "moonweave"
mw.output { g = mw.checkpoint { path = "models/miniature" }.unte }
END
wrong 3 "%s:2: unet: 'model' must be a unet, got \"sd15\" (" <<'END'
local mw = require "moonweave"
mw.output { g = mw.unet { model = "sd15" } }
END
wrong 3 "%s:3: vae_decode: 'latents' must be latents, got output 'greeting' of hello, which is a text" <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
mw.output { g = mw.vae_decode { model = sd, latents = mw.hello {} } }
END
wrong 3 "%s:2: schedule: 'sampler' must be one of auto, ddim, " <<'END'
local mw = require "moonweave"
mw.output { g = mw.schedule { steps = 2, sampler = "ddmi" } }
END
says "(did you mean 'ddim'?)"
wrong 3 "%s:2: txt2img: 'prompt' must be given" <<'END'
local mw = require "moonweave"
mw.output { g = mw.txt2img { model = "models/miniature" } }
END
wrong 3 "%s:2: txt2img: has no parameter 'promt' (did you mean 'prompt'?)" <<'END'
local mw = require "moonweave"
mw.output { g = mw.txt2img { model = "models/miniature", promt = "x" } }
END
wrong 3 "%s:2: txt2img: 'steps' is given twice" <<'END'
local mw = require "moonweave"
mw.output { g = mw.txt2img {
  model = "models/miniature", prompt = "x", steps = 2, num_inference_steps = 3 } }
END
wrong 3 "%s:2: txt2img: has no parameter 'guidance_scal' (did you mean 'guidance_scale'?)" <<'END'
local mw = require "moonweave"
mw.output { g = mw.txt2img { model = "models/miniature", guidance_scal = 2 } }
END
wrong 3 "%s:2: noise: has no parameter 'sede' (did you mean 'seed'?)" <<'END'
local mw = require "moonweave"
mw.output { g = mw.noise { sede = 1 } }
END
# More than a third of the letters apart is another word.
wrong 3 "%s:2: hello: has no parameter 'nbne'" <<'END'
local mw = require "moonweave"
mw.output { g = mw.hello { nbne = 1 } }
END
says_not "did you mean"
wrong 3 "%s: the script ends without mw.output" <<'END'
local mw = require "moonweave"
mw.hello {}
END
wrong 3 "%s:2: output: the table is empty" <<'END'
local mw = require "moonweave"
mw.output { image = nothing }
END
wrong 3 "%s:1:" <<<'local x = = 1'
wrong 3 "%s:2: attempt to index global 'nothing' (a nil value)" <<<$'\nlocal x = nothing.y'
# What came is told in words.
wrong 3 "output: expected mw.output { name = handle, ... }, got nothing" <<<'require("moonweave").output()'
wrong 3 "json: expected mw.json(path), got nil" <<<'require("moonweave").json(nil)'
wrong 3 "json: expected mw.json(path), got a handle" <<<'require("moonweave").json(require("moonweave").hello {})'
wrong 3 "params: 'a': its default: 'a' must be a finite number, got NaN" <<<'require("moonweave").params { a = 0 / 0 }'
says_not "()"
wrong 3 "params: 'a': there is no type 'string'; there are number, integer, seed, bool, choice, text," \
    <<<'require("moonweave").params { a = { "x", "a text", type = "string" } }'
wrong 3 "own: takes its parameters by name: own { name = value, ... }, got a number" <<'END'
local mw = require "moonweave"
mw.composite { name = "own", doc = "Mine.", params = { size = 1 }, run = function() return mw.hello {} end } (5)
END
wrong 3 "own: has no parameter 'sise' (did you mean 'size'?)" <<'END'
local mw = require "moonweave"
mw.composite { name = "own", doc = "Mine.", params = { size = 1 }, run = function() return mw.hello {} end } { sise = 5 }
END
says_not "moonweave nodes"
wrong 3 "txt2img: has no parameter 'promt' (did you mean 'prompt'?); moonweave nodes txt2img lists them" \
    <<<'require("moonweave").txt2img { promt = "x" }'
wrong 3 "txt2img: takes its parameters by name: mw.txt2img { name = value, ... }, got a string" \
    <<<'require("moonweave").txt2img "x"'
wrong 3 "%s:1: my own words" <<<'error("my own words")'
wrong 3 "%s: the script threw a table as its error" <<<'error({})'
wrong 3 "%s:3: a handle is not a value yet" <<'END'
local mw = require "moonweave"
local h = mw.hello {}
local x = h + 1
END
wrong 3 "%s:4: sharpen: %s:3: attempt to perform arithmetic" <<'END'
local mw = require "moonweave"
local f = mw.node { name = "sharpen", inputs = { text = "text" }, outputs = { n = "number" }, run = function(i)
  return { n = i.text.x + 1 } end }
mw.output { n = f { text = "x" } }
END
# What a node's function returns is what its outputs say.
node() { # sentence, declaration's rest
    wrong 3 "$1" <<END
local mw = require "moonweave"
mw.output { n = mw.node { name = "f", $2 } {} }
END
}
node "%s:2: f: its run() must return 'y' as a string, got 2" 'outputs = { y = "text" }, run = function() return 2 end'
node "%s:2: f: its run() must return 'y' as a string, got 2" 'outputs = { y = "text" }, run = function() return { y = 2 } end'
node "%s:2: f: its run() must return 'y' as a number, got nil" 'outputs = { y = "number" }, run = function() end'
node "%s:2: f: its run() must return 'y' as a layout, got a list of 2" 'outputs = { y = "layout" }, run = function() return { y = { 1, 2 } } end'
node "%s:2: f: its run() must return 'y' as latents (a tensor), got 5" 'outputs = { y = "latents" }, run = function() return 5 end'
node "%s:2: node 'f': outputs must name at least one" 'outputs = {}, run = function() return 1 end'
node "%s:2: node 'f': outputs must be a table, got a string" 'outputs = "number", run = function() return 1 end'
node "%s:2: node 'f': inputs must be a table, got a boolean" 'inputs = true, run = function() return 1 end'
node "%s:2: node 'f': 'run' must be a Lua function(inputs, params), got a built-in function" 'run = print'
node "%s:2: node 'f': 'run' must be a Lua function(inputs, params), got a handle" 'run = mw.hello {}'
wrong 3 "a node's own function cannot ask for another node's value" <<'END'
local mw = require "moonweave"
local h = mw.hello {}
local f = mw.node { name = "ask", outputs = { n = "number" }, run = function() return { n = h.length:value() } end }
mw.output { n = f {} }
END
wrong 4 "%s:2: checkpoint: models/nowhere: no such file or folder" <<'END'
local mw = require "moonweave"
mw.output { image = mw.txt2img { model = mw.checkpoint { path = "models/nowhere" }, prompt = "x" } }
END
wrong 2 "has no parameter 'stpes' (did you mean 'steps'?); it has: steps" -p stpes=1 <<'END'
local mw = require "moonweave"
local p = mw.params { steps = { 1, "a number" } }
mw.output { g = mw.hello {} }
END
wrong 2 "-p steps=0: 'steps' must be a number from 1 to 1000, got 0 (how many)" -p steps=0 <<'END'
local mw = require "moonweave"
local p = mw.params { steps = { 5, "how many", min = 1, max = 1000 } }
mw.output { g = mw.hello {} }
END
wrong 2 "-p steps=many: 'steps' must be a number from 1 to 1000, got \"many\" (how many)" -p steps=many <<'END'
local mw = require "moonweave"
local p = mw.params { steps = { 5, "how many", min = 1, max = 1000 } }
mw.output { g = mw.hello {} }
END
wrong 3 "%s:2: noise: 'width' must be a multiple of 8, got 100 (96 or 104 would do)" <<'END'
local mw = require "moonweave"
mw.output { z = mw.noise { model = mw.checkpoint { path = "models/miniature" }, width = 100 } }
END
wrong 7 "are NaN or infinite" <<'END'
local mw = require "moonweave"
local bad = mw.node { name = "bad", outputs = { latents = "latents" }, run = function()
  return { latents = mw.tensor { { { { 0 / 0 } } } } } end }
mw.output { g = bad {} }
END
# NaN stops a run: as a parameter where it is written, inside a table too, and in latents at the step that made it.
wrong 3 "%s:3: box_mask: 'box': a number in it is NaN" <<'END'
local mw = require "moonweave"
local z = mw.noise { model = mw.checkpoint { path = "models/miniature" } }
mw.output { m = mw.box_mask { box = { 0 / 0, 0, 5, 5 }, like = z } }
END
wrong 3 "%s:3: lmd: 'eta' must be a finite number, got NaN" <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
mw.output { image = mw.lmd { model = sd, layout = { objects = {} }, eta = 0 / 0 } }
END
wrong 7 "ddim_step: step 0: 1024 of the 1024 numbers of its 'latents' are NaN or infinite" <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
local s, z = mw.schedule { model = sd, steps = 2 }, mw.noise { model = sd }
local lost = mw.text_encoder { model = sd, prompt = "x" }.embedding:value() * (0 / 0)
local latents = mw.sample { model = sd, schedule = s, latents = z, calls = 2, cfg = 1, embedding = lost }
mw.output { image = mw.vae_decode { model = sd, latents = latents } }
END
for value in nan:NaN inf:inf 1e400:inf x:; do
    run run graphs/lmd.lua -p layout=graphs/layouts/night_sky.json -p η=${value%:*} -o "$dir"
    status 2
    got=${value#*:}
    says "-p η=${value%:*}: 'η' must be a ${got:+finite }number${got:+, got $got (guidance strength}"
done
run run "$dir/nowhere.lua"
status 4

# A recursion without an end, in the script and in a node's function.
wrong 3 "%s:1: stack overflow: functions call each other too deep here; does the recursion end?" <<'END'
local function f(x) return 1 + f(x) end
f(1)
END
wrong 3 "%s:2: stack overflow: functions call each other too deep here; does the recursion end?" <<'END'
local mw = require "moonweave"
local function f(x) return 1 + f(x) end
local n = mw.node { name = "n", outputs = { n = "number" }, run = function() return { n = f(1) } end }
mw.output { n = n {} }
END
# What no file can hold is refused before anything runs.
wrong 3 "%s:3: output: 'x\\x1b[31m' cannot be the name of a file" <<'END'
local mw = require "moonweave"
for _, name in ipairs { "", ".", "a/b", "a\0b", "a\nb", ("n"):rep(201) } do assert(not pcall(mw.output, { [name] = 1 }), name) end
mw.output { ["x\27[31m"] = 1 }
END
wrong 3 "%s:3: output: 'x' is a checkpoint, which cannot be written" <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/nowhere" }
mw.output { x = sd }
END
wrong 3 "%s:3: output: 'x' is a unet, which cannot be written" <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/nowhere" }
mw.output { x = { sd.unet, sd.vae } }
END
# Modules in a circle: the circle; a module that failed may be asked for again.
echo 'local m = require "circle_b" return m' >"$dir/circle_a.lua"
echo 'local m = require "circle_c" return m' >"$dir/circle_b.lua"
echo 'local m = require "circle_b" return m' >"$dir/circle_c.lua"
wrong 3 "circle_c.lua:1: require: modules need each other in a circle: circle_b -> circle_c -> circle_b" \
    <<<'require "circle_a"'
echo 'error("not today")' >"$dir/failing.lua"
wrong 3 "failing.lua:1: not today" <<<'pcall(require, "failing") require "failing"'
# UTF-8: of scripts, modules, strings and parameters.
wrong 3 "%s:2: the file is not UTF-8 (byte 0xE9); save it as UTF-8" <<<$'local x = 1\n-- caf\xe9'
printf 'return "caf\xe9"' >"$dir/latin.lua"
wrong 3 "latin.lua:1: the file is not UTF-8 (byte 0xE9); save it as UTF-8" <<<'require "latin"'
wrong 3 "%s:2: hello: 'name': a text that is not UTF-8 (byte 2 of it is 0xFF)" <<'END'
local mw = require "moonweave"
mw.output { x = mw.hello { name = "a\255b" } }
END
wrong 2 "not UTF-8 (byte 4 of it is 0xE9)" -p name=$'caf\xe9' <<'END'
local mw = require "moonweave"
local p = mw.params { name = { "x", "a name" } }
mw.output { x = mw.hello { name = p.name } }
END
says "-p name="

# check finds every error, computes nothing, and says how far it saw.
script many.lua <<'END'
local mw = require "moonweave"
local a = mw.hello { times = 0, name = 5 }
local b = mw.hello { tims = 1 }
local c = mw.node { name = "double", inputs = { n = "number" }, run = function(i) return { n = 2 * i.n } end }
local d = c { n = a.length }
mw.output { a = a, b = b, c = c { n = "x" }, d = d }
END
run check "$dir/many.lua"
status 3
says "many.lua:2: hello: 'times' must be"
says "many.lua:2: hello: 'name' must be a string, got 5"
says "many.lua:3: hello: has no parameter 'tims'"
says "many.lua:6: double: 'n' must be a number, got \"x\""
says "4 errors"
# It goes on after outputs, nodes, composites and parameters of theirs that are wrong.
script further.lua <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
local a = mw.txt2img { model = sd, promt = "x", steps = 0 }
local b = mw.txt2img { model = sd, prompt = "x", cfg = "much" }
local latents = b.latents
local c = mw.helo { name = "x" }
local d = sd.unte
local f = mw.node { name = "f", outputs = { x = "nothing" }, run = function() end }
local g = mw.composite { name = "g", doc = "fails", params = { x = { 1, "a number" } }, run = function(x)
  if x.x > 1 then mw.fail "x is too large" end
  return mw.bundle { mw.hello { times = x.x } }
end }
mw.output { image = a, sd = sd, z = latents, c = c, d = d, f = f {}, g = g { x = 2 }, h = mw.hello { name = 5 } }
END
run check "$dir/further.lua"
status 3
says "further.lua:3: txt2img: has no parameter 'promt' (did you mean 'prompt'?)"
says "further.lua:3: txt2img: 'steps' must be a whole number"
says "further.lua:3: txt2img: 'prompt' must be given"
says "further.lua:4: txt2img: 'cfg' must be a number"
says "further.lua:6: mw.helo: there is no such node"
says "further.lua:7: checkpoint: has no output 'unte' (did you mean 'unet'?)"
says "further.lua:8: node 'f': the type of 'x' must be one of"
says "further.lua:10: x is too large"
says "further.lua:13: hello: 'name' must be a string, got 5"
says "further.lua:13: output: 'sd' is a checkpoint, which cannot be written"
says "10 errors"
run run "$dir/further.lua"
status 3
[ "$(wc -l <<<"$err")" = 1 ] || complain "run says more than the first error"
script blind.lua <<'END'
local mw = require "moonweave"
local greeting = mw.hello { name = "you" }
assert(greeting.length:value() == 10)
local n = mw.node { name = "two", outputs = { n = "number" }, run = function() print "computed" return { n = 2 } end }
local two = n {}:value()
mw.output { g = greeting }
END
run check "$dir/blind.lua"
status 0
says "blind.lua:5: check cannot see beyond this line"
silent_out
# A script may say what check is to assume where only a run knows: then it sees to the end.
script assumed.lua <<'END'
local mw = require "moonweave"
local two = mw.node { name = "two", outputs = { n = "number" }, run = function() return { n = 2 } end }
local n = two {}:value(3)
if n == 3 then mw.helo {} end
mw.output { greeting = mw.hello { name = "n is " .. n } }
END
run check "$dir/assumed.lua"
status 3
says "assumed.lua:4: mw.helo: there is no such node"
says_not "cannot see"
run graph "$dir/assumed.lua"
says "a run may wire other nodes"
run run "$dir/assumed.lua"
status 0
prints $'greeting\thello, n is 2'
for graph in txt2img img2img lora; do
    for sampler in auto euler pndm; do
        run check graphs/$graph.lua -p sampler=$sampler
        status 0
        says_not "cannot see"
        says_not "as far as can be seen"
    done
    run check graphs/$graph.lua
    says_not "cannot see"
    grep -q '^  sampler  = { "auto"' graphs/$graph.lua || complain "$graph.lua names a sampler"
done

# What users and files bring reaches the terminal printable: names, errors, warnings.
run inspect "$dir/"$'\e[31mred\a\nwarning: forged'
status 4
says '\x1b[31mred\x07'
says_not $'\e'
says_not $'\nwarning: forged'
script loud.lua <<'END'
error("first\27]0;title\7\nsecond\155")
END
run run "$dir/loud.lua"
status 3
says 'first\x1b]0;title\x07'
says '  second\x9b'
says_not $'\a'

# What cannot fit is refused before it is begun.
run run graphs/txt2img.lua -p width=60000 -p height=60000 -p steps=1 --memory=2G -o "$dir"
status 6
says "noise: 'width' 60000 and 'height' 60000: the picture alone needs 40.23 GiB of device memory, the limit is 2.00 GiB"
run run graphs/txt2img.lua -p steps=1 --memory=2M -o "$dir"
status 6
says "its weights need "
says " of device memory, the limit is 2.0 MiB; "
finish
