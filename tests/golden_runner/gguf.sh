# gguf.sh: GGUF files by the program golden: blocks and weights bit for bit, every kind of metadata.
golden=$BIN/golden cases=tests/golden/gguf
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
fail() {
    echo "$*"
    status=1
}
"$golden" $cases/blocks $cases/quantize $cases/metadata >"$dir/log" 2>&1 || fail "$(cat "$dir/log")"
for line in "gguf/blocks: 14 right, 0 missed, 0 not computed" "gguf/quantize: 7 right, 0 missed, 0 not computed" \
    "gguf/metadata: 11 right, 0 missed, 0 not computed"; do
    grep -qF "$line" "$dir/log" || fail "no '$line' in: $(cat "$dir/log")"
done

# One bit of a block, one character of a key's value: each is a miss.
cp -r $cases/blocks "$dir/blocks"
printf '\001' | dd of="$dir/blocks/inputs.safetensors" bs=1 seek=$(($(stat -c %s "$dir/blocks/inputs.safetensors") - 5)) conv=notrunc 2>"$dir/dd"
"$golden" "$dir/blocks" >"$dir/log" 2>&1
[ $? = 7 ] && grep -q MISS "$dir/log" || fail "another bit is no miss: $(cat "$dir/log")"
cp -r $cases/metadata "$dir/metadata"
LC_ALL=C sed -i 's/testarch/testarcs/' "$dir/metadata/file_v2.gguf"
"$golden" "$dir/metadata" >"$dir/log" 2>&1
[ $? = 7 ] && grep -qF "'general.architecture' is another value" "$dir/log" || fail "another text is no miss: $(cat "$dir/log")"
cp -r $cases/quantize "$dir/quantize"
printf '\377' | dd of="$dir/quantize/expected.safetensors" bs=1 seek=$(($(stat -c %s "$dir/quantize/expected.safetensors") - 5)) conv=notrunc 2>"$dir/dd"
"$golden" "$dir/quantize" >"$dir/log" 2>&1
[ $? = 7 ] && grep -q MISS "$dir/log" || fail "another byte is no miss: $(cat "$dir/log")"
exit $status
