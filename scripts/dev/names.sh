#!/bin/sh
# names.sh: each op and each node has a test, each file says what it is, and why where it is long; what is missing is
# printed, and the exit status is 1.
cd "$(dirname "$0")/../.." || exit 2
status=0
miss() {
    echo "$1"
    status=1
}
for f in core/ops/*.c; do
    n=$(basename "$f" .c)
    case $n in *_internal) continue ;; esac
    ls tests/ops/"$n"*.c >/dev/null 2>&1 || grep -q "mw_$n(" tests/ops/*.c || miss "$f: no test in tests/ops mentions mw_$n"
done
for f in $(ls nodes/*.c nodes/*/*.c | grep -v '^nodes/nets/'); do
    n=$(basename "$f" .c)
    grep -rqE "(mw\.|mw_node_|\")$n\b" tests scripts/moonweave graphs --include='*.lua' --include='*.c' --include='*.sh' ||
        miss "$f: no test, script or graph uses $n"
done
for f in $(find core/*/ nodes tests/*/ -name '*.[ch]') kernels/*.cl; do
    head -1 "$f" | grep -q "^// $(basename "$f"): " || miss "$f: line 1 must be '// $(basename "$f"): what it is'"
done
for f in $(find core nodes tests -name '*.[ch]') kernels/*.cl; do
    [ "$(wc -l <"$f")" -le 400 ] || grep -q '^// Long: ' "$f" || miss "$f: over 400 lines: split it, or say why in a line '// Long: ...'"
done
exit $status
