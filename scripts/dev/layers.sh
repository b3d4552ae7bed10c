#!/bin/sh
# layers.sh: who may include whom. Dependencies point one way; what goes against it is printed, and the exit status is 1.
cd "$(dirname "$0")/../.." || exit 2
status=0

# check ROOM PATTERN: files that lie in ROOM itself may only include project headers that match PATTERN.
check() {
    [ -d "$1" ] || return 0
    bad=$(grep -HnE '^#include "(core|nodes|tests)/' "$1"/*.[ch] 2>/dev/null | grep -vE "#include \"($2)")
    [ -z "$bad" ] || { echo "$1 may not include:"; echo "$bad"; status=1; }
}
check core/base 'core/base/'
check core/cl 'core/(base|cl)/'
check core/tensor 'core/(base|cl|tensor)/|core/ops.h'
check core/ops 'core/(base|tensor|ops)/|core/ops.h|core/cl/(caps|tune|blas|device).h'
check core/io 'core/(base|tensor|io)/'
check core/graph 'core/(base|tensor|io|graph)/|core/cl/(device|tune).h'
check core/lua 'core/(base|tensor|io|graph|lua)/|core/ops.h|core/cl/device.h'
check core/measure 'core/(base|cl|tensor|measure)/|core/ops.h'
check core/cli 'core/(base|tensor|io|graph|lua|measure|cli)/|core/cl/(device|tune).h'
check core 'core/cli/|core/tensor/(tensor|activation).h|core/base/ggml_blocks.h' # ops.h, main.c

# The rooms of networks: each may use the rooms named before it that stand in its own line, and nothing of the others.
engine='core/(base|io)/|core/tensor/(tensor|activation|launch|tape).h|core/cl/(caps|device).h|core/ops.h|core/graph/(value|value_json|vectors|picture|function|node|seed|recipe).h'
nets() {
    known="$known nodes/nets/$1"
    check "nodes/nets/$1" "$engine|nodes/nets/($(echo "$*" | tr ' ' '|'))/[a-z0-9_]*\.h"
}
known=''
nets base
nets text base
nets pictures base
nets clip base text
nets unet base
nets vae base
nets sampling base
nets jinja base text
nets llm base text jinja
nets layout/english
nets layout layout/english pictures
nets sam base pictures
nets owlvit base clip pictures
nets checkpoint base clip unet vae sampling
nets lora base clip unet checkpoint
nets textual_inversion base clip checkpoint
nets guidance base pictures clip unet sampling layout
nets inspect base clip unet vae sampling llm sam owlvit checkpoint
for room in $(find nodes/nets -mindepth 1 -type d); do
    case " $known " in *" $room "*) ;; *) echo "$room: scripts/dev/layers.sh does not say what it may include"; status=1 ;; esac
done
bad=$(ls nodes/nets/*.[ch] 2>/dev/null)
[ -z "$bad" ] || { echo "nodes/nets has rooms, and no files of its own:"; echo "$bad"; status=1; }

# A node sees networks and the engine, and no other node; the private headers of a room stay in it.
for room in nodes nodes/*; do
    [ "$room" = nodes/nets ] || check "$room" "$engine|nodes/nets/"
done
bad=$(grep -rnE '^#include ".*_internal\.h"' nodes --include='*.[ch]' | awk -F'[:"]' '{
    from = $1; to = $4; sub(/\/[^\/]*$/, "", from); sub(/\/[^\/]*$/, "", to)
    if (from != to) print }')
[ -z "$bad" ] || { echo "another room's private header:"; echo "$bad"; status=1; }

# core knows nothing of diffusion, outside comments and the names of ComfyUI's folders (paths.c) and A1111's settings (meta.c)
words=$(grep -rniwE 'unet|vae|diffusion|lora' core/*/ --include='*.[ch]' --exclude=paths.c --exclude=meta.c |
    sed -E 's|//.*||' | grep -iwE 'unet|vae|diffusion|lora')
[ -z "$words" ] || { echo "core must not know these words:"; echo "$words"; status=1; }
exit $status
