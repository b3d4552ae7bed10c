# cache.sh: compiled kernels on disk: damaged ones are built again, parallel processes share them, and without a
# place for them the run goes on.
. tests/cli/lib.bash
export XDG_CACHE_HOME=$dir/cache
script small.lua <<'END'
local mw = require "moonweave"
local f = mw.node { name = "f", outputs = { n = "number" }, run = function()
  local t = mw.tensor { { 1, 2, 3 }, { 4, 5, 7 } }
  return { n = (t:softmax(2) * t):sum():item() }
end }
mw.output { n = f {} }
END
compute() {
    run run "$dir/small.lua"
    status 0
}
right() { [ "$out" = "$first" ] || complain "expected $first"; }

compute
first=$out
kernels=("$XDG_CACHE_HOME"/moonweave/kernels/*.bin)
[ "${#kernels[@]}" -gt 1 ] || complain "no kernels are kept"

i=0
for f in "${kernels[@]}"; do
    case $((i++ % 4)) in
    0) : >"$f" ;;
    1) truncate -s 20 "$f" ;;
    2) truncate -s -1 "$f" ;;
    3) printf '\377\377\377\377' | dd of="$f" bs=1 seek=2000 conv=notrunc status=none ;;
    esac
done
compute
right
for f in "${kernels[@]}"; do
    grep -qa '^MWKERN2' "$f" || complain "$f was not built again"
    [ "$(stat -c %s "$f")" -gt 1000 ] || complain "$f is still cut"
done
[ "$(ls "$XDG_CACHE_HOME/moonweave/kernels" | wc -l)" = "${#kernels[@]}" ] || complain "something else was left"

# Three at once begin with nothing.
rm -rf "$XDG_CACHE_HOME"
for n in a b c; do "$bin" run "$dir/small.lua" >"$dir/$n.out" 2>&1 & done
wait
for n in a b c; do [ "$(cat "$dir/$n.out")" = "$first" ] || complain "run $n: $(cat "$dir/$n.out")"; done
ls "$XDG_CACHE_HOME"/moonweave/kernels/*.tmp 2>/dev/null && complain "temporary files are left"

# No place at all, neither for ours nor for the driver's.
touch "$dir/file"
export XDG_CACHE_HOME=$dir/file/cache TMPDIR=$dir
unset POCL_CACHE_DIR
compute
right
says "compiled kernels are not kept"
unset XDG_CACHE_HOME
HOME=$dir/file/home compute
right
finish
