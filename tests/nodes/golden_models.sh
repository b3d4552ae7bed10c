# golden_models.sh: single files and LoRAs against the goldens.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for dtype in f32 f16; do
    "$BIN"/golden --dtype $dtype tests/golden/single_file/* tests/golden/lora/* >"$log" 2>&1 || { cat "$log"; exit 1; }
    if grep -E '0 right| [1-9][0-9]* (missed|not computed)' "$log"; then exit 1; fi
done
