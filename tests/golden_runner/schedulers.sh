# schedulers.sh: every sampler's trajectory, in f32 and with latents in f16.
for dtype in f32 f16; do
    "$BIN"/golden --dtype $dtype tests/golden/schedulers/* >/tmp/mw_schedulers.$$ 2>&1
    status=$?
    grep -v -e '^  ok' -e ' 0 missed, 0 not computed' /tmp/mw_schedulers.$$
    right=$(grep -c ' 0 missed, 0 not computed' /tmp/mw_schedulers.$$)
    rm -f /tmp/mw_schedulers.$$
    [ $status = 0 ] && [ "$right" = "$(ls tests/golden/schedulers | wc -l)" ] || { echo "$dtype: $right right"; exit 1; }
done
