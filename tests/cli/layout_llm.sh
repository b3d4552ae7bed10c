# layout_llm.sh: layouts from prompts through a server that plays the model: what it is told, asked again and how, shown
# when it never answers with a layout; rounds that keep boxes and seeds.
. tests/cli/lib.bash

export XDG_CACHE_HOME=$dir/cache XDG_CONFIG_HOME=$dir/config
trap 'kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
cat >"$dir/answers.json" <<'END_OF_SCRIPT'
{"answers": [
 {"match": "Caption: two cats and a dog\nObjects:", "text": "[('a cat', [10, 200, 150, 150]), ('a cat', [180, 200, 150, 150]), ('a dog', [350, 210, 150, 160])]\nBackground prompt: A wall\nNegative prompt: birds"},
 {"match": "Caption: shy\n", "times": 1, "text": "I would rather not."},
 {"match": "Caption: shy\n", "times": 1, "text": "[('a cat', [10, 20, 30"},
 {"match": "Caption: shy\n", "text": " [('a cat', [10, 20, 100, 100])]\nBackground prompt: A wall\nNegative prompt: "},
 {"match": "Caption: never\n", "text": "No.\nI only speak of the weather."},
 {"match": "Caption: down", "fault": {"status": 400}},
 {"match": "Instruction: Move the dog to the left", "text": "[('a cat', [12, 204, 150, 150]), ('a cat', [180, 200, 150, 150]), ('a dog', [20, 20, 150, 160]), ('a ball', [300, 20, 60, 60])]\nBackground prompt: A wall\nNegative prompt: birds"},
 {"match": "Instruction: Make the cats red, remove the dog", "text": "[('a red cat', [10, 200, 150, 150]), ('a red cat', [180, 200, 150, 150])]\nBackground prompt: A wall\nNegative prompt: dogs"},
 {"match": "whole caption: a cat and a star", "text": "[('a star', [300, 100, 90, 90]), ('a cat', [30, 90, 150, 150])]\nBackground prompt: A sky\nNegative prompt:"}
]}
END_OF_SCRIPT
python3 "$repo/tests/cli/fake_llm_server.py" --script "$dir/answers.json" --port-file "$dir/port" --log "$dir/log" >/dev/null 2>&1 &
server=$!
for _ in $(seq 100); do [ -s "$dir/port" ] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat "$dir/port")/v1

script ask.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params { url = { "", "server" }, prompt = { "", "caption" }, template = { "auto", "template", type = "path" },
  retries = { 3, "retries" }, examples = { false, "with one of its own" }, grammar = { "none", "grammar" } }
local answer = mw.layout_llm { llm = mw.llm { endpoint = p.url }, prompt = p.prompt, template = p.template, seed = 7,
  retries = p.retries, grammar = p.grammar, examples = p.examples and {
    { caption = "a king's hat", layout = { objects = { { phrase = "a king's hat", box = { 1, 2, 30, 40 } } }, background = "x" } },
  } or nil }
mw.output { layout = answer.layout, completion = answer.completion }
END_OF_SCRIPT
ask() { run run "$dir/ask.lua" -p url="$url" -p prompt="$@" -o "$dir/out" --overwrite; }
# body N FIELD...: of request N, what stands there, as JSON.
body() {
    local number=$1
    shift
    sed -n "${number}p" "$dir/log" | python3 -c '
import json, sys
x = json.loads(sys.stdin.read())["body"]
for k in sys.argv[1:]:
    x = x[int(k)] if k.isdigit() else x.get(k)
print(json.dumps(x, ensure_ascii=False))' "$@"
}

# The program's own template, as one user message; greedy.
ask $'  two cats\nand a dog. '
status 0
[ "$(body 1 messages | grep -o '"role"' | wc -l)" = 1 ] || complain "not one message"
[[ $(body 1 messages 0 content) == *'[x, y, width, height]'*'\n\nCaption: two cats and a dog\nObjects:"' ]] || complain "the question is $(body 1 messages 0 content)"
[ "$(body 1 temperature) $(body 1 max_tokens) $(body 1 seed)" = "0.0 512 7" ] || complain "temperature, max_tokens, seed: $(sed -n 1p "$dir/log")"
grep -q '"phrase":"a dog","box":\[350,210,150,160\]' <(tr -d ' \n' <"$dir/out/layout.json" | sed 's/adog/a dog/') || complain "layout: $(cat "$dir/out/layout.json")"
grep -q "Negative prompt: birds" "$dir/out/completion.txt" || complain "completion: $(cat "$dir/out/completion.txt")"

