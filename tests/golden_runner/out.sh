# out.sh: --out writes every tensor that was checked, each once; maps under any name they are asked for; whole runs with the
# fast schedule.
golden=$BIN/golden cases=tests/golden
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
fail() {
    echo "$*"
    status=1
}

# Beside copies, links to all cases: the models that they name are found.
for family in $cases/*/; do
    mkdir -p "$dir/$(basename "$family")"
    ln -s "$PWD/$family"* "$dir/$(basename "$family")"
done
copy() {
    rm -f "${dir:?}/$1" && cp -r "$cases/$1" "$dir/$1" && rm -rf "$dir/out"
}

# whole CASE: what it writes, taken for what is expected, is met by as many tensors as the case has.
whole() {
    local before after
    before=$("$golden" --out "$dir/out" "$dir/$1" 2>"$dir/errors" | tail -1)
    cp "$dir/out/actual.safetensors" "$dir/$1/expected.safetensors" 2>"$dir/errors" || fail "$1: nothing is written: $(cat "$dir/errors")"
    after=$("$golden" "$dir/$1" 2>&1 | tail -1)
    grep -q " 0 missed, 0 not computed" <<<"$before" || fail "$1: $before"
    [ "$before" = "$after" ] || fail "$1: $before; of what it writes: $after"
}

for name in compose_plain compose_aligned compose_fast compose_horizontal blend_noise; do
    copy lmd/$name
    whole lmd/$name
done

# The maps of a guidance step are the first variant's, however that is called.
copy lmd/guidance_step
LC_ALL=C sed -i 's/early_4/first_1/g' "$dir/lmd/guidance_step/"{case.json,expected.safetensors}
whole lmd/guidance_step

# Short names of cross-attentions; the header keeps its length.
copy unet/sd15_attention
path=mid_block.attentions.0.transformer_blocks.0.attn2
sed -i "s/\"$path\"/\"mid\"/" "$dir/unet/sd15_attention/case.json"
pad=$(printf '%*s' $((${#path} - 3)) '')
LC_ALL=C sed -i "s|/$path\"|/mid\"$pad|" "$dir/unet/sd15_attention/"{inputs,expected}.safetensors
"$golden" "$dir/unet/sd15_attention" 2>&1 | grep -q "ok    attn/mid " || fail "the map 'mid' is left out"
whole unet/sd15_attention

# Composed are only the steps that both schedules have; guidance and the picture don't change, the masks being the same.
for name in full_2box lmd_plus_2box; do
    copy lmd/$name
    sed -i 's/"use_fast_schedule": false/"use_fast_schedule": true/' "$dir/lmd/$name/case.json"
    log=$("$golden" --out "$dir/out" "$dir/lmd/$name" 2>&1)
    [ $? = 7 ] && grep -q ", 0 not computed" <<<"$log" || fail "$name, fast: $log"
    for tensor in final_latents energies overall_step mask/0 mask/1; do
        grep -q "ok    $tensor " <<<"$log" || fail "$name, fast: $(grep " $tensor " <<<"$log")"
    done
    steps=7
    [ $name = full_2box ] || steps=5
    grep -q "composed .* shape \[$steps,1,4,32,32\]" <<<"$log" || fail "$name, fast: $(grep composed <<<"$log")"
    cp "$dir/out/actual.safetensors" "$dir/lmd/$name/expected.safetensors"
    whole lmd/$name
done
exit $status
