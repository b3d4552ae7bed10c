#!/bin/sh
# packages.sh LIST OUT: install the Debian packages of LIST that are missing, then write the compiler flags to OUT.
set -eu
list=$1 out=$2
missing=
for p in $(sed 's/#.*//' "$list"); do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null || { echo "please install:$missing" >&2; exit 1; }
    run=
    [ "$(id -u)" = 0 ] || run=sudo
    echo "installing:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # the list is meant to be split
    $run apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
        $run apt-get update -qq
        $run apt-get install -y -qq --no-install-recommends $missing >/dev/null
    }
fi
libs="luajit OpenCL jansson libutf8proc libpcre2-8 libxxhash zlib clblast"
mkdir -p "$(dirname "$out")"
cat > "$out.tmp" <<END
LIB_CFLAGS = $(pkg-config --cflags $libs) -I/usr/include/stb
LIB_LIBS = $(pkg-config --libs $libs)
END
mv "$out.tmp" "$out"
