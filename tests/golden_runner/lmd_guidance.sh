# lmd_guidance.sh: the reference cases of attention guidance: energies, their gradients, steps of latents, composition, whole runs.
golden=$BIN/golden
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
for name in energy_topk energy_boxes energy_ref energy_ratio boxdiff_loss guidance_step \
    blend_noise compose_plain compose_aligned compose_fast compose_horizontal full_2box full_3box single_object \
    single_object_fast baseline_backward baseline_boxdiff gligen_guided lmd_plus_2box; do
    "$golden" tests/golden/lmd/$name >"$log" 2>&1 && grep -q " 0 missed, 0 not computed" "$log" && continue
    grep -v "^  ok" "$log" | tail -8
    status=1
done
exit $status
