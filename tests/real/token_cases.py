"""Makes a golden case of stored token ids of a real model: build/golden then holds the tokenizer in its GGUF file against them.

usage: token_cases.py REFERENCE_FOLDER MODEL.gguf OUT_FOLDER

REFERENCE_FOLDER holds tokens.json: texts with the ids that llama.cpp gives, plain and with control tokens parsed, with and without a
begin token, and what it makes of the plain ids.
"""
import json
import os
import sys


def main(reference, model, out):
    with open(os.path.join(reference, "tokens.json")) as f:
        tokens = json.load(f)
    rows = []
    for s in tokens["strings"]:
        rows.append({"text": s["text"], "utf8": s["text"].encode().hex(), "ids": s["ids_plain"], "decoded": s["detok_plain"],
                     "ids_special_parsed": s["ids_parse_special"], "ids_with_bos": s["ids_add_and_parse_special"]})
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "expected.json"), "w") as f:
        json.dump({"strings": rows, "ends": sorted(tokens["special"]["eog"])}, f)
    with open(os.path.join(out, "case.json"), "w") as f:
        json.dump({"what": "token ids of a trained model", "op": "tokenizer.gguf", "params": {}, "tolerance": {"exact": True}}, f)
    link = os.path.join(out, "vocab.gguf")
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(os.path.abspath(model), link)


if __name__ == "__main__":
    main(*sys.argv[1:4])
