# tables.sh: mw.json reads files, mw.table is written as CSV and JSON.
. tests/cli/lib.bash
cd "$dir" || exit 2

script read.lua <<'END'
local mw = require "moonweave"
local p = mw.params { data = { "data.json", "a file" } }
local j = mw.json(p.data)
print(j.number, j.list[2], #j.list, j.map.text, j.none, j.yes)
mw.output { done = true }
END
echo '{"number": 1.5, "list": [1, 2, 3], "map": {"text": "h\u00e9"}, "none": null, "yes": true}' >data.json
run run read.lua
status 0 && prints "1.5	2	3	hé	nil	true"
printf '\xef\xbb\xbf{"list": [1,\n 2, 3}' >broken.json
run run read.lua -p data=broken.json
status 4 && says "read.lua:3: broken.json: line 2"
run run read.lua -p data=nowhere.json
status 4 && says "nowhere.json: no such file"
echo '{"a": 1, "a": 2}' >twice.json
run run read.lua -p data=twice.json
status 4 && says "duplicate object key"
mkdir -p inside && echo '[1]' >outside.json && cat >inside/outside.lua <<'END'
local mw = require "moonweave"
print(mw.json("../outside.json")[1])
mw.output { done = true }
END
run run inside/outside.lua
status 3 && says "../outside.json lies outside the graph's folder"
run run --trust inside/outside.lua
status 0 && prints 1
script wrong.lua <<'END'
require "moonweave".json { "data.json" }
END
run run wrong.lua
status 3 && says "wrong.lua:1: json: expected mw.json(path), got a table"

script write.lua <<'END'
local mw = require "moonweave"
local hello = mw.hello {}
local columns = { "name", "a,b", "n" }
local rows = { { "x \"y\"", "line\nbreak", 1e-5 }, { name = " blank", n = true }, { hello, { 1, 2 }, hello.length } }
mw.output {
  plain = mw.table { columns = columns, rows = rows }, objects = mw.table { columns = columns, rows = rows, format = "json" },
  empty = mw.table { columns = { "only" }, rows = {} },
}
END
run run write.lua -o out
status 0 && prints "plain	out/plain.csv" && prints "objects	out/objects.json" && prints "empty	out/empty.csv"
cat >want.csv <<'END'
name,"a,b",n
"x ""y""","line
break",1e-05
" blank",,true
"hello, world","[1,2]",12
END
cmp -s want.csv out/plain.csv || complain "plain.csv is $(cat out/plain.csv)"
[ "$(cat out/empty.csv)" = only ] || complain "empty.csv is $(cat out/empty.csv)"
script again.lua <<'END'
local mw = require "moonweave"
local j = mw.json("out/objects.json")
print(#j, j[1].n, j[2]["a,b"], j[2].n, j[3].name, j[3]["a,b"][2])
mw.output { done = true }
END
run run again.lua
status 0 && prints "3	1e-05	nil	true	hello, world	2"

# A cell alone in its row is seen where it is empty, and a path is read to its end.
script edges.lua <<'END'
local mw = require "moonweave"
assert(not pcall(mw.json, "out/objects.json\0x"))
mw.output { alone = mw.table { columns = { "a" }, rows = { { "" }, { 1 } } } }
END
run run edges.lua -o out
status 0
[ "$(cat out/alone.csv)" = $'a\n""\n1' ] || complain "alone.csv is $(cat out/alone.csv)"

# wrong ROWS SENTENCE: refused.
wrong() {
    script table.lua <<END
local mw = require "moonweave"
mw.output { t = mw.table { columns = $1, rows = $2 } }
END
    run run table.lua -o out
    status 3 && says "$3"
    [ ! -e out/t.csv ] || complain "something was written"
}
wrong '{ "a", "b" }' '{ { 1, 2 }, { 1 } }' "table.lua:2: table: row 2 must have 2 cells, one for each column, got 1"
wrong '{ "a" }' '{ { b = 1 } }' "row 1: there is no column 'b'"
wrong '{ "a", "a" }' '{}' "'columns' has 'a' twice"
wrong '{}' '{}' "'columns'"
wrong '"a"' '{ { 1 } }' "'columns' must be a list of names, got \"a\""
wrong '{ "a" }' '{ 5 }' "row 1 must be a list of cells, one for each column, got a number"
wrong '{ "a" }' '{ { mw.noise { width = 64, height = 64 } } }' "row 1: 'a' is a tensor"
finish
