#!/bin/bash
# real_configs.sh: inspect says of every published folder what it is or why it can't be run; with the peers' virtual environment
# beside, what can be run is compared with diffusers. MOONWEAVE_REAL_CONFIGS names the folder of folders; else skipped.
if [ -z "${MOONWEAVE_REAL_CONFIGS:-}" ]; then
    echo "skipped: MOONWEAVE_REAL_CONFIGS names no folder of published configs"
    exit 0
fi
. tests/cli/lib.bash
for folder in "$MOONWEAVE_REAL_CONFIGS"/*/; do
    run inspect "$folder"
    name=$(basename "$folder")
    case $rc in
    0) [[ $out == *"$name"* ]] || complain "says nothing of $name" ;;
    4) says "$name" ;;
    *) complain "$name: expected status 0 or 4" ;;
    esac
done
[ ! -x build/peer/bin/python ] || build/peer/bin/python tests/peers/real_configs.py || failures=1
finish
