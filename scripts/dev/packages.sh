#!/bin/sh
# packages.sh LIST: install the Debian packages of LIST that are missing.
set -eu
missing=
for p in $(sed 's/#.*//' "$1"); do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
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
