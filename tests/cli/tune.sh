# tune.sh: a tuning that is interrupted prints what it measured, keeps what it settled, and can go on.
. tests/cli/lib.bash
export XDG_CACHE_HOME=$dir/cache
# interrupt PATTERN: tunes until a line matches.
interrupt() {
    : >"$dir/.out" # what the last one printed is not to match
    # (a background job of a script ignores SIGINT unless it is given back)
    env --default-signal=INT "$bin" tune >"$dir/.out" 2>"$dir/.err" </dev/null &
    local pid=$!
    for ((i = 0; i < 600; i++)); do
        grep -q -- "$1" "$dir/.out" && break
        sleep 0.1
    done
    kill -INT $pid
    wait $pid
    rc=$? out=$(cat "$dir/.out") err=$(cat "$dir/.err")
}
rows() { grep -cvE '^#' "$dir"/cache/moonweave/tune/*.tune; }
interrupt '-> '
status 130
[ "$(tail -n +1 <<<"$out" | grep -c -- '-> ')" = "$(rows)" ] || complain "what is printed as settled is what is kept"
! grep -vE $'^#|^[^\t]+\t[a-z0-9_]+$' "$dir"/cache/moonweave/tune/*.tune || complain "complete rows only"
[[ $out != *" 0.000 ms"* ]] || complain "nothing is invented"
[[ $out != *"differs (not finished)"* ]] || complain "a way that was not measured to its end is called wrong"
before=$(rows)
interrupt ' ms'
status 130
[ "$(rows)" -ge "$before" ] || complain "a second tuning keeps what the first one settled"
finish
