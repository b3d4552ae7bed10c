"""miniature_llm.py OUT.json: PyTorch's layouts of the miniature's language model, for tests/graphs/miniature_llm.lua.

Captions are those of models/miniature/recipe/evaluate.py (llm_accuracy), a share of each style; answers are greedy, in f32, by transformers.
Needs torch, transformers and sentencepiece.
"""
import json
import os
import random
import sys

import sentencepiece
import torch
import transformers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(ROOT, "models", "miniature")
sys.path.insert(0, os.path.join(MODEL, "recipe"))
import lang  # noqa: E402
import llm  # noqa: E402

PER_STYLE = {"plain": 60, "narrative": 20, "es": 20, "zh": 20}
SEED = 77


def truth(p):
    """What a layout of the plan must have: names in order of the plan, a relation of the first to the second, background, negative."""
    names = [lang.art(lang.phrase(k)) for k, n in p["groups"] for _ in range(n)]
    return {"names": names, "relation": p["rel"], "background": lang.PLAIN if p["bg"] is None else lang.BACKGROUNDS[p["bg"]],
            "negative": lang.plural(p["neg"]) if p["neg"] else "", "first": lang.art(lang.phrase(p["groups"][0][0])) if p["rel"] else None,
            "second": lang.art(lang.phrase(p["groups"][1][0])) if p["rel"] else None}


def main():
    sp = sentencepiece.SentencePieceProcessor(os.path.join(MODEL, "llm", "tokenizer.model"))
    model = transformers.LlamaForCausalLM.from_pretrained(os.path.join(MODEL, "llm"), dtype=torch.float32).eval()
    rng, rows = random.Random(SEED), []
    for style, n in PER_STYLE.items():
        for _ in range(n):
            plan = lang.plan(rng)
            caption = lang.prompt(rng, plan, style)
            rows.append({"style": style, "caption": caption, "answer": llm.generate(model, sp, f"Caption: {caption}\n"), **truth(plan)})
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(" " + json.dumps(r, ensure_ascii=False) for r in rows) + "\n]\n")


if __name__ == "__main__":
    main()
