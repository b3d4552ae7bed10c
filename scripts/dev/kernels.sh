#!/bin/bash
# kernels.sh [FILE...]: compiles kernels/<FILE>.cl (all of them) in every way that the program does (core/tensor/variants.h),
# for both families, in f32 and f16. A warning is an error; what there is, is printed, and the exit status is 1.
cd "$(dirname "$0")/../.." || exit 2
CC=${CC:-cc} CLANG=${CLANG:-clang-16}
wanted="^($(IFS='|'; echo "${*:-.*}")) "
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile FILE OPTION...: as core/cl/program.c puts a program together.
compile() {
    local file=$1
    shift
    local said
    said=$({ cat kernels/prelude.cl; printf '\n#line 1 "kernels/%s.cl"\n' "$file"; cat "kernels/$file.cl"; } |
        $CLANG -x cl -I kernels -cl-std=CL1.2 -cl-mad-enable -fsyntax-only -Werror -Xclang -finclude-default-header \
            -Xclang -fdeclare-opencl-builtins "$@" - 2>&1) || printf '%s\n' "$said" "kernels/$file.cl: compiled with $*"
}
export CLANG
export -f compile

# One line for each compilation: FILE OPTION...
while read -r line; do
    eval "set -- $line" # NAME FAMILY "FILES" "OPTIONS"
    for file in $3; do
        for cpu in 0 1; do
            case $2$cpu in CPU0 | GPU1) continue ;; esac
            for types in "-DT_F16=0 -DW_F16=0" "-DT_F16=0 -DW_F16=1" "-DT_F16=1 -DW_F16=0" "-DT_F16=1 -DW_F16=1"; do
                echo "$file -DCPU=$cpu $types $4"
            done
        done
    done
done < <($CC -E -P -x c -D'VARIANT(name, family, files, options)=name family files options' core/tensor/variants.h) \
    >"$work/list"
grep -E "$wanted" "$work/list" | xargs -P "$(nproc)" -I{} bash -c 'compile {}' >"$work/log"

for path in kernels/*.cl; do
    file=$(basename "$path" .cl)
    [ "$file" = prelude ] && continue
    grep -nE 'get_(group_id|num_groups) *\(' "$path" | sed "s|^|$path:|; s|$| (a launch goes in parts: WORK_GROUP)|" >>"$work/log"
    grep -q "^$file " "$work/list" || echo "$path: core/tensor/variants.h does not list it" >>"$work/log"
done
cat "$work/log"
[ -s "$work/list" ] && [ ! -s "$work/log" ]
