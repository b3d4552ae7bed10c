# benchmark_layouts.sh: the bundled graph's table of the bundled completions, in both modes.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# table MODE ROW...: the rows of accuracy.csv after the names.
table() {
    local mode=$1 got
    shift
    "$BIN"/moonweave run graphs/benchmark_layouts.lua -p mode="$mode" -o "$dir/$mode" >"$dir/log" 2>&1 || { cat "$dir/log"; failed=1; }
    got=$(tail -n +2 "$dir/$mode/accuracy.csv" | xargs)
    [ "$got" = "$*" ] || { echo "$mode: $got, expected $*"; failed=1; }
}
# task, prompts, passed, accuracy, unreadable, missing
table strict negation,3,3,100,0,97 numeracy,4,3,75,0,96 attribution,1,1,100,0,99 spatial,2,1,50,1,98 all,10,8,80,1,390
table faithful negation,3,3,100,0,97 numeracy,4,1,25,0,96 attribution,1,1,100,0,99 spatial,2,0,0,2,98 all,10,5,50,2,390
grep -q '^111,A realistic photo of a scene with one cat,numeracy,true,a cat 0 0 512 512,A realistic scene,,$' "$dir/strict/layouts.csv" ||
    { echo "no row of the one cat"; failed=1; }
grep -q 'there is no ""Background prompt:""' "$dir/strict/layouts.csv" || { echo "no reason"; failed=1; }

echo '{"A realistic photo of a scene with one cat": ["[]\nBackground prompt: a", "more than asked", "and more", "4", "5", "6",
  "7", "8", "9", "10"], "another prompt": ["[]"]}' >"$dir/more.json"
"$BIN"/moonweave run graphs/benchmark_layouts.lua -p completions="$dir/more.json" -o "$dir/more" >"$dir/log" 2>&1
grep -q "^unused	9$" "$dir/log" || { echo "unused completions are not told"; cat "$dir/log"; failed=1; }
echo '{"A realistic photo of a scene with one cat": [5]}' >"$dir/wrong.json"
"$BIN"/moonweave run graphs/benchmark_layouts.lua -p completions="$dir/wrong.json" -o "$dir/more" >"$dir/log" 2>&1
[ $? = 3 ] && grep -q "has a completion that is no text" "$dir/log" || { echo "a number is taken for a text"; cat "$dir/log"; failed=1; }
exit $failed
