"""Makes golden cases of token ids that llama.cpp gave: build/golden then holds the tokenizers in GGUF files against them.

usage: token_cases.py REFERENCE_FOLDER MODEL.gguf OUT_FOLDER
       token_cases.py VOCABULARY.gguf OUT_FOLDER

REFERENCE_FOLDER holds tokens.json: texts with their ids, plain and with control tokens parsed, with and without a begin token, and what
the plain ids are decoded to; perhaps greedy.json: conversations with their ids. A vocabulary of llama.cpp's own tests has its texts and ids beside it, in VOCABULARY.gguf.inp and .out.
"""
import json
import os
import sys

MARK = "\n__ggml_vocab_test__\n"


def reference_rows(reference):
    with open(os.path.join(reference, "tokens.json")) as f:
        tokens = json.load(f)
    rows = [{"text": s["text"], "utf8": s["text"].encode().hex(), "ids": s["ids_plain"], "decoded": s["detok_plain"],
             "ids_special_parsed": s["ids_parse_special"], "ids_with_bos": s["ids_add_and_parse_special"]} for s in tokens["strings"]]
    return {"strings": rows, "ends": sorted(tokens["special"]["eog"])} | chat_rows(reference)


def chat_rows(reference):
    """Of prompts that the model's own template wrote: what the user said in them."""
    path = os.path.join(reference, "greedy.json")
    rows = json.load(open(path))["rows"] if os.path.exists(path) else []
    chats = [{"content": r["prompt"].split("user\n")[1].split("<|im_end|>")[0], "ids": r["prompt_ids"]} for r in rows if r["kind"] == "chat"]
    return {"chats": chats} if chats else {}


def vocabulary_rows(path):
    with open(path + ".inp", encoding="utf-8", newline="") as f:
        texts = f.read().split(MARK)
    with open(path + ".out") as f:
        ids = [[int(i) for i in line.split()] for line in f.read().split("\n")[:len(texts)]]
    return {"strings": [{"text": t, "utf8": t.encode().hex(), "ids": i} for t, i in zip(texts, ids)]}


def write_case(expected, model, out):
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "expected.json"), "w") as f:
        json.dump(expected, f)
    with open(os.path.join(out, "case.json"), "w") as f:
        json.dump({"what": "token ids of a trained model", "op": "tokenizer.gguf", "params": {}, "tolerance": {"exact": True}}, f)
    link = os.path.join(out, "vocab.gguf")
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(os.path.abspath(model), link)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        write_case(reference_rows(sys.argv[1]), sys.argv[2], sys.argv[3])
    else:
        write_case(vocabulary_rows(sys.argv[1]), sys.argv[1], sys.argv[2])
