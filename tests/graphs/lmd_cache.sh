# lmd_cache.sh: the 800 published completions of the layout benchmark, against the record of what the published code
# makes of them. MOONWEAVE_LMD_CACHE: the folder of both; without it this is skipped.
if [ -z "${MOONWEAVE_LMD_CACHE:-}" ]; then
    echo "skipped: MOONWEAVE_LMD_CACHE is not set"
    exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
for part in vae text_encoder scheduler; do ln -s "$PWD/tests/golden/lmd/models/$part" "$dir/$part"; done
ln -s "$PWD/tests/golden/lmd/models/unet_gated" "$dir/unet"
ln -s "$PWD/models/clip_vocab" "$dir/tokenizer"
cat >"$dir/model_index.json" <<'END'
{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
 "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
 "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"]}
END

# check NAME MODE "NEGATION NUMERACY ATTRIBUTION SPATIAL" DIFFERING: how many pass, and how many rows differ.
check() {
    local rows=$dir/$1.json out=$dir/$1-$2 got
    sed '1s/^/[/; $!s/$/,/; $s/$/]/' "$MOONWEAVE_LMD_CACHE/refrows_$1.jsonl" >"$rows"
    "$BIN"/moonweave run tests/graphs/lmd_cache/rows.lua -p rows="$rows" -p model="$dir" -p mode="$2" -o "$out" >"$out.log" 2>&1 ||
        { grep -v '^warning' "$out.log"; failed=1; return; }
    got=$(for k in negation numeracy attribution spatial; do sed -n "s/^$k\t//p" "$out.log"; done | xargs)
    [ "$got" = "$3" ] || { echo "$1, $2: $got pass, expected $3"; failed=1; }
    got=$(($(wc -l <"$out/differing.csv") - 1))
    [ "$got" = "$4" ] || { echo "$1, $2: $got rows differ, expected $4"; failed=1; }
    out=$out-table
    "$BIN"/moonweave run graphs/benchmark_layouts.lua -p mode="$2" -o "$out" \
        -p completions="$MOONWEAVE_LMD_CACHE/cache_lmd_v0.1_$1.json" >"$out.log" 2>&1 || { cat "$out.log"; failed=1; }
    got=$(sed -n 's/^\(negation\|numeracy\|attribution\|spatial\),100,\([0-9]*\),\2,0,0$/\2/p' "$out/accuracy.csv" | xargs)
    [ "$got" = "$3" ] || { echo "$1, $2: the graph's table says $got, expected $3"; failed=1; }
}
check gpt-3.5-turbo faithful "100 97 100 99" 0
check gpt-4 faithful "100 100 100 100" 0
check gpt-3.5-turbo strict "100 98 100 99" 29
check gpt-4 strict "100 100 100 100" 17
exit $failed
