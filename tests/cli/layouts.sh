# layouts.sh: what layout says of its boxes names the script's line, where the layout comes from, the box and the prompt.
. tests/cli/lib.bash
cd "$dir" || exit 2
list="[('a cat', [400, 400, 120, 120]), ('a cup', None)]"
printf '%s\nBackground prompt: A wall' "$list" >answer.txt
printf 'Caption: a cat at a wall\nObjects: %s\nBackground prompt: A wall' "$list" >captioned.txt
echo '{"objects": [{"phrase": "a cat", "box": [400, 400, 120, 120]}]}' >layout.json
printf '{}\nBackground prompt: A void' >void.txt
printf "[('a ladder', [513, 25, 64, 300])]\nBackground prompt: A wall" >off.txt

# made ARGUMENTS: a run of mw.layout { ARGUMENTS }.
made() {
    script made.lua <<END
local mw = require "moonweave"
local f = io.open("answer.txt")
local answer = f:read "*a"
f:close()
mw.output {
  layout = mw.layout { $1 } }
END
    rm -rf out
    run run made.lua -o out
}
made 'text = answer'
status 0
says "warning: made.lua:6: layout: the layout's text: box 1, \"a cat\": the box {400, 400, 120, 120} sticks out"
says "is cut to {400, 400, 112, 112}"
says "the layout's text: box 2, \"a cup\", is left out: it has no coordinates"
made 'text = answer, prompt = "a cat at a wall"'
says "made.lua:6: layout: the layout's text, for \"a cat at a wall\": box 1, \"a cat\""
made 'path = "answer.txt"'
says "made.lua:6: layout: answer.txt: box 1, \"a cat\""
made 'path = "captioned.txt"'
says "made.lua:6: layout: captioned.txt, for \"a cat at a wall\": box 2, \"a cup\""
made 'path = "layout.json"'
says "made.lua:6: layout: layout.json: object 1 ('a cat'): the box {400, 400, 120, 120} sticks out"
made 'objects = { { phrase = "a cat", box = { 400, 400, 120, 120 } } }'
says "made.lua:6: layout: the layout: object 1 ('a cat'): the box {400, 400, 120, 120} sticks out"
made 'path = "void.txt"'
status 0
printf '\xef\xbb\xbf' | cat - layout.json >marked.json
made 'path = "marked.json"'
status 0
made 'path = "off.txt"'
status 4
says "made.lua:6: layout: off.txt: box 1, \"a ladder\": the box {513, 25, 64, 300} lies wholly off the canvas"
made 'path = "off.txt", prompt = "a ladder", mode = "faithful"'
status 0
says_not warning
finish
