# golden.sh: every reference case of tests/golden in f32, those of networks in f16 too.
status=0
# run DTYPE CASE...: all right, and something was computed.
run() {
    local log
    log=$("$BIN/golden" --dtype "$@" 2>&1) && grep -qE " right, 0 missed|expected.json right" <<<"$log" && return
    grep -v '^  ok' <<<"$log"
    status=1
}
for family in tests/golden/*/; do
    cases=("$family"*/case.json)
    [ -e "${cases[0]}" ] || continue
    run f32 "${cases[@]%/case.json}"
done
run f16 tests/golden/{clip_text,unet,unet_gligen,vae,pipeline}/*/
exit $status
