#!/bin/bash
# examples.sh: every whole script in the README, the tutorial and the reference runs.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for doc in README.md docs/{tutorial,samplers,layouts,layout-guidance}.md; do
    awk -v out="$dir/$(basename "$doc" .md)" '/^```lua/ {n++; f = out "-" n ".lua"; next} /^```/ {f = ""} f {print > f}' "$doc"
done
run=0
for script in "$dir"/*.lua; do
    grep -q 'mw.output' "$script" || continue
    "$BIN/moonweave" run "$script" -o "$dir/out" > /dev/null || { echo "$(basename "$script") fails:"; cat "$script"; exit 1; }
    run=$((run + 1))
done
# What the tutorial and the page on samplers print is whole: none of it is skipped for lack of an output.
for doc in README tutorial samplers; do
    grep -q 'mw.output' "$dir/$doc"-*.lua || { echo "$doc prints no whole script"; exit 1; }
done
[ "$run" -ge 3 ]
