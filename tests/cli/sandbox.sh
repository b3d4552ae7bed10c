# sandbox.sh: what a script must not be able to do, tried.
. tests/cli/lib.bash

# refused NAME: the script on stdin reports with print() what it could do; "escaped" must not be among it.
refused() {
    script "$1.lua"
    run run "$dir/$1.lua"
    [[ $out != *escaped* ]] || complain "$1 escaped"
}

refused try_os <<'END'
for _, f in ipairs { "execute", "remove", "rename", "exit", "getenv", "tmpname", "setlocale" } do
  local ok, why = pcall(os[f], "/tmp/moonweave-sandbox-test")
  if ok then print("escaped by os." .. f) end
  print((why:gsub("^.*:%d+: ", "")))
end
END
prints "os.getenv: the sandbox forbids it; --trust allows it"
refused try_io <<'END'
for _, f in ipairs { "popen", "output", "input", "tmpfile", "close", "read" } do
  local ok, why = pcall(io[f], "/tmp/moonweave-sandbox-test")
  if ok then print("escaped by io." .. f) end
  print((why:gsub("^.*:%d+: ", "")))
end
if pcall(io.open, "/tmp/moonweave-sandbox-test", "w") then print "escaped by writing" end
END
prints "io.popen: the sandbox forbids it; --trust allows it"
refused try_globals <<'END'
for _, f in ipairs { "debug", "ffi", "jit", "package", "dofile", "loadfile", "newproxy", "module" } do
  if _G[f] then print("escaped by " .. f) end
end
if string.dump then print "escaped by string.dump" end
for _, m in ipairs { "ffi", "jit", "debug", "os", "io", "package", "jit.opt" } do
  local ok, why = pcall(require, m)
  if ok then print("escaped by require " .. m) end
  print((why:gsub("^.*:%d+: ", "")))
end
END
prints "require: 'ffi': the sandbox forbids it; --trust allows it"
script library.lua <<'END'
print(require("ffi").sizeof("int"), require("debug") == debug)
require("moonweave").output { ended = true }
END
run run --trust "$dir/library.lua"
status 0
prints $'4\ttrue'
# LuaJIT bytecode begins with ESC "LJ"; load must not take it in any form.
refused try_bytecode <<'END'
local code = "\27LJ\2\2\0\0\0"
for _, try in ipairs { code, function() return nil end } do
  local f, why = load(try, "=x", "b")
  if f and try == code then print "escaped" end
end
local f, why = load(code)
if f then print "escaped" else print(why) end
local g = loadstring(code)
if g then print "escaped" end
local once = true
local h = load(function() if once then once = false return code end end)
if h then print "escaped" end
END
[[ $out == *"wrong mode"* ]] || complain "load does not say why"
refused try_metatables <<'END'
local mw = require "moonweave"
local p = mw.params { a = { 1, "a number" } }
local h = mw.hello {}
for _, v in ipairs { p, h } do
  if type(getmetatable(v)) == "table" then print "escaped by a metatable" end
end
if pcall(setmetatable, p, {}) then print "escaped by setmetatable" end
END

# Files: the graph's folder and the parameters, nothing else.
echo secret >"$dir/../moonweave-secret.$$"
trap 'rm -rf "$dir/../moonweave-secret.$$" "$dir"' EXIT
mkdir "$dir/in"
echo inside >"$dir/in/data.txt"
ln -s "$dir/../moonweave-secret.$$" "$dir/in/link.txt"
ln -s / "$dir/in/root"
cat >"$dir/in/read.lua" <<'END'
local mw = require "moonweave"
local p = mw.params { file = { "", "a file to read" }, plain = { "", "a path in disguise" } }
local function try(path)
  local ok, f = pcall(io.open, path)
  if not ok then return "refused" end
  return f and (f:read("*a"):gsub("%s+$", "")) or "missing"
end
local here = p.plain
print("inside", try(here .. "/in/data.txt"))
for _, path in ipairs { "/etc/passwd", here .. "/in/link.txt", here .. "/in/root/etc/passwd",
                        here .. "/in/../../../etc/passwd", "/proc/self/environ", "/dev/zero" } do
  print("outside", try(path))
