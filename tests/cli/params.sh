# params.sh: what a declaration says that a parameter takes: ranges, whole numbers, multiples, choices. A -p against it is
# a usage error (2), a wrong declaration the script's (3).
. tests/cli/lib.bash

script takes.lua <<'END'
local mw = require "moonweave"
local p = mw.params {
  seed = { 1, "a seed", min = 0, integer = true }, any = { 2, "a number" }, part = { 0.5, "a share", min = 0, max = 1 },
  width = { 0, "pixels", min = 0, max = 4096, multiple = 8 }, way = { "a b", "a way", choices = { "a b", "c" } },
  sampler = { "ddim", "a sampler", choices = "schedule.sampler" }, free = { "x", "a text" },
}
print(("%.0f"):format(p.seed), p.any, p.part, p.width, p.way, p.sampler)
mw.output { g = mw.hello { name = p.free } }
END
# typed SENTENCE OPTION: refused so; taken LINE OPTION: the script then prints this line.
typed() {
    for verb in check run; do
        run $verb "$dir/takes.lua" -p "$2"
        status 2
        says "-p $2: $1"
        silent_out
    done
}
taken() {
    run run "$dir/takes.lua" -p "$2" -o "$dir/out"
    status 0
    prints "$1"
}
typed "'seed' must be a whole number of at least 0, got 1.5 (a seed)" seed=1.5
typed "'seed' must be a whole number of at least 0, got 1e+300 (a seed)" seed=1e300
typed "'seed' must be a whole number of at least 0, got 9.00719925474099e+15 (a seed)" seed=9007199254740993
typed "'seed' must be a whole number of at least 0, got -1 (a seed)" seed=-1
typed "'seed' must be a whole number of at least 0, got inf (a seed)" seed=inf
typed "'any' must be a finite number, got inf (a number)" any=inf
typed "'seed' must be a whole number of at least 0, got NaN (a seed)" seed=nan
typed "'seed' must be a whole number of at least 0, got \"\" (a seed)" seed=
typed "'width' must be a whole number from 0 to 4096 and a multiple of 8, got 7 (pixels)" width=7
typed "'width' must be a whole number from 0 to 4096 and a multiple of 8, got 8.5 (pixels)" width=8.5
typed "'width' must be a whole number from 0 to 4096 and a multiple of 8, got 4104 (pixels)" width=4104
typed "'part' must be a number from 0 to 1, got 1.5 (a share)" part=1.5
typed "'way' must be one of a b, c, got \"d\" (" way=d
typed "'way' must be one of a b, c, got \"\" (" way=
typed "'sampler' must be one of auto, ddim, ddpm, " sampler=typo
typed "'sampler' must be one of auto, ddim, ddpm, " sampler=eulr
says "(did you mean 'euler'?)"
taken $'1\t2\t0.5\t0\ta b\tddim' free=y
taken $'9007199254740991\t2\t0.5\t0\ta b\tddim' seed=9007199254740991
taken $'1\t2.5\t0.5\t0\ta b\tddim' any=2.5
taken $'1\t2\t0.5\t4096\ta b\tddim' width=4096
taken $'1\t2\t0.5\t0\tc\tddim' way=C
taken $'1\t2\t0.5\t0\ta b\tdpmpp_2m' "sampler=DPM++ 2M"

# The bundled graphs declare what they take.
for graph in txt2img img2img lora lmd custom_energy; do
    for wrong in seed=1.5 seed=x steps=0 steps=2.5 width=7 height=12 width=1e9; do
        run check graphs/$graph.lua -p $wrong
        status 2
        says "-p $wrong: '${wrong%%=*}' must be"
    done
done
for graph in txt2img img2img lora; do
    run check graphs/$graph.lua -p sampler=typo
    status 2
done
run check graphs/lmd.lua -p method=lmd_pls
status 2
says "(did you mean 'lmd_plus'?)"

