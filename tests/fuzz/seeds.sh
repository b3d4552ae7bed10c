#!/bin/bash
# seeds.sh DIR: what the fuzzers start from, made of the tests' own files: DIR/TARGET/*, small ones only.
cd "$(dirname "$0")/../.." || exit 2
out=$1
put() { mkdir -p "$out/$1" && head -c 65536 "$2" >"$out/$1/$(echo "$2" | tr '/ ' '__')"; }
small() { find "$@" -type f -size -64k | sort | head -80; }

for f in $(small tests/golden/safetensors -name '*.safetensors') $(small tests/golden/lora -name '*.safetensors'); do put safetensors "$f"; done
for f in $(small tests/golden/gguf -name '*.gguf'); do put gguf "$f"; done
for f in $(small tests/golden/torch_pt -name '*.pt'); do put torch "$f"; done
for f in $(small tests/golden/bad_configs models -name '*.json'); do put json "$f"; done
for f in $(small tests/golden/images tests/golden/bad_images -name '*.png') docs/pictures/*.png; do put png "$f"; done
for f in $(small tests/golden/images tests/golden/bad_images \( -name '*.jpg' -o -name '*.jpeg' \)); do put jpeg "$f"; done
for f in graphs/*.lua tests/graphs/*.lua; do put script "$f"; put script_device "$f"; done
for f in tests/golden/tokenizers/*/model/tokenizer.json; do put tokenizer_json "$f"; done
for f in tests/golden/tokenizers/*/model/tokenizer.model; do put tokenizer_model "$f"; done
for f in tests/golden/tokenizers/*/vocab.gguf; do put tokenizer_gguf "$f"; done
mkdir -p "$out"/{layout,params,folder,lora,template}
printf "[('a red circle', [10, 20, 100, 120]), ('a star', [300, 60, 90, 90])]\nBackground prompt: sky\nNegative prompt: none" >"$out/layout/one"
printf 'Objects: [("two cats", [0, 0, 600, 10])]\nBackground prompt: a "room"\n\nCaption: x' >"$out/layout/two"
i=0
for text in n=2 n=1e9 w=4 ω=3 b=yes t=x 'l=[1,2]' 'm={"a":[1]}' c=B\ C s=DPM++ n=nan q=1; do printf '%s' "$text" >"$out/params/$((i += 1))"; done

# Folders: each file behind a line with its name.
pack() {
    local target=$1 name=$2 f
    shift 2
    for f in "$@"; do printf '=== %s\n' "${f#*:}" && cat "${f%%:*}" && echo; done | head -c 262144 >"$out/$target/$name"
}
for part in unet vae text_encoder; do pack folder "$part" "models/miniature/$part/config.json:config.json"; done
pack folder pipeline models/miniature/model_index.json:model_index.json models/miniature/scheduler/scheduler_config.json:scheduler/scheduler_config.json
printf '{"a</w>": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}' >"$out/vocab"
printf '#version: 0.2\na b</w>\n' >"$out/merges"
printf '{"<cat>": 5}' >"$out/added"
printf '{"weight_map": {"a": "a-00001-of-00001.safetensors"}}' >"$out/index"
pack folder tokenizer "$out/vocab:vocab.json" "$out/merges:merges.txt" "$out/added:added_tokens.json"
pack folder shards "$out/index:model.safetensors.index.json" models/miniature/text_encoder/config.json:config.json
for model in sam owlvit; do
    for f in $(small tests/golden -path "*$model*" -name '*config*.json' | head -4); do pack folder "$model-$(basename "$f")" "$f:config.json"; done
done
for f in $(small tests/golden/lora -name '*.safetensors' | head -12); do pack lora "$(echo "$f" | tr / _)" "$f:pytorch_lora_weights.safetensors"; done
rm -f "$out"/{vocab,merges,added,index}

# Each template of the goldens.
awk -v out="$out/template/" '/^"template": / { t = substr($0, 14); sub(/",?$/, "", t); gsub(/\\n/, "\n", t); gsub(/\\"/, "\"", t); f = out (++n); printf "%s", t > f; close(f) }' \
    tests/golden/chat_templates/jinja.json
