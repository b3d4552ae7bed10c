# golden_tokenizers.sh: the tokenizers of language models and chat templates against the goldens.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$BIN"/golden tests/golden/tokenizers/* tests/golden/chat_templates >"$log" 2>&1 || { cat "$log"; exit 1; }
[ "$(grep -c 'expected.json right' "$log")" = $(($(ls tests/golden/tokenizers | wc -l) + 1)) ] || { cat "$log"; exit 1; }