end
local ok = pcall(function() for l in io.lines("/etc/passwd") do print("escaped", l) end end)
print("lines", ok)
if p.file ~= "" then print("param", try(p.file)) end
local ok2, e = pcall(require, "../moonweave-secret")
print("require", ok2)
mw.output { greeting = mw.hello {} }
END
# `plain` is the folder above as text; as a parameter it opens that folder, so it is given in two halves.
sed -i "s|local here = p.plain|local here = '$dir'|" "$dir/in/read.lua"
run run "$dir/in/read.lua"
status 0
prints $'inside\tinside'
[ "$(grep -cx $'outside\trefused' <<<"$out")" = 6 ] || complain "a file outside was opened"
prints $'lines\tfalse'
prints $'require\tfalse'
run run "$dir/in/read.lua" -p file="$dir/../moonweave-secret.$$"
prints $'param\tsecret'
run run --trust "$dir/in/read.lua"
[[ $out == *root:* ]] || complain "--trust does not open files"

# A node reads for the script: the same limits.
script node.lua <<'END'
local mw = require "moonweave"
mw.output { image = mw.load_image { path = "/etc/passwd" } }
END
run run "$dir/node.lua" -o "$dir/out"
status 3
says "/etc/passwd lies outside the graph's folder"
# No default of a parameter opens anything, by any way: a file's text does not show in an error either.
mkdir -p "$dir/narrow/folder/below"
ln -s /etc/passwd "$dir/narrow/folder/below/model_index.json"
echo '{ "objects": secret }' >"$dir/layout.json"
ln -s "$dir/layout.json" "$dir/narrow/link.json"
cat >"$dir/narrow/default.lua" <<'END'
local mw = require "moonweave"
local p = mw.params { m = { "/", "" }, n = { { "/" }, "" }, typed = { "", "" } }
print("open", pcall(io.open, "/etc/passwd"))
for _, path in ipairs { "/etc/passwd", "TOP/layout.json", "TOP/narrow/link.json", "TOP/narrow/folder",
                        "TOP/narrow/../layout.json" } do
  local function json(t) return mw.json(t.path) end
  for _, make in ipairs { mw.layout, mw.checkpoint, mw.load_image, mw.sam, json } do
    local ok, why = pcall(function() return make { path = path }:value() end)
    print(ok or why:find "lies outside the graph's folder" and "outside" or why)
  end
end
print("typed", pcall(function() return mw.layout { path = p.typed }:value() end))
mw.output { ended = true }
END
sed -i "s|TOP|$dir|g" "$dir/narrow/default.lua"
run run "$dir/narrow/default.lua"
status 0
[[ $out != *secret* && $out != *root:* ]] || complain "a file's text is shown"
[ "$(grep -cx outside <<<"$out")" = 25 ] || complain "a default opens files"
[[ $out == *$'open\tfalse'* ]] || complain "a default opens files"
run run "$dir/narrow/default.lua" -p typed="$dir/layout.json"
[[ $out == *"typed"*"invalid token near 'secret'"* ]] || complain "what was typed is not read"
# Results stay in the output folder.
script save.lua <<'END'
local mw = require "moonweave"
local picture = mw.tensor { { { 1, 0, 0 } } }
mw.output { path = mw.save_image { image = picture, path = "../escaped.png" } }
END
run run "$dir/save.lua" -o "$dir/out"
status 3
[ ! -e "$dir/escaped.png" ] || complain "a picture outside the output folder"

# interrupted NAME: the script ends at the first Ctrl-C, soon, and says so.
interrupted() {
    "$bin" run "$dir/$1.lua" >"$dir/.out" 2>"$dir/.err" &
    local pid=$!
    sleep 0.3
    kill -INT $pid
    for _ in {1..50}; do kill -0 $pid 2>/dev/null && sleep 0.1; done
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    rc=$? out=$(cat "$dir/.out") err=$(cat "$dir/.err")
    status 130
    says "interrupted"
}

