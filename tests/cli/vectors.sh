# vectors.sh: files of vectors, in and out of a graph.
. tests/cli/lib.bash

script again.lua <<'END'
local mw = require "moonweave"
local p = mw.params { file = { "", "a file of vectors", type = "path" } }
local v = mw.vectors { path = p.file }
local captions = v.vectors:value().captions
mw.output { vectors = v, count = #captions, second = captions[2] }
END

# A .pt becomes a safetensors file, and that itself again.
run run "$dir/again.lua" -p file=tests/golden/torch_pt/valid/prompt2vec.pt -o "$dir/one"
status 0
prints "vectors	$dir/one/vectors.safetensors"
prints "count	3"
prints "second	zwei Äpfel auf dem Tisch"
run run "$dir/again.lua" -p file="$dir/one/vectors.safetensors" -o "$dir/two"
status 0
cmp "$dir/one/vectors.safetensors" "$dir/two/vectors.safetensors" || complain "other bytes"

# A hostile one is refused, and does nothing.
run run "$dir/again.lua" -p file=tests/golden/torch_pt/malformed/run_by_reduce.pt -o "$dir/three"
status 4
says "run_by_reduce.pt: its pickle asks for 'posix.system'"
[ ! -e MOONWEAVE_PICKLE_RAN ] || complain "it ran"
finish
