"""table.py FOLDER: the verdicts of run.py as tables (FOLDER/table.md) and, for each parameter, a CSV file and a plot."""
import math
import os
import random
import statistics
import subprocess
import sys

import draw
import run
import tasks

Z = 1.959964  # of the 95 % interval


def wilson(k, n):
    """The 95 % interval of a share k of n."""
    p, d = k / n, 1 + Z * Z / n
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / d
    middle = (p + Z * Z / (2 * n)) / d
    return max(0.0, middle - half), min(1.0, middle + half)


def share(rows, measure="exact"):
    k, n = sum(int(r[measure]) for r in rows), len(rows)
    low, high = wilson(k, n)
    return k, n, low, high


def cell(rows):
    if not rows:
        return "-"
    k, n, low, high = share(rows)
    return f"{k} of {n}: {100 * k / n:.0f} % ({100 * low:.0f}–{100 * high:.0f})"


def pick(rows, method, task=None):
    return [r for r in rows if r["method"] == method and task in (None, r["task"])]


def mcnemar(ours, theirs):
    """Two-sided exact probability that so uneven a split of the pairs that differ is chance."""
    won = sum(int(a["exact"]) > int(b["exact"]) for a, b in zip(ours, theirs))
    lost = sum(int(a["exact"]) < int(b["exact"]) for a, b in zip(ours, theirs))
    n, k = won + lost, min(won, lost)
    return won, lost, min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n) if n else 1.0


def ratio(ours, theirs, draws=4000):
    """How many times as often ours is exact, with the 95 % interval of resampled pairs."""
    rng, pairs, found = random.Random(1), [(int(a["exact"]), int(b["exact"])) for a, b in zip(ours, theirs)], []
    for _ in range(draws):
        some = rng.choices(pairs, k=len(pairs))
        found.append(sum(a for a, _ in some) / max(1, sum(b for _, b in some)))
    found.sort()
    return (sum(a for a, _ in pairs) / max(1, sum(b for _, b in pairs)), found[draws * 25 // 1000],
            found[draws * 975 // 1000])


def aligned(rows, method, other):
    """The rows of two methods on the prompts that both have drawn, in one order."""
    a, b = ({(r["task"], int(r["index"])): r for r in pick(rows, m)} for m in (method, other))
    keys = sorted(set(a) & set(b))
    return [a[k] for k in keys], [b[k] for k in keys]


def methods_table(rows):
    methods = [m for m, _ in run.METHODS if pick(rows, m)]
    lines = ["| task | " + " | ".join(methods) + " |", "| --- |" + " --- |" * len(methods)]
    for task in tasks.TASKS:
        lines.append(f"| {task} | " + " | ".join(cell(pick(rows, m, task)) for m in methods) + " |")
    total = " | ".join("**" + cell(pick(rows, m)) + "**" for m in methods)
    lines.append(f"| **all** | {total} |")
    for name, measure in (("number right", "number"), ("all kinds there", "present"), ("colours right", "colour_exact")):
        lines.append(f"| {name} | " + " | ".join(f"{100 * share(pick(rows, m), measure)[0] / len(pick(rows, m)):.0f} %"
                                                 for m in methods) + " |")
    lines.append("| CPU seconds a picture | " + " | ".join(
        f"{statistics.mean(float(r['cpu_seconds']) for r in pick(rows, m) if r['cpu_seconds']):.1f}" for m in methods) + " |")
    lines.append("")
    for m in methods[1:]:
        ours, theirs = aligned(rows, m, methods[0])
        r, low, high = ratio(ours, theirs)
        won, lost, p = mcnemar(ours, theirs)
        lines.append(f"- {m} against {methods[0]} on {len(ours)} prompts: {r:.2f} times as often exact ({low:.2f}–{high:.2f}); "
                     f"of the pairs that differ {won} won, {lost} lost (p = {p:.1g}).")
    return lines


PLOT = """set terminal pngcairo size 640,400 font "sans,11"
set output "{png}"
set datafile separator ","
set xlabel "{name}"
set ylabel "everything exact, %"
set yrange [0:100]
set xrange [-0.5:{last}]
set grid ytics lc rgb "#dddddd"
set key off
set border 3
set tics nomirror
plot "{csv}" every ::1 using 0:(100*$4):(100*$5):(100*$6):xtic(1) with yerrorlines lw 2 pt 7 lc rgb "#2060a0"
"""


def ablation(rows, name, folder):
    """A CSV file and a plot of one parameter; rows of a table."""
    lines, points = [], []
    for value in run.ABLATION[name]:
        some = [r for r in rows if r["settings"] == ("" if run.DEFAULTS[name] == value else f"{name}={value}")]
        if some:
            k, n, low, high = share(some)
            number = share(some, "number")[0]
            points.append(f"{value},{k},{n},{k / n:.4f},{low:.4f},{high:.4f},{number / n:.4f}")
            lines.append(f"| {name} | {value} | {cell(some)} | {100 * number / n:.0f} % |")
    table, plot = (os.path.join(folder, f"ablation_{name}.{e}") for e in ("csv", "png"))
    with open(table, "w") as f:
        f.write("\n".join([f"{name},exact,pictures,share,low,high,number_right", *points]) + "\n")
    script = PLOT.format(png=plot, csv=table, name=name, last=len(points) - 0.5)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return lines


def main():
    folder = sys.argv[1]
    methods = draw.read(os.path.join(folder, "methods.csv"))
    lines = methods_table(methods)
    rows = draw.read(os.path.join(folder, "ablation.csv"))
    if rows:
        rows += [r for r in pick(methods, "lmd") if int(r["index"]) < run.FIRST]
        lines += ["", "| parameter | value | everything exact | number right |", "| --- | --- | --- | --- |"]
        for name in run.ABLATION:
            lines += ablation(rows, name, folder)
    with open(os.path.join(folder, "table.md"), "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