# Declarations that contradict themselves.
declared() {
    script wrong.lua <<<"local p = require 'moonweave'.params { x = $2 }"
    run check "$dir/wrong.lua"
    status 3
    says "wrong.lua:1: params: 'x': $1"
}
declared "its default: 'x' must be a whole number, got 1.5" "{ 1.5, 'x', integer = true }"
declared "its default: 'x' must be a whole number and a multiple of 8, got 4" "{ 4, 'x', multiple = 8 }"
declared "its default: 'x' must be a number from 0 to 1, got 4" "{ 4, 'x', min = 0, max = 1 }"
declared "its default: 'x' must be one of a, b, got \"c\"" "{ 'c', 'x', choices = { 'a', 'b' } }"
declared "its default: 'x' must be one of a, b, got 1" "{ 1, 'x', choices = { 'a', 'b' } }"
declared "its default: 'x' must be a whole number, got \"a\"" "{ 'a', 'x', integer = true }"
declared "its integer must be true or false" "{ 1, 'x', integer = 1 }"
declared "its multiple must be a whole number" "{ 1, 'x', multiple = 1.5 }"
declared "its choices must be" "{ 'a', 'x', choices = 'schedule.samplr' }"
declared "its choices must be" "{ 'a', 'x', choices = 'schedule.steps' }"
declared "its choices must be" "{ 'a', 'x', choices = {} }"
declared "its choices must be" "{ 'a', 'x', choices = 5 }"
declared "its choices must be strings" "{ 'a', 'x', choices = { 'a|b' } }"
declared "there is no type 'txt'" "{ 'a', 'x', type = 'txt' }"
declared "what is required has no default" "{ 'a', 'x', required = true }"
declared "unknown key 'intger' (did you mean 'integer'?)" "{ 1, 'x', intger = true }"
declared "its min must be less than its max, got 5 and 1" "{ 3, 'x', min = 5, max = 1 }"
declared "its min must be less than its max, got 5 and 5" "{ 5, 'x', min = 5, max = 5 }"
declared "its min must be less than its max, got nan and inf" "{ 5, 'x', min = 0 / 0 }"
declared "it has a default and a description, what else there is has a name" "{ 5, 'x', 1, 9 }"

# Names that two answer to, in either alphabet, wherever inputs are declared.
script names.lua <<'END'
local mw = require "moonweave"
local function refused(f, a)
  local ok, message = pcall(f, a)
  assert(not ok and (message:find "answer to the same name" or message:find "'a' is declared twice"), message)
end
local function run() return { t = "" } end
local two = { a = { 1, "x" }, b = { 2, "y", alias = "c|a" } }
local greek = { ["ω"] = { 1, "x" }, d = { 2, "y", alias = "omega" } }
for _, params in ipairs { two, greek } do
  refused(mw.params, params)
  refused(mw.composite, { name = "f", doc = "", params = params, run = run })
  refused(mw.node, { name = "f", params = params, outputs = { t = "text" }, run = run })
end
refused(mw.node, { name = "f", inputs = { a = "number" }, params = { a = 1 }, outputs = { t = "text" }, run = run })
mw.output { g = mw.hello {} }
END
run run "$dir/names.lua"
status 0

# What is required is asked for, and --help says so.
script needs.lua <<'END'
local mw = require "moonweave"
local p = mw.params { who = { nil, "who is greeted", type = "text", required = true }, n = { 1, "times" } }
mw.output { g = mw.hello { name = p.who } }
END
for verb in run check graph; do
    run $verb "$dir/needs.lua"
    status 2
    says "needs.lua:2: params: 'who' must be given: -p who=... (who is greeted)"
done
run run "$dir/needs.lua" -p who=moon
status 0
prints $'g\thello, moon'
run run "$dir/needs.lua" --help
status 0
prints "  -p who="
prints "      required, a string: who is greeted"
prints "  -p n=1"

# Nodes made in Lua declare theirs alike.
script own.lua <<'END'
local mw = require "moonweave"
local f = mw.node { name = "f", params = { n = { 1, "n", integer = true }, w = { "a", "w", choices = { "a", "b" } } },
  outputs = { t = "text" }, run = function(_, p) return { t = p.n .. p.w } end }
mw.output { good = f { n = 2, w = "B" }, half = f { n = 1.5 }, other = f { w = "c" } }
END
run check "$dir/own.lua"
status 3
says "f: 'n' must be a whole number, got 1.5"
says "f: 'w' must be one of a, b, got \"c\""
says "2 errors"
script refused.lua <<'END'
local mw = require "moonweave"
for _, p in ipairs { { 1.5, "x", integer = true }, { "a", "x", choices = { "b", "c|d" } }, { 7, "x", multiple = 8 } } do
  assert(not pcall(mw.node, { name = "f", params = { p = p }, run = function() end }))
end
mw.output { g = mw.hello {} }
END
run run "$dir/refused.lua"
status 0
finish
