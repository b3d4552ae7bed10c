# lmd.sh: the reference cases of layouts that need no device, and that a wrong answer in JSON is a miss.
golden=$BIN/golden cases=tests/golden/lmd
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
fail() {
    echo "$*"
    status=1
}
for name in parse phrase_indices eval_layout geometry shift_maps; do
    "$golden" --out "$dir/$name" "$cases/$name" >"$dir/log" 2>&1 || fail "$name: $(tail -5 "$dir/log")"
    grep -qE "^  --|not computed yet|expected.json not computed" "$dir/log" && fail "$name: $(grep "not computed" "$dir/log" | head -3)"
done

# What it writes is met by itself; one changed value is a miss; of an error only that there is one counts.
cp -r $cases/parse "$dir/again"
cp "$dir/parse/actual.json" "$dir/again/expected.json"
"$golden" "$dir/again" >/dev/null 2>&1 || fail "what it wrote is not what it computes"
grep -q '"error": "completion: ' "$dir/parse/actual.json" || fail "no sentence in the error it wrote"
sed -i 's/two pandbears/two pandabears/' "$dir/again/expected.json"
"$golden" "$dir/again" >"$dir/log" 2>&1
[ $? = 7 ] || fail "a wrong text is no miss"
grep -q "MISS  expected.json.rows" "$dir/log" || fail "the place of the miss is not told: $(cat "$dir/log")"
exit $status
