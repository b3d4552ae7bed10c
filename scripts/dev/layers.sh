#!/bin/sh
# layers.sh: who may include whom. Dependencies point one way; what goes against it is printed, and the exit status is 1.
cd "$(dirname "$0")/../.." || exit 2
status=0

# check ROOM PATTERN: files of ROOM may only include project headers that match PATTERN.
check() {
    [ -d "$1" ] || return 0
    bad=$(grep -rHnE '^#include "(core|nodes|tests)/' "$1" --include='*.[ch]' | grep -vE "#include \"($2)")
    [ -z "$bad" ] || { echo "$1 may not include:"; echo "$bad"; status=1; }
}
check core/base 'core/base/'
check core/cl 'core/(base|cl)/'
check core/tensor 'core/(base|cl|tensor)/|core/ops.h'
check core/ops 'core/(base|tensor|ops)/|core/ops.h|core/cl/(caps|tune|blas|device).h'
check core/io 'core/(base|tensor|io)/'
check core/graph 'core/(base|tensor|io|graph)/|core/cl/device.h'
check core/lua 'core/(base|tensor|io|graph|lua)/|core/ops.h|core/cl/device.h'
check nodes/nets 'core/(base|io)/|core/tensor/(tensor|launch|tape).h|core/cl/(caps|device).h|core/ops.h|core/graph/(value|function|node).h|nodes/nets/'

# core knows nothing of diffusion, outside comments and the names of ComfyUI's folders (paths.c) and A1111's settings (meta.c)
words=$(grep -rniwE 'unet|vae|diffusion|lora' core/*/ --include='*.[ch]' --exclude=paths.c --exclude=meta.c |
    sed -E 's|//.*||' | grep -iwE 'unet|vae|diffusion|lora')
[ -z "$words" ] || { echo "core must not know these words:"; echo "$words"; status=1; }
exit $status
