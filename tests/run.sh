#!/bin/bash
# run.sh: every test, as many at a time as there are cores (JOBS), a line for each that ended. BIN: where the programs are,
# OBJ: where the unit tests are, T: a part of a name. Unit tests are programs, the others are scripts (.lua run by
# moonweave, .sh by bash). Closes with the counts; of a test that fails, the end of what it printed.
export BIN=${BIN:-build} OBJ=${OBJ:-build/release}
T=${T:-} JOBS=${JOBS:-$(nproc)}
cd "$(dirname "$0")/.." || exit 2
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

tests=()
for t in tests/core/*.c tests/ops/*.c tests/nodes/*.c tests/{cli,faults,fuzz,golden_runner,graphs,nodes,peers}/*.sh tests/nodes/*.lua tests/graphs/*.lua; do
    case $t in *"$T"*) [ -e "$t" ] && tests+=("$t") ;; esac
done

# one NAME LOG: runs a test; its status and seconds go to LOG.end.
one() {
    local began=$EPOCHREALTIME command
    case $1 in
    *.c) command=("$OBJ/${1%.c}") ;;
    *.sh) command=(env MOONWEAVE_LEAKS=1 bash "$1") ;;
    *) command=(env MOONWEAVE_LEAKS=1 "$BIN/moonweave" run "$1") ;;
    esac
    timeout 900 "${command[@]}" >"$2" 2>&1 </dev/null
    echo "$? $(((${EPOCHREALTIME/./} - ${began/./}) / 100000))" >"$2.end"
}

passed=0 failed=0 next=0 running=0
declare -A told
tell_ended() {
    local i status tenths
    for ((i = 0; i < next; i++)); do
        [ -z "${told[$i]:-}" ] && [ -s "$logs/$i.end" ] || continue
        told[$i]=1 running=$((running - 1))
        read -r status tenths <"$logs/$i.end"
        if [ "$status" = 0 ]; then
            passed=$((passed + 1))
            printf 'ok   %3d/%d  %4d.%d s  %s\n' $((passed + failed)) ${#tests[@]} $((tenths / 10)) $((tenths % 10)) "${tests[$i]}"
        else
            failed=$((failed + 1))
            echo "FAIL ${tests[$i]} (status $status)"
            tail -40 "$logs/$i" | sed 's/^/    /'
        fi
    done
}
while [ $next -lt ${#tests[@]} ] || [ $running -gt 0 ]; do
    while [ $next -lt ${#tests[@]} ] && [ $running -lt "$JOBS" ]; do
        one "${tests[$next]}" "$logs/$next" &
        next=$((next + 1)) running=$((running + 1))
    done
    wait -n
    tell_ended
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
