"""run.py methods|ablation: draws the evaluation's pictures and leaves the verdicts in build/eval/*.csv (table.py reads them)."""
import argparse
import os

import draw
import tasks

METHODS = (("txt2img", ""), ("lmd", ""), ("lmd_llm", ""), ("plain", ""), ("backward_guidance", ""), ("boxdiff", ""), ("multidiffusion", ""))
PER, SEED = 29, 11  # prompts a task, and of their making
ABLATION = {"eta": ("0", "1", "5", "20", "80"), "omega": ("0", "1", "4", "16"), "lambda": ("0", "2", "8", "32")}
FIRST = 12          # of each task, for the ablation
DEFAULTS = {"eta": "5", "omega": "4", "lambda": "2"}


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("part", choices=("methods", "ablation"))
    a.add_argument("--only", default="", help="methods, or parameters of the ablation, by commas")
    a.add_argument("--processes", type=int, default=1)
    a.add_argument("--folder", default=os.path.join(tasks.ROOT, "build", "eval"))
    a = a.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    wanted = a.only.split(",") if a.only else None
    rows = tasks.make(PER, SEED)
    if a.part == "methods":
        runs = [r for r in METHODS if not wanted or r[0] in wanted]
        draw.measure(rows, runs, os.path.join(a.folder, "methods.csv"), a.processes)
    else:  # the defaults are among the methods
        runs = [("lmd", f"{p}={v}") for p in ABLATION if not wanted or p in wanted for v in ABLATION[p] if v != DEFAULTS[p]]
        draw.measure([r for r in rows if r["index"] < FIRST], runs, os.path.join(a.folder, "ablation.csv"), a.processes)


if __name__ == "__main__":
    main()
