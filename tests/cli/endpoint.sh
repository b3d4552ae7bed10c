# endpoint.sh: a language model behind a server: what a user reads when it answers, fails, is busy, sends on; where the key
# goes and where it does not; who may name a server.
. tests/cli/lib.bash

export MOONWEAVE_TEST_KEY=sk-Quail7Zephyr4Onyx XDG_CACHE_HOME=$dir/cache XDG_CONFIG_HOME=$dir/config
server=$repo/tests/cli/fake_llm_server.py servers=()
stop_servers() { [ ${#servers[@]} = 0 ] || kill "${servers[@]}" 2>/dev/null; }
trap 'stop_servers; rm -rf "$dir"' EXIT
# serve NAME: NAME.json played by the stand-in server, its requests in NAME.log; the address in $url.
serve() {
    python3 "$server" --script "$dir/$1.json" --port-file "$dir/$1.port" --log "$dir/$1.log" >/dev/null 2>&1 &
    servers+=($!)
    for _ in $(seq 100); do [ -s "$dir/$1.port" ] && break; sleep 0.1; done
    url=http://127.0.0.1:$(cat "$dir/$1.port")/v1
}

script ask.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params {
  url = { "", "server" }, key = { "", "variable" }, prompt = { "hello", "question" }, tries = { 2, "in all" },
  timeout = { 5, "seconds" },
}
local llm = mw.llm { endpoint = p.url, model = "tiny", key_env = p.key ~= "" and p.key or nil, tries = p.tries,
  timeout = p.timeout, wait = 0.05, longest_wait = 0.1 }
local a = mw.llm_text { llm = llm, prompt = p.prompt, stop = "\n\n", max_tokens = 900 }
mw.output { text = a.text, reason = a.reason }
END_OF_SCRIPT
ask() { run run "$dir/ask.lua" -p url="$url" -p key=MOONWEAVE_TEST_KEY -p prompt="$@" -o "$dir/out"; }
# The same on a terminal, where the answer is streamed: what is seen in $err.
streamed() {
    err=$(TERM=xterm command script -qec "'$bin' run '$dir/ask.lua' -p url=$url -p key=MOONWEAVE_TEST_KEY -p prompt='$1' \
        -o '$dir/out'; echo status \$?" /dev/null </dev/null | tr -d '\r' | sed 's/\x1b\[[0-9]*[Km]//g')
}

cat >"$dir/faults.json" <<'END_OF_SCRIPT'
{"key": "sk-Quail7Zephyr4Onyx", "answers": [
 {"match": "hello", "text": "Hello, Größe 猫"},
 {"match": "busy", "times": 1, "fault": {"status": 429, "retry_after": 9}}, {"match": "busy", "text": "now"},
 {"match": "gone", "times": 1, "fault": {"close": true}}, {"match": "gone", "text": "back"},
 {"match": "never", "fault": {"status": 503, "style": "llama.cpp"}},
 {"match": "style-ollama", "fault": {"status": 404, "style": "ollama"}},
 {"match": "style-vllm", "fault": {"status": 400, "style": "vllm"}},
 {"match": "style-fastapi", "fault": {"status": 422, "style": "fastapi"}},
 {"match": "style-text", "fault": {"status": 500, "style": "text"}},
 {"match": "style-html", "fault": {"status": 502, "style": "html"}},
 {"match": "style-string", "fault": {"status": 500, "style": "string"}},
 {"match": "parrot", "text": "you sent sk-Quail7Zephyr4Onyx, did you not"},
 {"match": "shout", "fault": {"status": 400, "message": "LONG sk-Quail7Zephyr4Onyx"}},
 {"match": "echo", "fault": {"status": 400, "message": "no such key: sk-Quail7Zephyr4Onyx"}},
 {"match": "slow", "fault": {"delay_ms": 3000}},
 {"match": "drip", "text": "drop by drop", "fault": {"drip_ms": 5, "piece": 40}},
 {"match": "truncated", "text": "a b c", "fault": {"truncated_json": 0.5}},
 {"match": "short", "text": "a b c", "fault": {"short_body": 0.5}},
 {"match": "content_number", "fault": {"wrong_type": "content_number"}},
 {"match": "content_null", "fault": {"wrong_type": "content_null"}},
 {"match": "content_list", "fault": {"wrong_type": "content_list"}},
 {"match": "choices_object", "fault": {"wrong_type": "choices_object"}},
 {"match": "choices_empty", "fault": {"wrong_type": "choices_empty"}},
 {"match": "choices_missing", "fault": {"wrong_type": "choices_missing"}},
 {"match": "choice_null", "fault": {"wrong_type": "choice_null"}},
 {"match": "text_missing", "fault": {"wrong_type": "text_missing"}},
 {"match": "message_missing", "fault": {"wrong_type": "message_missing"}},
 {"match": "root_array", "fault": {"wrong_type": "root_array"}},
 {"match": "not_json", "fault": {"not_json": true}},
 {"match": "empty_body", "fault": {"empty_body": true}},
 {"match": "utf8", "text": "abc", "fault": {"invalid_utf8": true}},
 {"match": "large", "text": "abc", "fault": {"huge_bytes": 2000000}},
 {"match": "huge", "text": "abc", "fault": {"huge_bytes": 30000000}},
 {"match": "plain", "text": "as text", "fault": {"content_type": "text/plain"}},
 {"match": "chunked", "text": "one two", "fault": {"chunked": true, "piece": 3}},
 {"match": "until", "text": "one two", "fault": {"until_close": true}},
 {"match": "cut-stream", "text": "one two three", "fault": {"cut_after": 2}},
 {"match": "error-stream", "text": "one two three", "fault": {"error_after": 2}},
 {"match": "open-stream", "text": "one two three", "fault": {"no_done": true, "usage": true}},
 {"match": "crlf-stream", "text": "one two three", "fault": {"crlf": true, "comments": true, "null_first": true}},
 {"match": "split-stream", "text": "Größe 猫 😀", "fault": {"split_bytes": 1, "no_space": true}},
 {"match": "bad-stream", "text": "one two three", "fault": {"bad_chunk": true}}
]}
END_OF_SCRIPT
# A sentence so long that what is shown of it is cut within the key.
sed -i "s/LONG/$(printf "%*s" 388 '' | tr ' ' x)/" "$dir/faults.json"
serve faults

# Each of the questions, in one run: $out has a line for it, "name: answer" or "name: what went wrong".
script each.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params { url = { "", "server" }, key = { "", "variable" }, prompts = { "", "questions" } }
local llm = mw.llm { endpoint = p.url, model = "tiny", key_env = p.key, tries = 2, wait = 0.05, longest_wait = 0.1 }
for name in p.prompts:gmatch("%S+") do
  local answer = mw.llm_text { llm = llm, prompt = name, stop = "\n\n", max_tokens = 900 }.text
  print(name .. ": " .. tostring(select(2, pcall(answer.value, answer))))
end
mw.output { done = 1 }
END_OF_SCRIPT
each() { run run "$dir/each.lua" -p url="$url" -p key=MOONWEAVE_TEST_KEY -p prompts="$*" -o "$dir/out"; }
# tells NAME SENTENCE: its line has the sentence; once: it was not asked for again.
tells() { grep -q "^$1: .*" <<<"$out" && [[ $(sed -n "/^$1: /,/^[a-z0-9_-]*: /p" <<<"$out") == *"$2"* ]] || complain "$1: expected $2"; }
once() { [[ $(grep "^$1: " <<<"$out") != *" asked "* ]] || complain "$1: asked again"; }

# What comes whole is read, however it is sent.
each drip large plain chunked until
status 0
for line in "drip: drop by drop" "large: abc" "plain: as text" "chunked: one two" "until: one two"; do prints "$line"; done
# What no text can be taken from is told, and not asked for again.
types="content_number content_null content_list choices_object choices_empty choices_missing choice_null message_missing root_array"
each "$types" truncated not_json utf8 empty_body huge
for name in $types; do
    tells "$name" "each.lua:5: llm_text: tiny at $url: the answer has no text where an OpenAI-compatible server puts it: "
    once "$name"
done
for name in truncated not_json utf8; do
    tells $name "llm_text: tiny at $url: the answer is no JSON: "
    once $name
done
tells empty_body "the answer is empty, no JSON"
tells huge "the answer is longer than 16 MiB"
run run "$dir/ask.lua" -p url="$url/completions" -p key=MOONWEAVE_TEST_KEY -p prompt=text_missing
status 1
says "the answer has no text where"
run run "$dir/ask.lua" -p url="$url/completions" -p key=MOONWEAVE_TEST_KEY
prints $'text\tHello, Größe 猫'

# A busy server is asked again, and so is one that breaks the connection; not for longer than the script says.
ask busy
status 0
prints $'text\tnow'
says "warning: $dir/ask.lua:8: llm_text: tiny at $url: the server answers with status 429: Too many requests.; asking again in 0.1 s (2 of 2)"
ask gone
status 0
prints $'text\tback'
says "the server closed the connection without an answer; asking again in 0.05 s (2 of 2)"
ask never -p tries=3
status 1
says "asking again in 0.1 s (3 of 3)"
says "llm_text: tiny at $url: the server answers with status 503: The model is being loaded. (asked 3 times)"
ask short
status 1
says "the answer ends too early"
says "(asked 2 times)"
ask slow -p timeout=0.3
status 1
says "no answer within 0.3 s (asked 2 times)"
# Ctrl-C does not wait for the answer.
began=$EPOCHREALTIME
timeout --preserve-status -s INT 1 "$bin" run "$dir/ask.lua" -p url="$url" -p key=MOONWEAVE_TEST_KEY -p prompt=slow -p tries=9 -p timeout=60 >/dev/null 2>"$dir/.err"
rc=$? err=$(cat "$dir/.err")
status 130
[ $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) -lt 2700 ] || complain "a stop waited for the answer"
run run "$dir/ask.lua" -p url=http://127.0.0.1:9/v1
status 1
says "is the server running? (asked 2 times)"

# The server's own words, in each of the usual shapes; what asking again can't help is asked once.
each parrot shout
tells parrot "you sent ********************, did you not"
[[ $out$err != *sk-Q* ]] || complain "a part of the key is shown"
each style-ollama style-vllm style-fastapi style-text style-html style-string echo
while IFS='|' read -r name sentence; do
    tells "$name" "$sentence"
done <<'END_OF_LIST'
style-ollama|the server answers with status 404: No such thing.
style-vllm|the server answers with status 400: The request is not valid.
style-fastapi|the server answers with status 422: It failed.: messages
style-text|the server answers with status 500: It failed. (asked 2 times)
style-html|the server answers with status 502: <html><body><h1>Bad Gateway</h1></body></html> (asked 2 times)
style-string|the server answers with status 500: Something broke. (asked 2 times)
echo|the server answers with status 400: no such key: ********************
END_OF_LIST
once style-ollama
once echo

# Streams, for whoever watches: the text as it comes; a failure after its beginning is not covered up by asking again.
while IFS='|' read -r name sentence; do
    streamed "$name"
    [[ $err == *"$sentence"* ]] || complain "on a terminal, $name: expected $sentence"
done <<'END_OF_LIST'
open-stream|text	one two three
crlf-stream|text	one two three
split-stream|text	Größe 猫 😀
cut-stream|one two
cut-stream|the answer ends too early
cut-stream|status 1
error-stream|the server reports an error: Something broke.
error-stream|status 1
END_OF_LIST
[[ $err != *"asked"* && $err != *"again"* ]] || complain "a stream that failed was asked for again"
streamed bad-stream
[[ $err == *"(asked 2 times)"*"status 1"* ]] || complain "on a terminal, a broken chunk"
grep -q '"stream": true' "$dir/faults.log" || complain "nothing was streamed"

# The same question is asked once.
script twice.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params { url = { "", "server" }, key = { "", "variable" } }
local function ask() return mw.llm_text { llm = mw.llm { endpoint = p.url, key_env = p.key }, prompt = "hello" }.text end
mw.output { one = ask(), two = ask(), length = #ask():value() }
END_OF_SCRIPT
before=$(grep -c . "$dir/faults.log")
run run "$dir/twice.lua" -p url="$url" -p key=MOONWEAVE_TEST_KEY
status 0
prints $'two\tHello, Größe 猫'
[ "$(grep -c . "$dir/faults.log")" = $((before + 1)) ] || complain "one question was sent more than once"

# ---- who may name a server, and a key's variable
script own.lua <<END_OF_SCRIPT
local mw = require "moonweave"
local p = mw.params { url = { "$url", "server" }, key = { "MOONWEAVE_TEST_KEY", "variable" } }
mw.output { text = mw.llm_text { llm = mw.llm { endpoint = p.url, key_env = p.key, tries = 1 }, prompt = "hello" }.text }
END_OF_SCRIPT
asked() { grep -c . "$dir/faults.log"; }
before=$(asked)
run run "$dir/own.lua"
status 3
says "own.lua:3: llm: the endpoint '$url' was neither typed as a parameter (-p) nor is it in the configuration file"
run run "$dir/own.lua" -p url="$url"
status 3
says "own.lua:3: llm: the key's variable 'MOONWEAVE_TEST_KEY' was neither typed"
run run "$dir/own.lua" -p url="${url%/v1}" # a part of it is another address
status 3
[ "$(asked)" = "$before" ] || complain "a server was contacted that nobody had typed"
run run "$dir/own.lua" -p url="$url" -p key=MOONWEAVE_TEST_KEY
status 0
run run "$dir/own.lua" --trust
status 0
mkdir -p "$dir/config/moonweave"
echo "endpoint = $url" >"$dir/config/moonweave/config"
run run "$dir/own.lua"
status 3
says "the key's variable"
echo "key-env = MOONWEAVE_TEST_KEY" >>"$dir/config/moonweave/config"
run run "$dir/own.lua"
status 0
prints $'text\tHello, Größe 猫'
rm "$dir/config/moonweave/config"
run run "$dir/ask.lua" -p url=http://me:secret@127.0.0.1/v1
status 3
says "llm: the endpoint must not hold a name or password"
says_not "secret@"
run run "$dir/ask.lua" -p url="$url?key=1"
says "the endpoint must not hold a query"
run run "$dir/ask.lua" -p url=file:///etc/passwd
says "the endpoint must be an address as http://127.0.0.1:8080/v1, got 'file:///etc/passwd'"
run run "$dir/ask.lua" -p url=http://nobody.invalid/v1 -p key=MOONWEAVE_TEST_KEY
status 1
says "warning: $dir/ask.lua:6: llm: the key goes to http://nobody.invalid/v1 as it is"
says "Could not resolve host: nobody.invalid"
says_not "asked"
run run "$dir/ask.lua" -p url="$url" -p key=MOONWEAVE_NO_SUCH_KEY
says "the environment variable 'MOONWEAVE_NO_SUCH_KEY', which 'key_env' names, is not set"

# ---- redirects: to the same server they are followed, a key goes nowhere else, and nothing does
cat >"$dir/sends_on.py" <<'END_OF_SCRIPT'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        own, status, to = self.path.split("/")[1:4]
        self.send_response(int(status))
        where = f"http://127.0.0.1:{self.server.server_address[1]}/x/307/{to}" if own == "own" else sys.argv[1]
        self.send_header("Location", where + "/chat/completions")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *a):
        pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
open(sys.argv[2], "w").write(f"{s.server_address[1]}\n")
s.serve_forever()
END_OF_SCRIPT
python3 "$dir/sends_on.py" "$url" "$dir/sends_on.port" &
servers+=($!)
for _ in $(seq 100); do [ -s "$dir/sends_on.port" ] && break; sleep 0.1; done
on=http://127.0.0.1:$(cat "$dir/sends_on.port")
before=$(asked)
for code in 302 307; do
    run run "$dir/ask.lua" -p url="$on/x/$code/y" -p key=MOONWEAVE_TEST_KEY
    status 1
    says "the server sends on to $url/chat/completions; nothing is sent there"
done
run run "$dir/ask.lua" -p url="$on/own/308/y" -p key=MOONWEAVE_TEST_KEY # followed once, then led away
status 1
says "the server sends on to $url/chat/completions; nothing is sent there"
[ "$(asked)" = "$before" ] || complain "a redirect was followed to another server"

# ---- the key: sent to the server, and found nowhere else
script picture.lua <<'END_OF_SCRIPT'
local mw = require "moonweave"
local p = mw.params { url = { "", "server" }, key = { "", "variable" } }
local said = mw.llm_text { llm = mw.llm { endpoint = p.url, key_env = p.key }, prompt = "hello" }
local image = mw.draw_layout { layout = mw.layout { objects = { { phrase = said.text:value(), box = { 10, 10, 99, 99 } } } } }
mw.output { image = image, text = said.text }
END_OF_SCRIPT
XDG_STATE_HOME=$dir/state run run -v "$dir/picture.lua" -p url="$url" -p key=MOONWEAVE_TEST_KEY -o "$dir/out"
status 0
echo "$out$err" >"$dir/out/seen"
# What a picture records calls nobody: replay prints the command that does.
cp "$dir/out/image.png" "$dir/first.png"
run replay "$dir/first.png" -o "$dir/again"
status 3
says "the endpoint '$url' was neither typed"
command=$(grep -o "moonweave replay .*" <<<"$err")
says " -p 'url=$url'"
says " -p 'key=MOONWEAVE_TEST_KEY'"
eval "'$bin' ${command#moonweave}" >/dev/null 2>&1 || complain "the command that replay prints does not work: $command"
cmp -s "$dir/first.png" "$dir/again/image.png" || complain "the replayed picture differs"

grep -qF "Bearer $MOONWEAVE_TEST_KEY" "$dir/faults.log" || complain "the key was not sent"
"$bin" inspect "$dir/out/image.png" >"$dir/out/inspected" 2>&1
grep -q MOONWEAVE_TEST_KEY "$dir/out/inspected" || complain "the picture does not say where the key was: $(cat "$dir/out/inspected")"
found=$(grep -rlF "$MOONWEAVE_TEST_KEY" "$dir" --exclude=faults.log --exclude=faults.json)
[ -z "$found" ] || complain "the key stands in $found"
finish
