# emit.sh: a text that a node hands out while it runs: word by word on a terminal, nowhere else.
. tests/cli/lib.bash

script words.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params { wrong = { "", "what to hand out instead" } }
local write = mw.node { name = "write", inputs = {}, outputs = { text = "text" }, emits = { token = "text", seen = "number" },
  params = { wrong = "" },
  run = function(_, prm)
    local all = ""
    for _, word in ipairs { "once ", "upon ", "a time" } do
      all = all .. word
      mw.emit("token", word)
      mw.emit("seen", #all)
    end
    if prm.wrong == "name" then mw.emit("word", "x") end
    if prm.wrong == "type" then mw.emit("token", 1) end
    return { text = all }
  end }
if p.wrong == "place" then mw.emit("token", "x") end
mw.output { text = write { wrong = p.wrong } }
END_OF_SCRIPT

run run "$dir/words.lua"
status 0
prints $'text\tonce upon a time'
[ -z "$err" ] || complain "expected nothing on stderr"

# On a terminal the words stand on a line of their own, which ends before the results begin.
seen=$(TERM=xterm command script -qec "'$bin' run '$dir/words.lua'" /dev/null </dev/null | tr -d '\r' | sed 's/\x1b\[K//g')
[[ $seen == *$'once upon a time\ntext\tonce upon a time' ]] || complain "on a terminal: $seen"
seen=$(TERM=xterm command script -qec "'$bin' run -q '$dir/words.lua'" /dev/null </dev/null | tr -d '\r')
[ "$seen" = $'text\tonce upon a time' ] || complain "on a terminal, quiet: $seen"

# A name or type that is not declared, and a place where nothing runs, are mistakes.
run run "$dir/words.lua" -p wrong=name
says "words.lua:12: emit: it hands out no 'word': its declaration says what it emits"
[ "$rc" != 0 ] || complain "expected a failure"
run run "$dir/words.lua" -p wrong=type
says "words.lua:13: emit: 'token' must be of type text, got a number"
[ "$rc" != 0 ] || complain "expected a failure"
run run "$dir/words.lua" -p wrong=place
status 3
says "words.lua:16: emit: only a node's run() hands out values"

# Nodes say what they hand out.
run nodes ddim_step
[[ $out == *"handed out while it runs:"*"preview"*"latents"* ]] || complain "expected what ddim_step hands out"

finish
