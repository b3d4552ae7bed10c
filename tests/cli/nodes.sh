# nodes.sh: moonweave nodes: functions, tensors and handles are documented as nodes are; lines fit the terminal.
. tests/cli/lib.bash

# All that scripts can reach has its row in the reference and its line in the annotations.
script all.lua <<'END'
local mw = require "moonweave"
for name in pairs(mw) do print("mw." .. name, name) end
for name in pairs(debug.getmetatable(mw.tensor(1))) do
  local operator = name:match "^__(%l+)$"
  if operator and not (" gc tostring newindex metatable "):find(" " .. operator .. " ") then print("operator", operator) end
end
for name in pairs(debug.getmetatable(mw.hello {})) do print("handle", name) end
mw.output { ended = true }
END
run run --trust "$dir/all.lua"
status 0
reachable=$out
run nodes --markdown
reference=$out
run nodes --annotations
annotations=$out
[ "$(grep -c '^mw\.' <<<"$reachable")" -ge 11 ] || complain "mw has lost its functions"
[ "$(grep -c '^operator' <<<"$reachable")" -ge 7 ] || complain "tensors have lost their operators"
while read -r kind name; do
    case $kind in
    mw.*) grep -qE "^\| \`([a-z]+ = )?mw\.$name[ (]" <<<"$reference" || complain "mw.$name has no row"
        grep -q "^---@field $name fun" <<<"$annotations" || complain "mw.$name has no annotation" ;;
    operator) grep -qE "^---@(operator $name\(|field \[integer)" <<<"$annotations" || complain "no operator $name" ;;
    esac
done <<<"$reachable"

# What uses a device can be sent to one; composites are told for all that they make.
takes_device() { run nodes "$1" && grep -q '^  device  ' <<<"$out"; }
takes_device unet && takes_device txt2img || complain "'device' is not listed"
takes_device hello && complain "'device' is listed where it is refused"
for name in params output json node composite bundle fail is_handle choice missing; do
    run nodes $name
    status 0
    [[ $out == *"mw.$name"* ]] || complain "nodes $name says nothing"
    run nodes mw.$name
    status 0
done
run nodes tensor
status 0
prints "  t:sum(dim, keep)"
prints "  t.shape"
prints "  t.grad"
prints "mw.tensor(number or nested table)"
run nodes handle
prints "  handle:value(assumed)"
run nodes txt2img
prints "txt2img (a composite: scripts/moonweave/txt2img.lua)"
run nodes
[[ $out == *$'\nparams '* ]] || complain "params is not listed"
run nodes parms
status 2
says "there is no node or function 'parms' (did you mean 'params'?)"

# What a tensor does not have: the nearest that it has.
script tensor.lua <<'END'
local mw = require "moonweave"
print(pcall(function() return mw.tensor(1).shapes end))
mw.output { ended = true }
END
run run "$dir/tensor.lua"
prints $'false\t'"$dir/tensor.lua:2: a tensor has no 'shapes' (did you mean 'shape'?)"

# On a terminal every sentence is wrapped at its width; else it is one line.
for what in "" schedule tensor txt2img; do
    out=$(command script -qec "stty cols 60; '$bin' nodes $what" /dev/null </dev/null | tr -d '\r')
    [ -n "$out" ] || complain "nothing on a terminal"
    longest=$(grep -vE '^ *(also:|[a-z_]+ +(=|required|optional))|scripts/moonweave' <<<"$out" | wc -L)
    [ "$longest" -le 60 ] || complain "nodes $what: $longest columns"
done
run nodes
[ "$(wc -L <<<"$out")" -gt 100 ] || complain "lines are wrapped in a pipe"
finish
