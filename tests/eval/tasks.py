"""tasks.py: the prompts of the evaluation with correct layouts, and the judge that reads the pictures."""
import importlib.util
import os
import random
import sys
import types

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MINIATURE = os.path.join(ROOT, "models", "miniature")
TASKS = ("count2", "count3", "count4", "count5", "spatial", "attribute", "negation")

sys.path.insert(0, os.path.join(MINIATURE, "recipe"))
if importlib.util.find_spec("torch") is None:  # the judge's module names it, the parts used here do without
    sys.modules["torch"] = types.ModuleType("torch")
import evaluate  # noqa: E402
import lang  # noqa: E402
from world import BACKGROUNDS, art, plural  # noqa: E402


def layout(rng, prompt, truth):
    """The completion, in one line, that a faultless language model gives: boxes for every object, none for excluded ones."""
    names = [art(lang.phrase(k)) for k, n in truth["groups"] for _ in range(n)]
    bg = truth.get("bg")
    if bg is None:  # the counting tasks state it in the prompt alone
        bg = next((b for b in BACKGROUNDS if prompt.endswith(b[2:])), lang.PLAIN)
    else:
        bg = BACKGROUNDS[bg]
    boxes = lang.boxes(rng, len(names), truth.get("rel"))
    objects = ", ".join(f"('{n}', {b})" for n, b in zip(names, boxes))
    negative = plural(truth["neg"]) if truth.get("neg") else ""
    return f"[{objects}] Background prompt: {bg.removeprefix('a ')} Negative prompt: {negative}".strip()


def make(per, seed, only=TASKS):
    """[{task, index, seed, prompt, layout, truth}]; the same for the same arguments."""
    rows, rng = [], random.Random(seed + 1)
    for task, items in evaluate.tasks(per, seed).items():
        if task not in TASKS:
            continue
        for i, (prompt, truth) in enumerate(items):
            row = {"task": task, "index": i, "seed": 1000 * seed + 100 * TASKS.index(task) + i, "prompt": prompt,
                   "layout": layout(rng, prompt, truth), "truth": truth}
            if task in only:
                rows.append(row)
    return rows


def judge(picture, truth):
    """What the pixel reader says: exact (every object, its colour, shape, number and place), number, present."""
    v = evaluate.judge(picture, truth)
    exact = v["exact"] and v.get("relation", True)
    return {"exact": int(exact), "number": int(v["number"]), "present": int(v["present"]),
            "colour_exact": int(v["colour_exact"])}
