"""peer.py: what the benchmark scripts share: paths, interleaved timing, medians, memory."""
import os
import statistics
import subprocess
import time

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
