"""reference.py [SHEET.png]: draw the single-object prompts of models/miniature/reference.json and read the pixels.

Prints how often the pixel reader of the miniature's recipe agrees with the prompt for our pictures and, in
reference.json, for stock diffusers' (same weights, noises and settings). With a path: leaves a sheet of all pictures.
"""
import json
import os
import sys
import tempfile

import numpy as np
from PIL import Image

from peer import MINIATURE, MOONWEAVE, ROOT, run

sys.path.insert(0, os.path.join(MINIATURE, "recipe"))
import evaluate  # noqa: E402  (the recipe's own judge)


def draw(row, folder, steps, cfg):
    run([MOONWEAVE, "run", os.path.join(ROOT, "graphs", "txt2img.lua"), "-p", f"prompt={row['prompt']}", "-p",
         f"seed={row['seed']}", "-p", f"steps={steps}", "-p", f"cfg={cfg}", "-o", folder])
    return np.asarray(Image.open(os.path.join(folder, "image.png")).convert("RGB"))


def main():
    with open(os.path.join(MINIATURE, "reference.json")) as f:
        reference = json.load(f)
    rows = reference["tasks"]["single"]
    pictures, counts = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            picture = draw(row, folder, reference["steps"], reference["guidance_scale"])
            verdict = evaluate.judge(picture, {"groups": [((c, s), n) for c, s, n in row["wanted"]]})
            for key, theirs in row["verdict"].items():
                ours = counts.setdefault(key, [0, 0, 0])
                ours[0] += bool(verdict[key])
                ours[1] += theirs
                ours[2] += bool(verdict[key]) == theirs
            pictures.append(picture)
    for key, (ours, theirs, same) in counts.items():
        print(f"{key:14} ours {ours:3} of {len(rows)}, diffusers {theirs:3}, same verdict {same}")
    if len(sys.argv) > 1:
        side = pictures[0].shape[0]
        sheet = Image.new("RGB", (8 * side, (len(pictures) + 7) // 8 * side))
        for i, p in enumerate(pictures):
            sheet.paste(Image.fromarray(p), (i % 8 * side, i // 8 * side))
        sheet.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
