"""draw.py: many pictures by graphs/evaluate.lua, one process for many, then read by the judge; rows go to a CSV file."""
import csv
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

import tasks

MOONWEAVE = os.path.join(tasks.ROOT, "build", "moonweave")
MEASURES = ("exact", "number", "present", "colour_exact")
FIELDS = ("method", "settings", "task", "index", "seed", "prompt", *MEASURES, "cpu_seconds")


def _pictures(rows, method, settings, folder):
    """Draws the rows; their pictures and the processor's seconds for each."""
    jobs = os.path.join(folder, "jobs.tsv")
    asked = method == "lmd_llm"  # the layout is the language model's
    with open(jobs, "w") as f:
        for i, r in enumerate(rows):
            f.write("\t".join([f"p{i:03}", str(r["seed"]), r["prompt"], "" if asked else r["layout"],
                               "lmd" if asked else method, settings]) + "\n")
    child = subprocess.Popen([MOONWEAVE, "run", os.path.join(tasks.ROOT, "graphs", "evaluate.lua"), "-p", f"set={jobs}",
                              "--trust", "--no-metadata", "-q", "-o", folder], stdout=subprocess.DEVNULL, cwd=tasks.ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"moonweave failed for {method} {settings} {rows[0]['task']}")
    files = [os.path.join(folder, f"p{i:03}.png") for i in range(len(rows))]
    return [np.asarray(Image.open(f).convert("RGB")) for f in files], (usage.ru_utime + usage.ru_stime) / len(rows)


def sheet(pictures, path, across=8):
    """A contact sheet of pictures of one size."""
    side = pictures[0].shape[0]
    s = Image.new("RGB", (across * side, -(-len(pictures) // across) * side))
    for i, p in enumerate(pictures):
        s.paste(Image.fromarray(p), (i % across * side, i // across * side))
    s.save(path, optimize=True)


def _chunk(job):
    rows, method, settings, sheets = job
    with tempfile.TemporaryDirectory() as folder:
        pictures, seconds = _pictures(rows, method, settings, folder)
    name = "_".join([method, *settings.replace("=", "").split(), rows[0]["task"]])
    sheet(pictures, os.path.join(sheets, name + ".png"))
    return [{**{k: r[k] for k in ("task", "index", "seed", "prompt")}, **tasks.judge(p, r["truth"]),
             "method": method, "settings": settings, "cpu_seconds": f"{seconds:.2f}"} for r, p in zip(rows, pictures)]


def read(path):
    """The rows of a CSV file of verdicts; none if it is not there."""
    if not os.path.exists(path):
        return []
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def measure(rows, runs, path, processes):
    """Every row by every run, (method, settings); verdicts are added to the CSV file, what it holds is not drawn again."""
    sheets = os.path.join(os.path.dirname(path), "sheets")
    os.makedirs(sheets, exist_ok=True)
    done = {(v["method"], v["settings"], v["task"]) for v in read(path)}
    jobs = [([r for r in rows if r["task"] == t], m, s, sheets) for m, s in runs for t in tasks.TASKS
            if (m, s, t) not in done and any(r["task"] == t for r in rows)]
    fresh = not os.path.exists(path)
    with open(path, "a", newline="") as f, ThreadPoolExecutor(processes) as pool:
        out = csv.DictWriter(f, FIELDS, lineterminator="\n")
        if fresh:
            out.writeheader()
        for verdicts in pool.map(_chunk, jobs):
            out.writerows(verdicts)
            f.flush()
    return read(path)
