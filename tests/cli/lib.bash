# lib.sh: for the tests of the command line: what it prints where, and how it ends. Sourced.
export LC_ALL=C.UTF-8
bin=$(realpath "$BIN")/moonweave
repo=$PWD
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

# script NAME <<END: a graph script in the test's folder.
script() { cat >"$dir/$1"; }

# run ARGS...: runs moonweave; its status in $rc, its output in $out and $err.
run() {
    "$bin" "$@" >"$dir/.out" 2>"$dir/.err" </dev/null
    rc=$?
    out=$(tr -d "\0" <"$dir/.out") err=$(tr -d "\0" <"$dir/.err")
}

complain() {
    failures=$((failures + 1))
    printf '%s: %s\n  status %s\n  stdout: %s\n  stderr: %s\n' "${BASH_LINENO[1]}" "$1" "$rc" "$out" "$err"
}

# status N: the last run ended so.
status() { [ "$rc" = "$1" ] || complain "expected status $1"; }
# says TEXT: on stderr; prints TEXT: on stdout, a line of its own; silent_out: nothing there.
says() { [[ $err == *"$1"* ]] || complain "expected on stderr: $1"; }
says_not() { [[ $err != *"$1"* ]] || complain "unexpected on stderr: $1"; }
prints() { grep -qxF -- "$1" <<<"$out" || complain "expected on stdout: $1"; }
silent_out() { [ -z "$out" ] || complain "expected nothing on stdout"; }

finish() { exit $((failures > 0)); }
