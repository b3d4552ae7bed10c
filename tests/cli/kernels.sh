# kernels.sh: a kernel that compiles with a warning fails where tests ask for that, and fails the lint.
. tests/cli/lib.bash
tree="$dir/tree"
mkdir -p "$tree/build" "$tree/core/tensor"
cp "$bin" "$tree/build" && cp -r kernels scripts "$tree" && cp core/tensor/variants.h "$tree/core/tensor"
bin="$tree/build/moonweave" XDG_CACHE_HOME="$dir/cache"
export XDG_CACHE_HOME
script sum.lua <<'END'
local mw = require "moonweave"
assert((mw.tensor { { 1, 2 } } + 1):sum():item() == 5)
mw.output { three = 3 }
END
graph=$dir/sum.lua
for f in "$tree"/kernels/{copy,elementwise}.cl; do
    printf 'int odd(global int *p) { global float *q = p; return q != 0; }\n' >>"$f"
done
MOONWEAVE_STRICT_KERNELS=1 run run "$graph"
status 5
says "does not compile without a warning on"
run run "$graph"
status 0
MOONWEAVE_STRICT_KERNELS=1 run run "$graph" # also when it was compiled and kept before
says "does not compile without a warning on"

command -v clang-16 >/dev/null || { echo "clang-16 is not there: the lint is skipped" && finish; }
lint() {
    out=$("$tree/scripts/dev/kernels.sh" "$@" 2>&1)
    rc=$? err=$out
}
lint copy
status 1
says "kernels/copy.cl:"
says "incompatible pointer types"
cp kernels/*.cl "$tree/kernels"
lint copy
status 0
silent_out
cp kernels/copy.cl "$tree/kernels/unlisted.cl"
lint copy
status 1
says "kernels/unlisted.cl: core/tensor/variants.h does not list it"
finish
