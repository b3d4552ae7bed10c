# keys.sh: when a node is run again: not for a comment, for another number; for a file that was written meanwhile.
. tests/cli/lib.bash

# What is computed by the same instructions is computed once, wherever it stands and whatever its variables are called.
script moved.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local function value(text)
  local f = assert(load(text))()
  return mw.node { name = "n", params = { x = 4 }, outputs = { v = "number" }, run = f } {}:value()
end
local a = value "return function(i, p) local y = p.x * 2 print 'run' return { v = y } end"
local b = value "\n\n-- twice\nreturn function(given, p)\n  local z = p.x * 2 -- here\n  print 'run'\n  return { v = z }\nend"
assert(a == b)
local c = value "return function(i, p) local y = p.x * 3 print 'run' return { v = y } end"
assert(a == 8 and c == 12)
mw.output { n = a }
END_OF_SCRIPT
run run "$dir/moved.lua"
status 0
[ "$(grep -c '^run$' <<<"$out")" = 2 ] || complain "expected two runs"

# A path is looked up anew for each value, the same handle's too, also when two writes share a tick of the clock.
script written.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local dir = mw.params { dir = { "", "where" } }.dir
local function write(prompt)
  local f = assert(io.open(dir .. "/layout.json", "w"))
  f:write('{"objects": [{"phrase": "', prompt, '", "box": [0, 0, 64, 64]}], "background": "b"}')
  f:close()
end
local function read() return mw.layout { path = dir .. "/layout.json" } end
write "a star"
local kept = read()
assert(kept:value().objects[1].phrase == "a star")
for _, phrase in ipairs { "a moon", "a rock", "a pond" } do
  write(phrase)
  assert(read():value().objects[1].phrase == phrase, "another handle")
  assert(kept:value().objects[1].phrase == phrase, "the same handle")
end

-- A node downstream follows; one that another node gives a path has no key.
local first = mw.node { name = "first", inputs = { l = "layout" }, outputs = { t = "text" },
  run = function(i) return { t = i.l.objects[1].phrase } end }
local below = first { l = kept }
assert(below:value() == "a pond")
write "a tree"
assert(below:value() == "a tree")
local where = mw.node { name = "where", params = { d = "" }, outputs = { p = "text" },
  run = function(_, p) return { p = p.d .. "/layout.json" } end }
local function found() return first { l = mw.layout { path = where { d = dir } } }:value() end
assert(found() == "a tree")
write "a bird"
assert(found() == "a bird")

-- One that is written while a run goes on is an error.
local writer = mw.node { name = "writer", inputs = { l = "layout" }, outputs = { t = "text" },
  run = function() write "a cat" return { t = "" } end }
local ok, why = pcall(function() return writer { l = read() }:value() end)
assert(not ok and why:find("written.lua:", 1, true) and why:find("layout: 'path': " .. dir .. "/layout.json changed", 1, true),
  why)
assert(kept:value().objects[1].phrase == "a cat")
mw.output { done = true }
END_OF_SCRIPT
run run --trust "$dir/written.lua" -p dir="$dir"
status 0

# A file counts by what it holds: not by its times, nor by the name that a link gives it.
mkdir "$dir/a" "$dir/b"
echo '{"objects": [{"phrase": "a star", "box": [0, 0, 64, 64]}], "background": "b"}' >"$dir/a/layout.json"
echo '{"objects": [{"phrase": "a moon", "box": [0, 0, 64, 64]}], "background": "b"}' >"$dir/b/layout.json"
ln -s a "$dir/link"
script linked.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local dir = mw.params { dir = { "", "where" } }.dir
local count = mw.node { name = "count", inputs = { l = "layout" }, outputs = { t = "text" },
  run = function(i) print "counted" return { t = i.l.objects[1].phrase } end }
local function phrase() return count { l = mw.layout { path = dir .. "/link/layout.json" } }:value() end
assert(phrase() == "a star")
assert(os.execute("touch -d '2001-01-01' " .. dir .. "/a/layout.json") == 0)
assert(phrase() == "a star")
assert(os.execute("cp -r " .. dir .. "/a " .. dir .. "/c && ln -sfn c " .. dir .. "/link") == 0)
assert(phrase() == "a star")
assert(os.execute("ln -sfn b " .. dir .. "/link") == 0)
assert(phrase() == "a moon")
mw.output { done = true }
END_OF_SCRIPT
run run --trust "$dir/linked.lua" -p dir="$dir"
status 0
[ "$(grep -c '^counted$' <<<"$out")" = 2 ] || complain "expected two runs"

# A picture says how it was made, and replay what is otherwise here.
run run graphs/txt2img.lua -p steps=1 -p width=64 -p height=64 --memory=1G -o "$dir/out"
status 0
run replay "$dir/out/image.png" -o "$dir/again" --memory=1G
status 0
says_not "its last bits may differ"
cmp -s "$dir/out/image.png" "$dir/again/image.png" || complain "another file with the same recipe"
run replay "$dir/out/image.png" -o "$dir/again" --memory=2G
status 0
says "image.png: made with memory limit 1073741824 (here 2147483648): its last bits may differ"
finish
