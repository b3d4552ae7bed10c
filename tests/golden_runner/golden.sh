# golden.sh: the program golden: right cases, a wrong one, unreadable ones, what it writes.
golden=$BIN/golden cases=tests/golden
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
fail() {
    echo "$*"
    status=1
}
# expect CODE TEXT ARGUMENT...: the exit status, and a text that the output must hold.
expect() {
    local code=$1 text=$2
    shift 2
    "$golden" "$@" >"$dir/log" 2>&1
    local got=$?
    [ $got = "$code" ] || fail "golden $*: exit status $got instead of $code"
    grep -qF -e "$text" "$dir/log" || fail "golden $*: no '$text' in: $(tail -5 "$dir/log")"
}

expect 0 "noise/torch_cpu: 40 right, 0 missed, 0 not computed" $cases/noise/torch_cpu
expect 0 "noise/numpy: 84 right, 0 missed, 0 not computed" --dtype f16 $cases/noise/numpy $cases/noise/philox_cuda
expect 0 "clip_tokenizer/fuzz: 6 right, 0 missed, 0 not computed" $cases/clip_tokenizer/fuzz $cases/clip_tokenizer/written

# What it writes is what it computed: as a case's expectation it is met exactly.
expect 0 "right" --out "$dir/one" $cases/noise/torch_cpu
expect 0 "right" --out "$dir/two" $cases/noise/torch_cpu $cases/clip_tokenizer/fuzz
expect 0 "right" $cases/noise/torch_cpu --out "$dir/behind" --dtype f32
cmp "$dir/one/actual.safetensors" "$dir/behind/actual.safetensors" || fail "options behind the folder do not count"
expect 0 "usage: golden" --help
expect 2 "'--frobnicate' is no option" --frobnicate $cases/noise/torch_cpu
cmp "$dir/one/actual.safetensors" "$dir/two/noise/torch_cpu/actual.safetensors" || fail "two ways to write, two files"
cmp "$dir/two/clip_tokenizer/fuzz/actual.safetensors" /dev/null >/dev/null 2>&1 && fail "an empty file"
cp -r $cases/noise/torch_cpu "$dir/again"
cp "$dir/one/actual.safetensors" "$dir/again/expected.safetensors"
expect 0 "max_abs 0.00e+00" "$dir/again"

# Another seed's values under the old names are a miss, whatever comes after.
cp -r $cases/noise/torch_cpu "$dir/wrong"
rename_seed() { # the name of seed 42 becomes that of seed 43: the values are then of another stream
    LC_ALL=C sed -i 's/words\.seed42"/words.seed43"/' "$1/expected.safetensors"
    sed -i 's/^   42,$/   43,/' "$1/case.json"
}
rename_seed "$dir/wrong"
expect 7 "MISS  words.seed43" "$dir/wrong" $cases/noise/numpy
grep -qF "not computed" "$dir/log" || fail "names without a seed in the case are not listed as not computed"

expect 4 "case.json" "$dir/nothing"
mkdir "$dir/empty" && echo '{"op": "noise_numpy", "params": {}}' >"$dir/empty/case.json"
expect 4 "expected.safetensors" "$dir/empty"
echo '{' >"$dir/empty/case.json"
expect 4 "case.json" "$dir/empty"
cp -r $cases/noise/torch_cpu "$dir/cut" && truncate -s 3000 "$dir/cut/expected.safetensors"
expect 4 "expected.safetensors" "$dir/cut" $cases/noise/numpy
cp -r $cases/noise/torch_cpu "$dir/other" && sed -i 's/"op": "[a-z_]*"/"op": "weather"/' "$dir/other/case.json"
expect 0 "op weather is not computed yet" "$dir/other"
expect 2 "usage" --dtype f64 $cases/noise/torch_cpu
expect 2 "usage"
exit $status
