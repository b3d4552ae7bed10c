# set.sh: the graph that draws a set: each line's picture by its method and settings; a wrong line is refused.
. tests/cli/lib.bash
line() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@"; }
boxes="[('a red star', [64, 64, 300, 300])] Background prompt: night sky Negative prompt:"
set=$dir/set.tsv
{
    line one 3 "a red star, night sky" "$boxes" txt2img "steps=2"
    line two 3 "a red star, night sky" "$boxes" plain "steps=2"
    line four 3 "a red star, night sky" "" plain "steps=2"
    line three 3 "" "$boxes" lmd "steps=2 mask=box eta=1"
} >"$set"
run run graphs/evaluate.lua -p set="$set" -o "$dir"
status 0
for f in one two three four; do
    [ -s "$dir/$f.png" ] || complain "$f.png is missing"
done
cmp -s "$dir/one.png" "$dir/three.png" && complain "the guided picture is the plain one"

line one 3 "a red star" "$boxes" nonsense "" >"$set"
run run graphs/evaluate.lua -p set="$set" -o "$dir"
status 3
says "there is no method 'nonsense'"

printf 'one\t3\ta red star\n' >"$set"
run run graphs/evaluate.lua -p set="$set" -o "$dir"
status 3
says "6 fields"
finish
