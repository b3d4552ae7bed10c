"""Golden cases of a trained model: what transformers computes with the weights of a GGUF file, in f32. Then build/golden holds
the engine against them.

usage: models.py MODEL.gguf OUT_FOLDER
"""
import os
import sys

import torch
import transformers

from families import write_case

TEXTS = ("The capital of France is", "def fibonacci(n):\n", "1 + 1 = 2\n2 + 2 = 4\n3 + 3 =",
         "Water freezes at a temperature of 0 degrees, and boils when it is heated to 100 degrees. " * 8)


def main(model, out):
    folder, file = os.path.split(os.path.abspath(model))
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32,
                                                                attn_implementation="eager").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    os.makedirs(out, exist_ok=True)
    link = os.path.join(out, "model.gguf")
    if not os.path.lexists(link):
        os.symlink(os.path.join(folder, file), link)
    write_case(out, "model.gguf", network, [tokenizer(text).input_ids for text in TEXTS], rows=2, within=1e-3, greedy=0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
