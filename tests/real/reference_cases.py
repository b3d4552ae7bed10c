"""Makes golden cases of stored references of real models: build/golden then holds the engine against them.

usage: reference_cases.py REFERENCE_FOLDER MODEL.gguf OUT_FOLDER

REFERENCE_FOLDER holds logits.json (prompts with ids) and float_reference.safetensors (logits_last_K: logits of the
last position of prompt K; pK.hidden_states.N as transformers lists them), made with the model's weights in f32.
"""
import json
import os
import re
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

WITHIN = {"max_abs": 1e-3, "rel_l2": 1e-4}


def main(reference, model, out):
    prompts = json.load(open(os.path.join(reference, "logits.json")))["prompts"]
    stored = load_file(os.path.join(reference, "float_reference.safetensors"))
    inputs, expected, tensors = {}, {}, {}
    # Of some models only every second prompt was kept: numbers are those of all.
    numbers = sorted(int(n[len("logits_last_"):]) for n in stored if n.startswith("logits_last_"))
    for k, prompt in enumerate(prompts):
        inputs[f"s{k}.ids"] = np.array(prompt["ids"], dtype=np.int32)
    for name, value in stored.items():
        logits = re.fullmatch(r"logits_last_(\d+)", name)
        hidden = re.fullmatch(r"p(\d+)\.(hidden_states\.\d+)", name)
        if logits:
            expected[f"s{numbers.index(int(logits[1]))}.logits"] = value[None]
        elif hidden:
            name = f"s{numbers.index(int(hidden[1]))}.{hidden[2]}"
            expected[name] = value
            # Streams pass 100,000 in some models: there a share of the largest counts.
            tensors[name] = {"f32": {"max_abs": max(1e-3, 1e-5 * float(np.abs(value).max())), "rel_l2": 1e-4}}
    os.makedirs(out, exist_ok=True)
    save_file(inputs, os.path.join(out, "inputs.safetensors"))
    save_file(expected, os.path.join(out, "expected.safetensors"))
    case = {"what": "logits and streams of a trained model", "op": "llm.gguf", "params": {"model": "model.gguf"},
            "tolerance": {"f32": WITHIN, "f16": WITHIN, "tensors": tensors}}
    link = os.path.join(out, "model.gguf")
    if not os.path.lexists(link):
        os.symlink(os.path.abspath(model), link)
    json.dump(case, open(os.path.join(out, "case.json"), "w"), indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
