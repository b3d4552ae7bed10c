# bare_prompt.sh: the bundled language model at work: layouts of prompts in three languages with their verdicts, a picture from
# a prompt alone, a picture changed over rounds.
. tests/cli/lib.bash

run run graphs/layouts.lua -o "$dir/layouts"
status 0
[ "$(tail -n +2 "$dir/layouts/accuracy.csv" | grep '^all,' | cut -d, -f2-6)" = "7,7,100,0,0" ] || complain "accuracy: $(cat "$dir/layouts/accuracy.csv")"
row() { grep -qF -- "$1" "$dir/layouts/layouts.csv" || complain "no row with $1 in: $(cat "$dir/layouts/layouts.csv")"; }
row '2,a realistic photo of a scene with two stars,numeracy,true,a star '
row 'un círculo rojo en una playa,other,,a blue star '
row '三个红色圆形在草地,other,,a red circle '
row 'a crimson ball near the dunes,other,,a red circle '

# Constrained, names are the prompt's, whatever its words; the unconstrained model would call a crimson ball a red circle.
echo "a crimson ball near the dunes" >"$dir/prompts.txt"
run run graphs/layouts.lua -p prompts="$dir/prompts.txt" -p grammar=layout_of_prompt -o "$dir/names"
status 0
grep -qE "1,a crimson ball near the dunes,other,,(a )?(crimson( ball)?|ball|dunes?|the dunes) [0-9]" "$dir/names/layouts.csv" ||
    complain "names: $(cat "$dir/names/layouts.csv")"

# A grammar's answer is whole however few tokens it may have, down to what it needs.
run run graphs/layouts.lua -p prompts="$dir/prompts.txt" -p grammar=layout -p max_tokens=40 -p retries=0 -o "$dir/few"
status 0
grep -qE '^1,a crimson ball near the dunes,other,,,' "$dir/few/layouts.csv" || complain "few tokens: $(cat "$dir/few/layouts.csv")"
run run graphs/layouts.lua -p prompts="$dir/prompts.txt" -p grammar=layout -p max_tokens=39 -p retries=0 -o "$dir/fewer"
grep -q "the grammar's shortest answer may take 40 tokens, and there is room for 39" "$dir/fewer/layouts.csv" || complain "fewer: $(cat "$dir/fewer/layouts.csv")"

run run graphs/lmd.lua -p prompt="two red circles, night sky" -p steps=2 -p width=64 -p height=64 -o "$dir/out"
status 0
prints $'image\t'"$dir/out/image.png"
"$bin" inspect "$dir/out/image.png" >"$dir/seen" 2>&1
grep -q "two red circles" "$dir/seen" || complain "the picture does not hold its prompt: $(cat "$dir/seen")"
run run graphs/lmd.lua -p llm="$repo/models/miniature/llm/miniature-q8_0.gguf" -p steps=1 -p width=64 -p height=64 -o "$dir/gguf"
status 0
run run graphs/lmd.lua -p llm=/no/such.gguf -p steps=1
status 4
says "/no/such.gguf"

run run graphs/edit.lua -p steps=2 -p width=64 -p height=64 -o "$dir/edit"
status 0
prints $'image\t'"$dir/edit/image_3.png"
[ ! -e "$dir/edit/image_4.png" ] || complain "more pictures than rounds"
finish