# Asked again: warmer, with the next seeds.
ask shy
status 0
says "layout_llm: the answer to \"shy\": "
says "asking again (1 of 3)"
[ "$(body 2 temperature) $(body 2 seed), $(body 3 temperature) $(body 3 seed), $(body 4 temperature) $(body 4 seed)" = "0.0 7, 0.25 8, 0.25 9" ] ||
    complain "temperatures and seeds: $(sed -n 2,4p "$dir/log" | grep -o '"temperature.*')"

# No layout at all: the sentence shows what the model said.
ask never -p retries=1
status 4
says "ask.lua:4: layout_llm: $url gave no layout in 2 tries; the answer to \"never\": there is no \"Background prompt:\" in"
says "its last answer: No.
  I only speak of the weather."
# A server that refuses is no layout that could be asked for again.
before=$(grep -c . "$dir/log")
ask down
status 1
says "layout_llm: $url: the server answers with status 400"
[ "$(grep -c . "$dir/log")" = $((before + 1)) ] || complain "a refusal was asked again"
ask shy -p grammar=layout
says "a grammar needs a model that runs here"

# Templates of one's own, examples; what they lack is said.
printf 'Draw, whole caption: {prompt}\n{examples}' >"$dir/mine.txt"
ask "a cat and a star" -p template="$dir/mine.txt" -p examples=true
status 0
[[ $(tail -1 "$dir/log") == *'"Draw, whole caption: a cat and a star\nCaption: a king'"'"'s hat\nObjects: [(\"a king'"'"'s hat\", [1, 2, 30, 40])]\nBackground prompt: x\nNegative prompt: \n\n"'* ]] ||
    complain "question: $(tail -1 "$dir/log")"
echo "no place" >"$dir/mine.txt"
ask shy -p template="$dir/mine.txt"
status 4
says "mine.txt: a template must have {prompt} where the prompt goes"
echo "{previous} {prompt}" >"$dir/mine.txt"
ask shy -p template="$dir/mine.txt"
status 4
says "mine.txt: the template has a place for a previous layout, and none is given"
ask shy -p template=nowhere.txt
status 4
says "nowhere.txt"

# Rounds: the instruction stands with the layout before; what stays keeps box and seed, what is new gets the next seed.
script edit.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params { url = { "", "server" } }
local llm = mw.llm { endpoint = p.url }
local function show(l)
  local all = {}
  for i, o in ipairs(l.objects) do all[i] = o.phrase .. " " .. table.concat(o.box, ",") .. " " .. tostring(o.seed) end
  return table.concat(all, "; ")
end
local first = mw.layout_llm { llm = llm, prompt = "two cats and a dog" }.layout:value()
for i, o in ipairs(first.objects) do o.seed = 30 + i end
local second = mw.layout_llm { llm = llm, prompt = "Move the dog to the left, add a ball.", previous = first }.layout
local third = mw.layout_llm { llm = llm, prompt = "Make the cats red, remove the dog", previous = second }.layout
local whole = mw.layout_llm { llm = llm, prompt = "a cat and a star", previous = first, template = "whole.txt" }.layout
mw.output { second = show(second:value()), third = show(third:value()), whole = show(whole:value()) }
END_OF_SCRIPT
printf 'whole caption: {prompt}\n' >"$dir/whole.txt"
before=$(grep -c . "$dir/log")
run run "$dir/edit.lua" -p url="$url"
status 0
prints $'second\ta cat 10,200,150,150 31; a cat 180,200,150,150 32; a dog 20,20,150,160 33; a ball 300,20,60,60 34'
prints $'third\ta red cat 10,200,150,150 31; a red cat 180,200,150,150 32'
prints $'whole\ta star 300,100,90,90 34; a cat 10,200,150,150 31'
[[ $(body $((before + 2)) messages 0 content) == *"Objects: [('a cat', [10, 200, 150, 150]), ('a cat', [180, 200, 150, 150]), ('a dog', [350, 210, 150, 160])]"*"Instruction: Move the dog to the left, add a ball\\nObjects:\"" ]] ||
    complain "the question of round 2: $(body $((before + 2)) messages 0 content)"
finish
