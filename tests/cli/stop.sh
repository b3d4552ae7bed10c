#!/bin/bash
# stop.sh: Ctrl-C at any moment ends a run soon, with status 130, and leaves nothing; tests/bench/stop.sh does it at true size.
. tests/cli/lib.bash

LIMIT=3000 LONGEST=3 WORK="$dir" bash tests/bench/stop.sh 5 models/miniature >"$dir/.out" 2>"$dir/.err" || {
    rc=$? out=$(<"$dir/.out") err=$(<"$dir/.err")
    complain "an interrupt took too long, ended otherwise or left something"
}

# Though nobody reads what it prints.
script prints.lua <<'END'
local mw = require "moonweave"
for i = 1, 1e9 do print("line", i) end
END
mkfifo "$dir/pipe"
sleep 20 >/dev/null <"$dir/pipe" &
reader=$!
"$bin" run "$dir/prints.lua" >"$dir/pipe" 2>"$dir/.err" &
pid=$!
sleep 1
begin=$SECONDS
kill -INT $pid
wait $pid
rc=$? out="" err=$(<"$dir/.err")
kill $reader 2>/dev/null
status 130
says interrupted
[ $((SECONDS - begin)) -lt 4 ] || complain "it waited for a reader"

finish
