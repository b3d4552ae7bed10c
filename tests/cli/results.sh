# results.sh: where results go: numbers of runs, folders that cannot be written; and many runs from the lines of a file.
. tests/cli/lib.bash

script two.lua <<'LUA'
local mw = require "moonweave"
local p = mw.params { said = { "one\ntwo", "a text" }, n = { 1, "a number", min = 1 } }
local text = mw.hello { name = p.said, times = p.n }
mw.output { text = text.greeting, list = { 1, p.n } }
LUA
cd "$dir" || exit 1

# The first run number that is free of all outputs together; --overwrite goes back to the first.
run run two.lua -o out
prints "$(printf 'text\tout/text.txt')"
prints "$(printf 'list\tout/list.json')"
run run two.lua -o out
prints "$(printf 'text\tout/text-0002.txt')"
prints "$(printf 'list\tout/list-0002.json')"
rm out/text-0002.txt
run run two.lua -o out
prints "$(printf 'text\tout/text-0003.txt')"
rm out/text-0003.txt out/list-0003.json out/list-0002.json
touch out/text-0002_7.png out/other-0003.txt out/text-0004 out/text-04.txt
run run two.lua -o out
prints "$(printf 'text\tout/text-0003.txt')"
run run two.lua -o out --overwrite -p n=2
prints "$(printf 'text\tout/text.txt')"
[ "$(wc -l <out/text.txt)" = 3 ] || complain "the first run's file was not replaced"

# A folder that cannot be written is found before anything runs, and nothing is made.
script slow.lua <<'LUA'
local mw = require "moonweave"
print "ran"
mw.output { text = mw.hello { name = "a\nb" }.greeting }
LUA
: >file
ln -s nowhere/at/all link
for place in file file/below /proc/nowhere link link/below; do
    run run "$dir/slow.lua" -o $place
    status 1
    says "$place: results cannot be written there"
    silent_out
done
run run "$dir/slow.lua" -o ""
status 2
says "must name a folder"
run run "$dir/slow.lua" -o new/deep
status 0
[ -s new/deep/text.txt ] || complain "no result in a new folder"

# -p name=@file, @- and @@.
printf 'from a file\r\n' >words
run run two.lua -p said=@words -o at
grep -qx 'hello, from a file' at/text.txt 2>/dev/null || prints "$(printf 'text\thello, from a file')"
out=$(printf 'typed\n' | "$bin" run two.lua -p said=@- -o at)
[[ $out == *"hello, typed"* ]] || complain "@- is not standard input"
run run two.lua -p said=@@x -o at
prints "$(printf 'text\thello, @x')"
run run two.lua -p said=@nowhere -o at
status 4
says "-p said=@nowhere: nowhere:"
printf 'a\0b' >zero
run run two.lua -p said=@zero
status 4
says "zero: holds a zero byte"
run run two.lua -p said=@
status 2
says "-p said=@: must name a file"

printf '\xef\xbb\xbfwindows\r\n' >marked
run run two.lua -p said=@marked -o at
prints "$(printf 'text\thello, windows')"
run run two.lua -p said=@- -p n=@- -o at
status 2
says "-p n=@-: standard input can be read once only"
run run two.lua -p said=@- --each n=- -o at
status 2
says "--each=n=-: standard input can be read once only"

# A run for each line; a failed one is told, the others go on.
printf '1\n\n0\n2\nx\n' >lines
run run two.lua --each n=lines -p said=moon -o each
status 1
prints "$(printf 'list\teach/list.json')"
prints "$(printf 'list\teach/list-0002.json')"
[ ! -e each/list-0003.json ] || complain "a failed line left a result"
says "line 3: -p n=0: 'n' must be a number of at least 1, got 0"
says "line 5: -p n=x: 'n' must be"
says "2 of 4 runs failed"
# Numbered from 1 when earlier files are replaced, so that no line's result replaces another's.
printf '\xef\xbb\xbf3\nx\n4\n' >lines
run run two.lua --each n=lines -p said=moon -o each --overwrite
prints "$(printf 'list\teach/list.json')"
prints "$(printf 'list\teach/list-0002.json')"
says "1 of 3 runs failed"
[[ $(tr -d ' \n' <each/list.json)$(tr -d ' \n' <each/list-0002.json) == "[1,3][1,4]" ]] ||
    complain "the lines' results are not numbered"
[ ! -e each/list-0003.json ] || complain "a failed line took a number"
printf '1\n\n0\n2\nx\n' >lines
out=$(printf 'a\nb\n' | "$bin" run two.lua --each said=- -o each)
[[ $out == *"hello, a"*"hello, b"* ]] || complain "--each does not read standard input"
run run two.lua --each n=
status 2
run run two.lua --each m=lines
status 2
says "has no parameter 'm'"
says_not "line 1"
run run two.lua --each n=lines -p n=3
status 2
says "--each=n=lines: -p n=3 sets the same parameter"
run run two.lua --each n=lines --each said=lines
status 2
says "--each is given twice"
run run two.lua --each n="$dir"
status 4
says "$dir: can't be read: Is a directory"
printf 'a\0b\nc\n' >holes
run run two.lua --each said=holes
status 1
says "line 1: holds a zero byte"
says "1 of 2 runs failed"
[[ $out == *"hello, c"* ]] || complain "the line behind the zero byte was not run"
run run two.lua --each n=/dev/null
status 4
run check two.lua --each n=lines
status 2

# Which sign a NaN has is the processor's matter.
script nan.lua <<'LUA'
require("moonweave").output { a = 0 / 0, b = -(0 / 0), c = -1 / 0 }
LUA
run run nan.lua
prints "$(printf 'a\tnan')"
prints "$(printf 'b\tnan')"
prints "$(printf 'c\t-inf')"

# A script's own relative path begins beside the script, one that was typed in the working folder.
mkdir -p sub other
cat >sub/path.lua <<'LUA'
local mw = require "moonweave"
local p = mw.params { layout = { "own.json", "a file" } }
mw.output { n = #mw.layout { path = p.layout }:value().objects }
LUA
printf '{"objects": []}' >sub/own.json
printf '{"objects": [{"phrase": "a star", "box": [0, 0, 9, 9]}]}' >other/own.json
cd other || exit 1
run run ../sub/path.lua
prints "$(printf 'n\t0')"
run run ../sub/path.lua -p layout=own.json
prints "$(printf 'n\t1')"
rm own.json
run run ../sub/path.lua -p layout=own.json
prints "$(printf 'n\t0')"
run run ../sub/path.lua -p layout=nowhere.json
status 4
says "nowhere.json: no such file or folder (looked in the working folder, ../sub, "
cd .. || exit 1

# A graph's own parameters, also where the rest of it is wrong.
script odd.lua <<'LUA'
local mw = require "moonweave"
local p = mw.params { eta = { 2, "a strength", alias = "η", min = 0 } }
mw.nothing {}
LUA
run run odd.lua --help
status 0
prints "  -p eta=2"
prints "      a number of at least 0: a strength"
prints "      also: η"
run run nowhere.lua --help
status 4
finish
