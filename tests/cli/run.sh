# run.sh: moonweave as a user types it: results on stdout, the rest on stderr, files where they belong.
. tests/cli/lib.bash

run
status 2
says "usage: moonweave"
silent_out
run --version
status 0
[[ $out == moonweave\ [0-9]* ]] || complain "no version"
run help
status 0
[[ $out == *"commands:"*"run"*"exit status"* ]] || complain "help is not complete"
for verb in run check graph nodes devices inspect bench tune replay; do
    run help $verb
    status 0
    [[ $out == "usage: moonweave $verb"* ]] || complain "no help for $verb"
done
run rnu
status 2
says "did you mean 'run'?"
run run
status 2
run run a.lua b.lua
status 2
run run graphs/hello.lua --devise=cpu
status 2
says "did you mean 'device'?"
# What a command does not take is not suggested for it.
for options in "nodes --devise" "--devise=gpu nodes"; do
    run $options
    status 2
    says "there is no option --devise"
    says_not "did you mean"
done
run nodes --jsn
says "did you mean 'json'?"
run help runn
status 2
says "did you mean 'run'?"
run nodes --profile
status 2
says "takes no --profile"
run run graphs/hello.lua -p name
status 2
run run graphs/hello.lua --memory=lots
status 2
run run graphs/hello.lua --memory=1K
status 2
says "--memory=1K: must be at least 1M"
run run graphs/hello.lua --dtype=f64
status 2

run run graphs/hello.lua
status 0
prints $'greeting\thello, world'
prints $'length\t12'
run run graphs/hello.lua -pname=moon --param=times=2 -o "$dir/out"
status 0
prints "$(printf 'greeting\t%s/out/greeting.txt' "$dir")"
[ "$(cat "$dir/out/greeting.txt")" = $'hello, moon\nhello, moon' ] || complain "the file is wrong"
run run graphs/hello.lua --json
prints '{"name":"length","value":12}'
[ -z "$err" ] || complain "stderr is not silent"

