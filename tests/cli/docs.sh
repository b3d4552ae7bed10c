# docs.sh: what `make docs` writes is up to date.
status=0
stale() {
    "$BIN/moonweave" nodes "--$1" | cmp -s - "$2" && return
    echo "$2 is stale: make docs"
    status=1
}
stale markdown docs/nodes.md
stale annotations scripts/types/moonweave.lua
exit $status
