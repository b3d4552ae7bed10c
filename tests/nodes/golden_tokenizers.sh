# golden_tokenizers.sh: the tokenizers of language models against the goldens, from their own files and from GGUF.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$BIN"/golden tests/golden/tokenizers/* >"$log" 2>&1 || { cat "$log"; exit 1; }
[ "$(grep -c 'expected.json right' "$log")" = "$(ls tests/golden/tokenizers | wc -l)" ] || { cat "$log"; exit 1; }
