"""p8.py: a 20-step picture of the miniature: first run on a clean machine, later runs, and the same from Python."""
import os
import sys
import tempfile

from peer import MINIATURE, MOONWEAVE, ROOT, interleave, report, run, seconds

PROMPT = "a red circle, grey wall"
THEIRS = f"""
import torch
from diffusers import StableDiffusionPipeline
torch.set_num_threads(2)
p = StableDiffusionPipeline.from_pretrained({MINIATURE!r}, torch_dtype=torch.float32)
p.set_progress_bar_config(disable=True)
p({PROMPT!r}, num_inference_steps=20, guidance_scale=4.0, height=128, width=128,
  generator=torch.Generator().manual_seed(1)).images[0].save("theirs.png")
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        caches = {"XDG_CACHE_HOME": os.path.join(folder, "cache"), "POCL_CACHE_DIR": os.path.join(folder, "pocl")}
        ours = [MOONWEAVE, "run", os.path.join(ROOT, "graphs", "txt2img.lua"), "-p", f"prompt={PROMPT}", "-p", "steps=20",
                "-p", "cfg=4", "-o", folder]
        first = seconds(lambda: run(ours, caches))
        a, b = interleave(lambda: seconds(lambda: run(ours, caches)), lambda: seconds(lambda: run([sys.executable, "-c", THEIRS])))
        print(f"first run, nothing compiled yet: {first:.2f} s (goal 15)")
        report("later runs (goal 1.5 s, ratio 10)", a, b)


if __name__ == "__main__":
    main()
