# llama.sh: language models: streams, norms, logits and greedy tokens, from folders and GGUF files, weights in f32 and f16.
for dtype in f32 f16; do
    "$BIN"/golden --dtype $dtype tests/golden/llama/* tests/golden/gguf/*_q* >/tmp/mw_llama.$$ 2>&1
    status=$?
    grep -v -e '^  ok' -e ' 0 missed, 0 not computed' /tmp/mw_llama.$$
    right=$(grep -c ' 0 missed, 0 not computed' /tmp/mw_llama.$$)
    rm -f /tmp/mw_llama.$$
    [ $status = 0 ] && [ "$right" = "$(ls -d tests/golden/llama/* tests/golden/gguf/*_q* | wc -l)" ] || { echo "$dtype: $right right"; exit 1; }
done
