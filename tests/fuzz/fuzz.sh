#!/bin/bash
# fuzz.sh NAME:TARGET:VARIABLE=VALUE...: each fuzzer for FUZZ_SECONDS, as many at a time as there are cores; a line for each.
cd "$(dirname "$0")/../.." || exit 2
export FUZZ_SECONDS=${FUZZ_SECONDS:-60} LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
one() {
    IFS=: read -r name target variable <<<"$1"
    mkdir -p "build/fuzz/corpus/$name"
    if env "$variable" "build/fuzz/tests/fuzz/$target" -max_total_time="$FUZZ_SECONDS" -timeout=20 -rss_limit_mb=4096 \
        -max_len=65536 -artifact_prefix="build/fuzz/$name-" -print_final_stats=1 \
        "build/fuzz/corpus/$name" "build/fuzz/seeds/$name" >"build/fuzz/$name.log" 2>&1; then
        echo "ok   $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log") inputs"
    else
        echo "FAIL $name: build/fuzz/$name.log"
        grep -m3 -E 'ERROR|runtime error|SUMMARY' "build/fuzz/$name.log"
        return 1
    fi
}
export -f one
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'one {}'