# Greek and Latin names are one parameter; the value's type is the default's.
script greek.lua <<'END'
local mw = require "moonweave"
local p = mw.params {
  ["ω"] = { 4, "weight", alias = "omega", min = 0 }, lambda = { 2.5, "weight" }, on = { false, "a switch" },
  list = { { 1, 2 }, "numbers" },
}
assert(p["ω"] == p.omega and p["λ"] == p.lambda)
assert(p.ω == p.omega)
print(p.omega, p["λ"], p.on, #p.list)
mw.output { x = p.omega, list = p.list }
END
run run "$dir/greek.lua" -p omega=1 -p λ=3 -p on=yes -p 'list=[1,2,3]' -o "$dir/out"
status 0
prints $'1\t3\ttrue\t3'
prints "$(printf 'list\t%s/out/list.json' "$dir")"
run run "$dir/greek.lua" -p ω=7 -o "$dir/out"
prints $'x\t7'
prints "$(printf 'list\t%s/out/list-0002.json' "$dir")"
run run "$dir/greek.lua" -p ω=-1
status 2

# Scripts as files come: with a byte order mark, with a line for the shell, with Windows' line ends.
script shell.lua <<END
$(printf '\xEF\xBB\xBF')#!/usr/bin/env -S moonweave run
local mw = require "moonweave"$(printf '\r')
mw.output { g = mw.hello {} }$(printf '\r')
END
run run "$dir/shell.lua"
prints $'g\thello, world'
head -c 1000 /dev/urandom >"$dir/noise.lua"
run run "$dir/noise.lua"
status 3
printf '\033LJ\002\002' >"$dir/bytecode.lua"
run run "$dir/bytecode.lua"
status 3
run run "$dir"
status 4

# A flag counts more than the environment, that more than the file.
export XDG_CONFIG_HOME="$dir/config"
mkdir -p "$dir/config/moonweave"
echo 'dtype = f64  # no such type' >"$dir/config/moonweave/config"
run run graphs/hello.lua
status 2
says "the configuration file: --dtype=f64: must be f32 or f16"
MOONWEAVE_DTYPE=f99 run run graphs/hello.lua
status 2
says "MOONWEAVE_DTYPE: --dtype=f99"
MOONWEAVE_DTYPE=f16 run run graphs/hello.lua
status 0
MOONWEAVE_DTYPE=f99 run run graphs/hello.lua --dtype=f32
status 0
MOONWEAVE_DTYPE=f32 MOONWEAVE_DEVICE=no-such-device run run graphs/txt2img.lua
status 5
run nodes
status 0
unset XDG_CONFIG_HOME

# No device: one sentence that says what to install.
OCL_ICD_VENDORS="$dir/none" run devices
status 5
says install
OCL_ICD_VENDORS="$dir/none" run run graphs/txt2img.lua
status 5
OCL_ICD_VENDORS="$dir/none" run run graphs/hello.lua
status 0
OCL_ICD_VENDORS="$dir/none" run check graphs/txt2img.lua
status 0

# Modules beside the graph, and only they.
mkdir "$dir/lib"
echo 'return { name = "module" }' >"$dir/lib/names.lua"
script modular.lua <<'END'
local mw = require "moonweave"
mw.output { g = mw.hello { name = require("lib.names").name } }
END
run run "$dir/modular.lua"
prints $'g\thello, module'

# A picture, its texts, and the same picture again.
run run graphs/txt2img.lua -p steps=2 -p "prompt=a \"red\" star, ω" -o "$dir/out"
status 0
prints "$(printf 'image\t%s/out/image.png' "$dir")"
[[ $err == "schedule: sampler auto is ddim, of the model's DDIMScheduler" ]] || complain "stderr says more than the sampler"
run inspect "$dir/out/image.png"
status 0
[[ $out == *'a "red" star, ω'*"Steps: 2, Sampler: ddim"*"CFG scale: 4, Seed: 1"* ]] || complain "the texts are wrong"
run replay "$dir/out/image.png" -o "$dir/again"
status 0
cmp -s "$dir/out/image.png" "$dir/again/image.png" || complain "the replayed picture differs"
run run graphs/txt2img.lua -p steps=2 -p seed=2 --no-metadata -o "$dir/out" --overwrite
! grep -qa moonweave "$dir/out/image.png" || complain "metadata were written"
run replay "$dir/out/image.png" -o "$dir/again"
status 4
says "carries no graph"
run replay "$dir/out/greeting.txt"
status 4

script twice.lua <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
for steps = 1, 2 do
  mw.output { ["s" .. steps] = mw.schedule { model = sd, steps = steps, sampler = "auto" } }
end
END
run run "$dir/twice.lua" -o "$dir/twice"
status 0
[ "$(grep -c "sampler auto is" <<<"$err")" = 1 ] || complain "two schedules say the same twice"

# A model by its name, in a tree of models; a picture knows whose weights it was made with.
mkdir -p "$dir/models/checkpoints"
cp -r models/miniature "$dir/models/checkpoints/mini"
export MOONWEAVE_MODELS="$dir/nothing:$dir/models"
run run graphs/txt2img.lua -p model=mini -p steps=1 -o "$dir/out" --overwrite
status 0
run replay "$dir/out/image.png" -o "$dir/again"
status 0
says_not "not what it was"
weights=$(find "$dir/models" -name '*.safetensors' | sort | head -1)
printf '\0' | dd of="$weights" bs=1 seek=$(($(stat -c %s "$weights") - 1)) conv=notrunc status=none
run replay "$dir/out/image.png" -o "$dir/again"
says "mini is not what it was when the picture was made"
unset MOONWEAVE_MODELS
run run graphs/txt2img.lua -p model=mini -o "$dir/out" --overwrite
status 4
says "mini: no such file or folder"

# What a picture records opens no files: a model elsewhere must be typed anew, and replay says how.
cp -r models/miniature "$dir/it's mine"
run run graphs/txt2img.lua -p model="$dir/it's mine" -p steps=1 -o "$dir/out" --overwrite
status 0
cp "$dir/out/image.png" "$dir/first.png"
run replay "$dir/first.png" -o "$dir/again" -p steps=1
status 3
says "it's mine lies outside the graph's folder"
command=${err##*read them: }
[[ $command == "moonweave replay "* ]] || complain "no command"
[ ! -e "$dir/again/image.png" ] || rm "$dir/again/image.png"
eval "\"$bin\" ${command#moonweave }" >"$dir/.out" 2>"$dir/.err" </dev/null
rc=$? out=$(cat "$dir/.out") err=$(cat "$dir/.err")
status 0
cmp -s "$dir/first.png" "$dir/again/image.png" || complain "the command that replay prints does not work"
run replay "$dir/first.png" -o "$dir/again" --trust
status 0
# Neither do the names of its weights, which it compares.
script reader.lua <<'END'
local mw = require "moonweave"
local p = mw.params { file = { "", "a file" }, other = { "", "another" } }
local node = mw.node { name = "plain", outputs = { image = "image" },
  run = function() return { image = mw.tensor { { { 0, 0, 0 } } } } end }
local ok, f = pcall(io.open, p.file)
print("open", ok and f and f:read "*a" or "refused")
mw.output { image = node {} }
END
echo "a secret" >"$dir/secret"
run run "$dir/reader.lua" -p file="$dir/secret" -o "$dir/out" --overwrite
[[ $out == *"a secret"* ]] || complain "what was typed is not read"
run replay "$dir/out/image.png" -o "$dir/again"
status 0
prints $'open\trefused'
run replay "$dir/out/image.png" -o "$dir/again" -p file="$dir/secret"
[[ $out == *"a secret"* ]] || complain "what was typed is not read"
run replay "$dir/out/image.png" -o "$dir/again" -p other="$dir/secret"
[[ $out == *"a secret"* ]] || complain "what was typed for one parameter opens the file"

# Several pictures under one name.
script several.lua <<'END'
local mw = require "moonweave"
local function plain(v) return mw.node { name = "plain", outputs = { image = "image" },
  run = function() return { image = mw.tensor { { { v, v, v } } } } end } {} end
mw.output { image = { plain(0), plain(1) } }
END
run run "$dir/several.lua" -o "$dir/out" --overwrite
prints "$(printf 'image\t%s/out/image_2.png' "$dir")"
run replay "$dir/out/image_2.png" -o "$dir/second"
[ "$out" = "$(printf 'image\t%s/second/image_2.png' "$dir")" ] || complain "not only the picture asked for"
cmp -s "$dir/out/image_2.png" "$dir/second/image_2.png" || complain "the second picture differs"

# Nothing is half-written when a run is interrupted.
"$bin" run graphs/txt2img.lua -p steps=900 -p width=512 -p height=512 -o "$dir/stop" >"$dir/.out" 2>"$dir/.err" &
pid=$!
sleep 1.5
kill -INT $pid
wait $pid
rc=$? out=$(cat "$dir/.out") err=$(cat "$dir/.err")
status 130
silent_out
[ -z "$(ls -A "$dir/stop" 2>/dev/null)" ] || complain "something was left behind"

# Terminal manners: no colours, no progress when stderr is no terminal.
[[ $err != *$'\033'* ]] || complain "an escape sequence on stderr"

run graph graphs/hello.lua
prints 'greeting = #0.greeting'
run graph --dot graphs/hello.lua
[[ $out == digraph* ]] || complain "no dot"
run nodes
[[ $out == *ddim_step*unet* ]] || complain "nodes are missing"
run nodes ddim_step
[[ $out == *ddim_eta*"a number from 0 to 1"* ]] || complain "no description"
run nodes txt2img
[[ $out == *"a composite: scripts/moonweave/txt2img.lua"*num_inference_steps* ]] || complain "a composite is not described"
run nodes txt2im
status 2
says "did you mean 'txt2img'?"
run nodes dim_step
status 2
says "did you mean 'ddim_step'?"
run devices
status 0
run devices --json
[[ $out == '{"index":0'* ]] || complain "no JSON"
run run graphs/txt2img.lua --device=no-such-device
status 5
run run graphs/txt2img.lua --memory=1M -p steps=1 -o "$dir/out"
status 6

# A seed of -1 is drawn, said, and drawn again by replay; wide ones keep their digits.
run run graphs/txt2img.lua -p seed=-1 -p steps=1 -p width=64 -p height=64 -o "$dir/drawn"
status 0
says "seed -1: "
run replay "$dir/drawn/image.png" -o "$dir/drawn_again"
status 0
cmp -s "$dir/drawn/image.png" "$dir/drawn_again/image.png" || complain "the drawn seed was not replayed"
script literal.lua <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
mw.output { image = mw.txt2img { model = sd, prompt = "a", seed = -1, steps = 1, width = 64, height = 64 } }
END
run run "$dir/literal.lua" -o "$dir/literal"
status 0
run replay "$dir/literal/image.png" -o "$dir/literal_again"
status 0
cmp -s "$dir/literal/image.png" "$dir/literal_again/image.png" || complain "the drawn seed was not replayed"
for seed in 1 9007199254740993; do
    run run graphs/txt2img.lua -p seed=$seed -p steps=1 -p width=64 -p height=64 --no-metadata -o "$dir/wide"
    status 0
    mv "$dir/wide/image.png" "$dir/wide_$seed.png"
done
cmp -s "$dir/wide_1.png" "$dir/wide_9007199254740993.png" || complain "seeds of the same lower 32 bits differ"
run run graphs/txt2img.lua -p seed=18446744073709551616 -o "$dir/wide"
status 2
says "from -2^63 to 2^64-1"
finish
