#!/bin/bash
# faults.sh [all]: allocations and OpenCL calls that fail, one a run, in three graphs: one step, one guided step, and a
# kernel that a script brings along. Without "all" a sample of them. What was seen of each: OBJ/tests/faults/*.log.
faults=$OBJ/tests/faults/faults how=${1:-sample} failures=0
[ "$how" = all ] && where=$OBJ/tests/faults || where=$(mktemp -d)
[ "$how" = all ] || trap 'rm -rf "$where"' EXIT

# fail NAME KIND ARGUMENTS...
fail() {
    local log=$where/$1-$2.log kind=$2
    shift 2
    "$faults" "$kind" "$how" "$log" moonweave run "$@" || failures=$((failures + 1))
}
small=(-p steps=1 -p width=64 -p height=64)
for kind in memory opencl; do
    fail step $kind graphs/txt2img.lua "${small[@]}"
    fail guided $kind graphs/custom_energy.lua -p guided=1 "${small[@]}"
    fail kernel $kind tests/faults/kernel.lua --trust
done
exit $((failures > 0))
