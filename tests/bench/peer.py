"""peer.py: what the benchmark scripts share: paths, interleaved timing, medians; both sides' programs for single calls."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOONWEAVE = os.path.join(ROOT, "build", "moonweave")
MINIATURE = os.path.join(ROOT, "models", "miniature")


def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def run(args, env=None):
    """Run a program; its standard output. What it says on standard error is shown when it fails."""
    done = subprocess.run(args, env={**os.environ, **(env or {})}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(args)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def interleave(ours, theirs, rounds=5):
    """Seconds of ours() and theirs(), alternating; each returns its own seconds."""
    a, b = [], []
    for _ in range(rounds):
        a.append(ours())
        b.append(theirs())
    return a, b


def report(name, a, b):
    """One row: medians, median ratio, and its spread."""
    ratios = sorted(y / x for x, y in zip(a, b))
    print(f"{name:44} ours {statistics.median(a):9.4f} s  peer {statistics.median(b):9.4f} s  "
          f"ratio {statistics.median(ratios):5.2f} ({ratios[0]:.2f}..{ratios[-1]:.2f})", flush=True)
    return statistics.median(ratios)


class Side:
    """A program that answers commands: calls.c, or torch_calls.py."""

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


class Calls:
    """Both sides on one checkpoint, with the same random latents and the text states of two prompts in `folder`."""

    def __init__(self, model, dtype, side, folder):
        model, self.folder = os.path.abspath(model), folder
        with open(os.path.join(model, "unet", "config.json")) as f:
            width = json.load(f)["cross_attention_dim"]
        rng = np.random.default_rng(1)
        for name, shape in (("latents", (1, 4, side, side)), ("text", (2, 77, width))):
            v = rng.standard_normal(shape).astype(np.float32)
            v.tofile(os.path.join(folder, name + ".bin"))
            np.save(os.path.join(folder, name + ".npy"), v)
        here = os.path.dirname(os.path.abspath(__file__))
        program = os.path.join(ROOT, "build", "release", "tests", "bench", "calls")
        self.ours = Side([program, model, dtype, str(side)], folder)
        self.theirs = Side([sys.executable, os.path.join(here, "torch_calls.py"), model], folder)

    def warm(self, call):
        """One call of both, untimed (the first compiles and touches memory); the results are compared."""
        for side in (self.ours, self.theirs):
            side.ask(call), side.ask("save")
        got, worst = np.fromfile(os.path.join(self.folder, "ours.bin"), np.float32), 0
        with np.load(os.path.join(self.folder, "theirs.npz")) as theirs:
            wanted = list(theirs.values())
        if got.size != sum(w.size for w in wanted):
            raise SystemExit(f"{call}: the results differ in size")
        for w in wanted:
            mine, got = got[:w.size].reshape(w.shape), got[w.size:]
            worst = max(worst, np.linalg.norm(mine - w) / np.linalg.norm(w))
        print(f"{call}: relative difference of the results {worst:.2e}", flush=True)

    def times(self, call, rounds=5):
        return interleave(lambda: float(self.ours.ask(call)), lambda: float(self.theirs.ask(call)), rounds)

    def memory(self):
        resident, pool = map(int, self.ours.ask("peak").split())
        peak = int(self.theirs.ask("peak"))
        print(f"P5 peak memory: ours {resident / 1e9:.2f} GB resident ({pool / 1e9:.2f} GB in the pool), "
              f"peer {peak / 1e9:.2f} GB, share {resident / peak:.2f}")


def arguments():
    """MODEL [f32|f16] [SIDE] of a script that measures calls."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("dtype", nargs="?", default="f32", choices=["f32", "f16"])
    parser.add_argument("side", nargs="?", default=64, type=int)
    return parser.parse_args()


def measure_call(row, call):
    """A whole script: time of one call, and peak memory."""
    a = arguments()
    with tempfile.TemporaryDirectory() as folder:
        calls = Calls(a.model, a.dtype, a.side, folder)
        calls.warm(call)
        report(f"{row} {a.side}x{a.side} latents, {a.dtype}", *calls.times(call))
        calls.memory()
