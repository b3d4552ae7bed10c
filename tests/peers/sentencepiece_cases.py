"""sentencepiece_cases.py: trains small sentencepiece models of kinds that the goldens lack (unigram, own replacements, words that
are added, spaces behind words) and writes what sentencepiece 0.2.3 makes of texts into tests/golden/tokenizers. Not part of
`make check`, which reads what it wrote:

    python -m venv build/sp && build/sp/bin/pip install sentencepiece==0.2.3
    build/sp/bin/python tests/peers/sentencepiece_cases.py
"""
import glob
import io
import json
import os
import random
import struct

OUT = "tests/golden/tokenizers"
LOW_LINE = "\u2581"

# Code points to code points: wide letters, a ligature, marks that are put together, one that vanishes, spaces.
RULES = [("FF21", "41"), ("FF22", "42"), ("FB01", "66 69"), ("65 301", "E9"), ("41 30A", "C5"), ("200B", ""), ("9", "20"),
         ("3000", "20"), ("2460", "28 31 29"), ("D", "")]

MODELS = {
    "unigram_rules": dict(model_type="unigram", vocab_size=420, rules=True, user_defined_symbols=["<mark>", "\uff21x", "cat"]),
    "unigram_bytes": dict(model_type="unigram", vocab_size=700, byte_fallback=True, normalization_rule_name="identity",
                          remove_extra_whitespaces=False, user_defined_symbols=["<mark>", "a b", LOW_LINE * 2, "\n"],
                          control_symbols=["<|end|>"]),
    "unigram_behind": dict(model_type="unigram", vocab_size=420, rules=True, treat_whitespace_as_suffix=True),
    "bpe_rules": dict(model_type="bpe", vocab_size=500, rules=True, user_defined_symbols=["<mark>", "cat"]),
    "bpe_added": dict(model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity",
                      remove_extra_whitespaces=False, add_dummy_prefix=False, allow_whitespace_only_pieces=True,
                      user_defined_symbols=["\n", "\n\n", LOW_LINE * 2, LOW_LINE * 3, "<s>x"], bos_piece="<bos>"),
}


def corpus():
    lines = []
    for name in sorted(glob.glob("docs/*.md")) + ["README.md"]:
        with open(name) as f:
            lines += [line.strip()[:1000] for line in f if line.strip()]
    return lines[:3000]


def texts():
    with open(f"{OUT}/spm_llama/expected.json") as f:
        out = [row["text"] for row in json.load(f)["strings"]][::2]
    letters = [c for text in out for c in text] + list("  \n\t\u3000\u2581\uff21b\ufb01\u2460e\u0301\u200b\r<mark>cata b")
    random.seed(7)
    for _ in range(150):
        text = "".join(random.choice(letters) for _ in range(random.randint(1, 24)))
        word = random.choice(["<mark>", " cat ", "  ", "\n\n", "<|end|>", "\uff21x", "a b", "<s>x", "<unk>", "e\u0301"])
        out.append(text.replace(random.choice(text), word))
    return out


def gguf_text(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def write_gguf(path, p, options):
    """The same vocabulary as metadata; T5's are the unigram models that llama.cpp knows."""
    n = p.get_piece_size()
    pieces = [p.id_to_piece(i) for i in range(n)]
    types = [2 if p.is_unknown(i) else 3 if p.is_control(i) else 6 if p.is_byte(i) else 4 if pieces[i] in options.get(
        "user_defined_symbols", []) else 1 for i in range(n)]
    proto = p.serialized_model_proto()
    charsmap = read_charsmap(proto)
    keys = [("general.architecture", 8, gguf_text("t5")), ("tokenizer.ggml.model", 8, gguf_text("t5")),
            ("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, n) + b"".join(map(gguf_text, pieces))),
            ("tokenizer.ggml.scores", 9, struct.pack(f"<IQ{n}f", 6, n, *[p.get_score(i) for i in range(n)])),
            ("tokenizer.ggml.token_type", 9, struct.pack(f"<IQ{n}i", 5, n, *types)),
            ("tokenizer.ggml.unknown_token_id", 4, struct.pack("<I", p.unk_id())),
            ("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", p.eos_id())),
            ("tokenizer.ggml.add_space_prefix", 7, b"\1"),
            ("tokenizer.ggml.remove_extra_whitespaces", 7, bytes([options.get("remove_extra_whitespaces", True)])),
            ("tokenizer.ggml.precompiled_charsmap", 9, struct.pack("<IQ", 0, len(charsmap)) + charsmap)]
    keys = keys if charsmap else keys[:-1]
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)))
        for key, kind, value in keys:
            f.write(gguf_text(key) + struct.pack("<I", kind) + value)


def fields(data):
    """Numbers and values of a protocol buffer's fields."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        size = varint() if key & 7 in (0, 2) else 4
        if key & 7 == 0:
            yield key >> 3, size
        else:
            yield key >> 3, data[at:at + size]
            at += size


def read_charsmap(proto):
    for number, value in fields(proto):
        if number == 3:
            return dict(fields(value)).get(2, b"")
    return b""


def write_case(name, options):
    folder = f"{OUT}/{name}"
    os.makedirs(f"{folder}/model", exist_ok=True)
    options = dict(options)
    trained = dict(options)
    if trained.pop("rules", False):
        with open("/tmp/rules.tsv", "w") as f:
            f.writelines(f"{a}\t{b}\n" for a, b in RULES)
        trained["normalization_rule_tsv"] = "/tmp/rules.tsv"
    import sentencepiece
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=model, minloglevel=2, num_threads=1,
                                             character_coverage=0.999, **trained)
    with open(f"{folder}/model/tokenizer.model", "wb") as f:
        f.write(model.getvalue())
    p = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    strings = []
    for text in texts():
        ids = p.encode(text)
        strings.append({"text": text, "utf8": text.encode().hex(), "ids": ids, "decoded": p.decode(ids)})
    n = p.get_piece_size()
    decode = [[random.randrange(n) for _ in range(random.randint(0, 9))] for _ in range(60)]
    with open(f"{folder}/expected.json", "w") as f:
        json.dump({"strings": strings, "decode": [{"ids": ids, "text": p.decode(ids)} for ids in decode]}, f, ensure_ascii=False)
    if options["model_type"] == "unigram" and "treat_whitespace_as_suffix" not in options:
        write_gguf(f"{folder}/vocab.gguf", p, options)
    with open(f"{folder}/case.json", "w") as f:
        json.dump({"what": "a trained sentencepiece model: text to ids and back, decoding of any ids",
                   "source": {"made_by": "tests/peers/sentencepiece_cases.py", "reference": {"sentencepiece": "0.2.3"}},
                   "op": "tokenizer.spm", "params": trained | {"vocab_size": n}, "tolerance": {"exact": True}}, f, indent=1)


if __name__ == "__main__":
    for one, settings in MODELS.items():
        write_case(one, settings)
        print(one)
