#!/bin/bash
# stop.sh [COUNT [MODEL]]: interrupts `moonweave run` COUNT times (50) at random moments, one after the other, and prints how
# long each took to end: txt2img and guided steps in turn, every fifth with no kernel compiled before. MODEL: a checkpoint;
# without one a random one of SD 1.5's size is made, and pictures are 512x512.
#
# What was measured is kept in build/stop/times, so that a broken run goes on where it was; remove it to begin anew. The exit
# status is 1 when one took longer than LIMIT ms (200), ended otherwise than with status 130, or left a file behind.
cd "$(dirname "$0")/../.." || exit 2
count=${1:-50} model=$2 limit=${LIMIT:-200} longest=${LONGEST:-40} # s until the interrupt at most
work=${WORK:-build/stop}
bin=$(realpath "${BIN:-build}")/moonweave
mkdir -p "$work"
if [ -z "$model" ]; then
    model=$work/sd1
    [ -e "$work/made" ] || { scripts/dev/random_checkpoint.sh sd1 "$model" && touch "$work/made"; } || exit 2
fi
cat >"$work/guided.lua" <<'END'
local mw = require "moonweave"
local p = mw.params { model = { "", "a checkpoint" } }
local sd = mw.checkpoint { path = p.model }
local layout = mw.layout { objects = { { phrase = "a red circle", box = { 8, 8, 200, 200 } } }, background = "night sky" }
local s, z = mw.schedule { model = sd, steps = 50 }, mw.noise { model = sd }
local facts = mw.layout_phrases { model = sd, layout = layout }
local text = mw.text_encoder { model = sd, prompt = facts.prompt }
local last
for step = 0, 9 do
  last = mw.box_attention_guide {
    model = sd, latents = z, schedule = s, step = step, embedding = text.embedding, tokens = text.tokens, layout = layout,
    iterations = 50, threshold = -1000, state = last and last.state,
  }
  z = last.latents
end
mw.output { z = z }
END
cp graphs/txt2img.lua "$work/txt2img.lua"

touch "$work/times"
for ((i = $(wc -l <"$work/times"); i < count; i++)); do
    graph=txt2img args=(-p steps=500)
    ((i % 2)) && graph=guided args=()
    cache=$work/cache
    ((i % 5 == 4)) && cache=$work/fresh
    out=$work/out
    rm -rf "$out" "$work/fresh"
    mkdir -p "$cache" "$out"
    XDG_CACHE_HOME=$(realpath "$cache") "$bin" run "$work/$graph.lua" -p model="$model" "${args[@]}" -o "$out" \
        >"$work/stdout" 2>"$work/stderr" &
    pid=$!
    moment=$((RANDOM * longest * 1000 / 32768))
    ((i % 5 == 4)) && moment=$((moment / 4))
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
    begin=${EPOCHREALTIME/./}
    kill -INT $pid
    wait $pid
    rc=$?
    took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    left=$(find "$out" -type f | head -1)
    word=ok
    [ $took -le "$limit" ] || word=late
    [ $rc = 130 ] || word="status $rc: $(tail -1 "$work/stderr")"
    [ -z "$left" ] || word="left $left"
    printf '%d\t%s\t%d\t%d\t%s\n' "$i" "$graph" $moment $took "$word" | tee -a "$work/times"
done
bad=$(cut -f5 "$work/times" | grep -cvx ok)
cut -f4 "$work/times" | sort -n | awk '{ t[NR] = $1 } END { printf "%d interrupts: median %d ms, most %d ms\n", NR, t[int((NR + 1) / 2)], t[NR] }'
[ "$bad" = 0 ]
