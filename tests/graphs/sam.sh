# sam.sh: Segment Anything's masks inside mw.lmd and mw.lmd_plus: each form of prompt, on a plain and on a gated network,
# equals the nodes wired by hand on the object's own picture; what is refused; where it falls back to the box.
models=$PWD/tests/golden/lmd/models
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for part in vae text_encoder scheduler; do ln -s "$models/$part" "$dir/$part"; done
ln -s "$models/unet_gated" "$dir/unet"
ln -s "$PWD/models/clip_vocab" "$dir/tokenizer"
cat >"$dir/model_index.json" <<'END'
{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
 "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
 "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"]}
END
"$BIN"/moonweave run tests/graphs/sam/masks.lua -p plain=models/miniature -p gated="$dir" -p sam="$models/sam" -o "$dir/out" \
    >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
grep -q "otherwise' is taken" "$dir/log" || { echo "no word of the box that is taken"; cat "$dir/log"; exit 1; }
