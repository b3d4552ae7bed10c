"""p2.py MODEL [f32|f16] [SIDE]: one classifier-free-guidance step of a UNet, ours and diffusers' on the CPU, and peak memory.

MODEL is a diffusers folder; `build/release/tests/bench/random_checkpoint` makes one of SD 1.5's size. SIDE: latent side
(64 = 512x512 pixels). The same weights, latents and text states on both sides; the results are compared. The peer runs
f32 arithmetic; its memory is measured in a process of its own.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import peer

PROGRAM = os.path.join(peer.ROOT, "build", "release", "tests", "bench", "p2")
THEIRS = """
import resource, sys, time
import numpy as np, torch
from diffusers import UNet2DConditionModel
torch.set_num_threads(2)
unet = UNet2DConditionModel.from_pretrained(sys.argv[1], subfolder="unet", torch_dtype=torch.float32).eval()
z, e = (torch.from_numpy(np.load(n)) for n in ("latents.npy", "text.npy"))
print("ready", flush=True)
for line in sys.stdin:
    if line.startswith("step"):
        start = time.perf_counter()
        with torch.inference_mode():
            y = unet(z, 500, e).sample
        print(time.perf_counter() - start, flush=True)
    elif line.startswith("save"):
        np.save("theirs.npy", y.numpy())
        print("saved", flush=True)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
"""


class Side:
    def __init__(self, args, folder):
        self.process = subprocess.Popen(args, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("one side has stopped")
        return line

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.read()

    def compare(self, theirs, folder):
        """Our last result (ours.bin) against the peer's (theirs.npy)."""
        self.ask("save"), theirs.ask("save")
        want = np.load(os.path.join(folder, "theirs.npy"))
        got = np.fromfile(os.path.join(folder, "ours.bin"), np.float32).reshape(want.shape)
        print(f"relative difference of the results: {np.linalg.norm(got - want) / np.linalg.norm(want):.2e}")

    def memory(self, theirs):
        resident, pool = map(int, self.ask("peak").split())
        peak = int(theirs.ask("peak"))
        print(f"P5 peak memory: ours {resident / 1e9:.2f} GB resident ({pool / 1e9:.2f} GB in the pool), "
              f"peer {peak / 1e9:.2f} GB, share {resident / peak:.2f}")


def operands(model, side, batch, folder):
    """Random latents and text states for both sides: .bin for ours, .npy for the peer."""
    with open(os.path.join(model, "unet", "config.json")) as f:
        width = json.load(f)["cross_attention_dim"]
    rng = np.random.default_rng(1)
    for name, shape in (("latents", (batch, 4, side, side)), ("text", (batch, 77, width))):
        v = rng.standard_normal(shape).astype(np.float32)
        v.tofile(os.path.join(folder, name + ".bin"))
        np.save(os.path.join(folder, name + ".npy"), v)


def main():
    model = os.path.abspath(sys.argv[1])
    dtype = sys.argv[2] if len(sys.argv) > 2 else "f32"
    side = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    with tempfile.TemporaryDirectory() as folder:
        operands(model, side, 2, folder)
        ours = Side([PROGRAM, model, dtype, str(side)], folder)
        theirs = Side([sys.executable, "-c", THEIRS, model], folder)
        ours.ask("step"), theirs.ask("step")  # the first call compiles and touches memory
        a, b = peer.interleave(lambda: float(ours.ask("step")), lambda: float(theirs.ask("step")))
        peer.report(f"P2 CFG step {side}x{side} latents, {dtype}", a, b)
        ours.compare(theirs, folder)
        ours.memory(theirs)


if __name__ == "__main__":
    main()