# Endless loops end with Ctrl-C at once, in C and where the script catches errors too.
while IFS= read -r loop; do
    script loop.lua <<<"$loop"
    interrupted loop
done <<'END'
while true do end
while true do pcall(function() while true do end end) end
while true do pcall(error) end
local f = coroutine.wrap(function() while true do end end) f()
local s = "" while true do s = ("x"):rep(10) end
local function f() while true do end end xpcall(f, f) xpcall(f, f)
local function f() while true do end end xpcall(error, f)
while true do xpcall(error, error) end
local s = ("a"):rep(100) s:find(("a*"):rep(30) .. "b")
local s = ("a"):rep(100) while true do pcall(s.match, s, ("a*"):rep(30) .. "b") end
local s = ("a"):rep(1e6) s:gsub(".-b", "")
local s = ("a"):rep(1e6) for _ in s:gmatch "a-b" do end
local s = ("a"):rep(1e7) s:gsub("a", function() pcall(function() while true do end end) end)
while true do local s = ("x"):rep(3e7) end
local s = ("x"):rep(3e7) while true do local t = s .. "y" end
local a = ("x"):rep(5e7) local b = a .. "" while not (a < b) do end
local t = {} for i = 1, 4e6 do t[i] = i * 7919 % 4e6 end while true do table.sort(t) end
local t = {} for i = 1, 2e5 do t[i] = i end table.sort(t, pcall) while true do table.sort(t, pcall) end
local t = {} for i = 1, 2e5 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end
local t = {} for i = 1, 2e4 do t[i] = i end table.sort(t, function() while true do end end)
END
script node_loop.lua <<'END'
local mw = require "moonweave"
local node = mw.node { name = "endless", outputs = { n = "number" }, run = function()
  while true do pcall(function() while true do end end) end
end }
pcall(function() node {}:value() end)
while true do end
END
interrupted node_loop

# What a library function calls may call one in turn, but not without end.
while IFS= read -r nest; do
    script nest.lua <<<"local mw = require \"moonweave\" $nest mw.output { ended = true }"
    run run "$dir/nest.lua"
    status 0
    says_not "nest"
    prints $'ended\ttrue'
    [[ $out == *"nest.lua:1: functions that library functions call are nested too deep"* ]] || complain "no limit"
