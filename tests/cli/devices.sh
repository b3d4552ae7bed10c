# devices.sh: several devices in one run: which --device takes, what runs where, what is refused.
. tests/cli/lib.bash

# A picture whose steps run on devices 0 and p.other in turn.
script split.lua <<'END'
local mw = require "moonweave"
local p = mw.params { other = { 1, "device" }, compare = { false, "with one made on device 0" } }
local sd = mw.checkpoint { path = "models/miniature" }
local text = mw.text_encoder { model = sd, prompt = "a red star, night sky", device = 0 }
local schedule = mw.schedule { model = sd, sampler = "ddim", steps = 4 }
local function paint(other)
  local latents = mw.start_latents { schedule = schedule, noise = mw.noise { model = sd, seed = 1 } }.latents
  for step = 0, 3 do
    local noise = mw.unet { model = sd, latents = latents, schedule = schedule, step = step,
      embedding = text.embedding, cfg = 1, device = step % 2 * other }
    latents = mw.ddim_step { schedule = schedule, step = step, latents = latents, noise_pred = noise }.latents
  end
  return mw.vae_decode { model = sd, latents = latents, device = other }
end
mw.output { picture = paint(p.other) }
-- What the script is handed lies on one device, wherever it was made.
local function difference() return (paint(0):value() - paint(p.other):value()):abs():max():item() end
mw.output { difference = p.compare and ("%.6f"):format(difference()) or "unknown" }
END
script free.lua <<'END'
local mw = require "moonweave"
local sd = mw.checkpoint { path = "models/miniature" }
for i = 1, 4 do
  mw.output { ["p" .. i] = mw.txt2img { model = sd, prompt = "a blue circle, night sky", steps = 3, cfg = 4, seed = i } }
end
END
script bad.lua <<'END'
local mw = require "moonweave"
local p = mw.params { device = { "0", "device" } }
mw.output { x = mw.noise { model = mw.checkpoint { path = "models/miniature" }, seed = 1, device = tonumber(p.device) or p.device } }
END
script host.lua <<'END'
local mw = require "moonweave"
mw.output { x = mw.hello { name = "you", device = 0 } }
END

# Two equal devices: halves of a CPU.
if "$bin" run "$dir/split.lua" --device=cpu/2 -o "$dir/probe" >/dev/null 2>&1; then
    run run "$dir/split.lua" --device=cpu/2 -v --profile --no-metadata -o "$dir/two"
    status 0
    says "brought to device 1 ("
    says "brought to device 0 ("
    says "from device to device: "
    says "split.lua:9: unet: 'noise_pred' from 1 to 0: 2 tensors, 0.0 MiB"
    says ", part 2 of 2) memory: "
    run run "$dir/split.lua" --device=cpu/2 -p other=0 --no-metadata -o "$dir/one"
    status 0
    cmp -s "$dir/two/picture.png" "$dir/one/picture.png" || complain "two devices paint another picture than one"
    # Pinned or not, wherever it runs: the same bits; and both devices have their share.
    run run "$dir/free.lua" --device=cpu/2 --profile --no-metadata -o "$dir/free"
    status 0
    [ "$(grep -c 'part . of 2) memory: [1-9]' <<<"$err")" = 2 ] || complain "one of the devices did nothing"
    sed 's/seed = i/seed = i, device = 1/' "$dir/free.lua" >"$dir/pinned.lua"
    run run "$dir/pinned.lua" --device=cpu/2 --no-metadata -o "$dir/pinned"
    status 0
    for i in 1 2 3 4; do
        cmp -s "$dir/free/p$i.png" "$dir/pinned/p$i.png" || complain "picture $i depends on where it is painted"
    done
    # The limit is each one's, and the device that passes it is named.
    run run "$dir/split.lua" --device=cpu/2 --memory=2M -o "$dir/small"
    status 6
    says "the limit is 2.0 MiB"
    run run "$dir/bad.lua" -o "$dir/x" --device=cpu/2 -p device=2
    status 5
    says "bad.lua:3: noise: 'device' is 2, but this run has fewer devices, counted from 0"
fi

# Some of a CPU's threads: the same picture, with as many compute units as were asked for.
if "$bin" devices --json | head -1 | grep -q '"type": *"cpu"'; then
    for how in "--threads=1" "--device=cpu --threads=1" "--device=cpu@1"; do
        run run "$dir/bad.lua" $how -o "$dir/threads"
        status 0
    done
    MOONWEAVE_THREADS=1 run run "$dir/bad.lua" -o "$dir/threads"
    status 0
    run run "$dir/bad.lua" --device=cpu --threads=65000 -o "$dir/threads"
    status 5
    says "threads, not 65000"
    MOONWEAVE_THREADS=some run run "$dir/bad.lua" -o "$dir/threads"
    status 2
    says "MOONWEAVE_THREADS: --threads=some: must be a whole number from 1"
    run run "$dir/bad.lua" --device=cpu/2 --threads=1 -o "$dir/threads"
    status 2
    says "--threads=1 is for one CPU device, not for --device=cpu/2"
fi

# Two different ones, of one platform: PoCL's two drivers for CPUs.
export POCL_DEVICES="pthread basic"
if [ "$("$bin" devices | grep -c "^[01]  .*(cpu)")" = 2 ]; then
    run run "$dir/bad.lua" -o "$dir/x" --device=portable
    status 5
    says "several devices match 'portable'; say which by its index: 0 \"basic"
    run run "$dir/bad.lua" -o "$dir/x" --device=pthread
    status 0
fi

# Two of the driver that can be given work by several threads: with "basic" PoCL 3.1 may wait for ever then.
export POCL_DEVICES="pthread pthread"
if [ "$("$bin" devices | grep -c "^[01]  .*(cpu)")" = 2 ]; then
    run run "$dir/split.lua" --device=all -p compare=true -o "$dir/all"
    status 0
    awk '$1 == "difference" { exit !($2 < 0.001) }' <<<"$out" || complain "two devices differ"
    run run "$dir/split.lua" --device=1,0 -v -o "$dir/swapped"
    status 0
    says "device 0 (pthread"
fi
unset POCL_DEVICES

run run "$dir/split.lua" --device=0 -o "$dir/x"
status 5
says "split.lua:"
says "'device' is 1, but this run has one device, 0; --device names several"
run run "$dir/bad.lua" -o "$dir/x" -p device=-1
status 3
says "'device' must be a whole number from 0 to 15"
run run "$dir/bad.lua" -o "$dir/x" -p device=fast
status 3
says "noise: 'device' must be"
run check "$dir/host.lua"
status 3
says "hello: it uses no device, so that 'device' means nothing for it"
run run "$dir/bad.lua" -o "$dir/x" --device=0,0
status 5
says "is named twice"
run run "$dir/bad.lua" -o "$dir/x" --device=0/1000
status 5
says "cannot be split into"
run run "$dir/bad.lua" -o "$dir/x" --device=none
status 5
says "no device matches 'none'; there is: 0 \""
finish
