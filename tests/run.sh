#!/bin/bash
# run.sh: every test, quiet when well. BIN: where the programs are, OBJ: where the unit tests are, T: a part of a name.
# Unit tests are programs, the others are scripts (.lua run by moonweave, .sh by bash). Closes with the counts.
BIN=${BIN:-build} OBJ=${OBJ:-build/release} T=${T:-}
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    local name=$1
    shift
    case $name in *"$T"*) ;; *) return ;; esac
    if timeout 600 "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        [ -n "${VERBOSE:-}" ] && echo "ok   $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        sed 's/^/    /' "$log" | tail -40
    fi
}
for t in tests/core/*.c tests/ops/*.c tests/nodes/*.c; do [ -e "$t" ] && run "$t" "$OBJ/${t%.c}"; done
export BIN OBJ MOONWEAVE_LEAKS=1
for t in tests/*/*.sh; do [ -e "$t" ] && run "$t" bash "$t"; done
for t in tests/nodes/*.lua tests/graphs/*.lua; do [ -e "$t" ] && run "$t" "$BIN/moonweave" run "$t"; done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
