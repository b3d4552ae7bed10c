# docs.sh: what `make docs` writes is up to date; links lead somewhere.
status=0
stale() {
    "$BIN/moonweave" nodes "--$1" | cmp -s - "$2" && return
    echo "$2 is stale: make docs"
    status=1
}
stale markdown docs/nodes.md
stale annotations scripts/types/moonweave.lua
# Links between the documents lead somewhere.
for f in README.md docs/*.md tests/bench/README.md findings/README.md; do
    while read -r link; do
        [ -e "$(dirname "$f")/$link" ] || { echo "$f: there is no $link"; status=1; }
    done < <(grep -oE '\]\([^)#: ]+' "$f" | sed 's/^](//')
    # To a heading: its words in lower case, joined by "-".
    while IFS='#' read -r link heading; do
        to=$f
        [ -z "$link" ] || to=$(dirname "$f")/$link
        sed -n 's/^#\+ //p' "$to" | tr '[:upper:] ' '[:lower:]-' | grep -qxF "$heading" ||
            { echo "$f: $to has no heading '$heading'"; status=1; }
    done < <(grep -oE '\]\([^): ]*#[^) ]+\)' "$f" | sed 's/^](//; s/)$//')
done
exit $status