done <<'END'
local function f() load(f) end print(pcall(f))
local function f() return (("x"):gsub("x", f)) end print(pcall(f))
END
script compare.lua <<'END'
local mw = require "moonweave"
assert(not pcall(table.insert, {}, -2 ^ 31, 1))
local t = { 3, 1 }
table.insert(t, 1, 2) table.insert(t, 0) table.sort(t)
assert(table.concat(t, " ") == "0 1 2 3")
table.sort(t, function(a, b) return a > b end)
assert(table.concat(t, " ") == "3 2 1 0" and not pcall(table.sort, { 1, "x" }))
local function f() table.sort({ 1, 2, 3 }, f) end
local ok, why = pcall(f)
print(ok, #why < 200)
-- what an error in a nest is handled with may nest too
print(xpcall(function() local function g() load(g) end g() end, function(e) return "handled" end))
print(xpcall(error, function(e) return "handled " .. e end, "well"))
print(select("#", xpcall(function(...) return ... end, print, 1, nil, nil)))
local co = coroutine.wrap(function() return xpcall(function() return coroutine.yield(1) end, print) end)
print(co(), co(2))
mw.output { ended = true }
END
run run "$dir/compare.lua"
status 0
prints $'false\ttrue'
prints $'false\thandled well'
prints 4
prints $'1\ttrue\t2'

# Without Ctrl-C the watchdog ends it, wherever it is and whatever it catches.
script late.lua <<'END'
local function spin() while true do pcall(string.find, ("a"):rep(100), ("a*"):rep(30) .. "b") end end
xpcall(spin, spin)
END
run run "$dir/late.lua"
status 3
says "late.lua:1: the script has computed for 20 seconds in Lua and was stopped"

# Memory is limited.
script bomb.lua <<<'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end'
run run "$dir/bomb.lua"
status 6
says "MiB of Lua memory"
script bomb2.lua <<<'local s = "x" while true do s = s .. s end'
run run "$dir/bomb2.lua"
status 6
script bomb3.lua <<<'while true do pcall(string.rep, "x", 1e9) end'
run run "$dir/bomb3.lua"
status 6
script bomb4.lua <<<'local mw = require "moonweave" local s = ("x"):rep(2 ^ 20) while true do mw.hello { name = s } end'
run run "$dir/bomb4.lua"
status 6
says "the literals of the graph need more than"
# What is handed over counts before it is copied: much shared, many times the same, many, and declarations.
script shared.lua <<'END'
local mw = require "moonweave"
local shared, same, numbers, holes = { 1 }, {}, {}, {}
for _ = 1, 30 do shared = { shared, shared } end
local long = ("x"):rep(2 ^ 20)
for i = 1, 300 do same[i] = long end
for i = 1, 4e6 do numbers[i] = i end
local give = mw.node { name = "give", outputs = { v = "any" }, params = { which = 1 }, run = function(_, p)
  return { v = ({ shared, same, numbers })[p.which] }
end }
local function try(what, f, ...)
  local ok, why = pcall(f, ...)
  print(what, ok, (tostring(why):gsub(".*(lua:%d+:).*(the script needs more than %d+ MiB).*", "%1 %2")))
end
for i, v in ipairs { shared, same, numbers } do
  try("literal", mw.hello, { name = v })
  try("params", mw.params, { ["p" .. i] = { v, "" } })
  try("output", mw.output, { ["o" .. i] = v })
  try("nested", mw.layout, { objects = { { phrase = "x", box = v } } })
  try("output of many", mw.output, { ["m" .. i] = { { v }, v } })
  if not CHECK then try("node", function() return give { which = i }:value() end) end
end
numbers, same = nil, nil
collectgarbage()
try("nodes", function()
  for i = 1, 1e6 do mw.node { name = "n" .. i, doc = long, run = function() end } end
end)
mw.output { ended = true }
END
sed 's/not CHECK/false/' "$dir/shared.lua" >"$dir/shared_check.lua"
for way in "run 18" "check 15"; do
    file=shared
    [[ $way == check* ]] && file=shared_check
    run "${way% *}" "$dir/$file.lua"
    [ "$(grep -c "false.lua:[0-9]*: the script needs more than 256 MiB" <<<"$out")" = $((${way#* } + 1)) ] ||
        complain "$way: not every value is counted"
done
# By the hundred thousand they take no quadratic time.
script many.lua <<'END'
local mw = require "moonweave"
local names, out = {}, {}
for i = 1, 2e5 do names[i] = "choice" .. i out["output" .. i] = i end
assert(mw.params { c = { "choice77", "one of many", choices = names } }.c == "choice77")
mw.output(out)
END
before=$SECONDS
run run "$dir/many.lua"
status 0
prints $'output200000\t200000'
((SECONDS - before < 20)) || complain "quadratic"
# What Lua no longer reaches on the device goes when the device needs it.
script garbage.lua <<'END'
local mw = require "moonweave"
local row = {}
for i = 1, 1000 do row[i] = 1 end
local column = mw.tensor(row):reshape(1000, 1)
local line = mw.tensor(row):reshape(1, 1000)
for _ = 1, 200 do local _ = column:matmul(line) end
mw.output { x = 1 }
END
run run "$dir/garbage.lua" --memory=64M
status 0
script deep.lua <<<'local function f() return 1 + f() end f()'
run run "$dir/deep.lua"
status 3
script deep2.lua <<'END'
local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return (tostring(t)) end tostring(t)
END
run run "$dir/deep2.lua"
status 3
says "deep2.lua: stack overflow"
script nodes.lua <<<'local mw = require "moonweave" local t = {} t[1] = t mw.hello { name = t }'
run run "$dir/nodes.lua"
status 3
says "nested more than"
finish
