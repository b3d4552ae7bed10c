"""tokenizers_cases.py: trains small tokenizers of kinds that the goldens lack (sentencepiece's BPE written as merges, texts cut in
several steps, added tokens that take spaces or stand alone) and writes what Hugging Face's tokenizers 0.23.3 makes of texts into
tests/golden/tokenizers. Not part of `make check`, which reads what it wrote:

    python -m venv build/hf && build/hf/bin/pip install tokenizers==0.23.3
    build/hf/bin/python tests/peers/tokenizers_cases.py
"""
import json
import os
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from sentencepiece_cases import OUT, corpus

LOW_LINE = "\u2581"
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(steps, normalizer=None):
    t = Tokenizer(models.BPE())
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.Sequence(steps)
    t.decoder = decoders.ByteLevel()
    return t, {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}


def escaped(normalizer, pre=None):
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    tail = [decoders.Strip(" ", 1, 0)] if not (normalizer and pre) else []
    t.decoder = decoders.Sequence([decoders.Replace(LOW_LINE, " "), decoders.ByteFallback(), decoders.Fuse()] + tail)
    return t, {}


MODELS = {
    # As SmolLM2, StarCoder.
    "hf_digits": byte_level([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    # As GPT-4o's kind, with the words of a regular expression as what is left over.
    "hf_cased": byte_level([pre_tokenizers.Split(Regex(CASED), "removed", invert=True),
                            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)], normalizers.NFC()),
    # As DeepSeek's kind: one step after another.
    "hf_steps": byte_level([pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"), pre_tokenizers.Split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"),
                            pre_tokenizers.Split(Regex(r"\s+$"), "isolated"),
                            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)]),
    # As LLaMA 2.
    "hf_escaped": escaped(normalizers.Sequence([normalizers.Prepend(LOW_LINE), normalizers.Replace(" ", LOW_LINE)])),
    # As Gemma.
    "hf_gemma": escaped(normalizers.Replace(" ", LOW_LINE), pre_tokenizers.Split(" ", "merged_with_previous")),
    # As later LLaMA 2 files.
    "hf_metaspace": escaped(None, pre_tokenizers.Metaspace(LOW_LINE, "first", False)),
}


def texts():
    with open(f"{OUT}/spm_llama/expected.json") as f:
        out = [row["text"] for row in json.load(f)["strings"]][::3]
    letters = [c for text in out for c in text] + list("  \n\t\u3000\u2581e\u0301 12 3")
    random.seed(9)
    out += ["".join(random.choice(letters) for _ in range(random.randint(1, 24))) for _ in range(100)]
    marks = ["<s>", "<|end|>", "<mask>", "<alone>", "<|tool|>", " <mask> ", "\n<|end|>\n", "x<alone>y", " <alone> "]
    plain = len(out)
    for _ in range(120):
        text = "".join(random.choice(letters) for _ in range(random.randint(0, 12)))
        at = random.randint(0, len(text))
        out.append(text[:at] + random.choice(marks) + random.choice(["", random.choice(marks)]) + text[at:])
    return out, plain


def write_case(name, t, options):
    folder = f"{OUT}/{name}"
    os.makedirs(f"{folder}/model", exist_ok=True)
    alphabet = options.get("initial_alphabet", [])
    fallback = [] if alphabet else [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=900 if fallback else 700, special_tokens=["<unk>", "<s>"] + fallback, initial_alphabet=alphabet,
                                  limit_alphabet=120, show_progress=False)
    t.train_from_iterator(corpus(), trainer)
    data = json.loads(t.to_str())
    if fallback:
        data["added_tokens"] = [a for a in data["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(data))
    t.add_special_tokens([AddedToken("<|end|>", rstrip=True), AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    t.add_tokens([AddedToken("<alone>", single_word=True, normalized=False), AddedToken("<|tool|>", normalized=False)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", t.token_to_id("<s>"))])
    t.save(f"{folder}/model/tokenizer.json")
    strings, marks = [], {a["id"] for a in json.loads(t.to_str())["added_tokens"]}
    all_texts, plain = texts()
    for i, text in enumerate(all_texts):
        row = {"text": text, "utf8": text.encode().hex(), "ids_special_parsed": t.encode(text, add_special_tokens=False).ids,
               "ids_with_bos": t.encode(text).ids}
        if i < plain and not set(row["ids_special_parsed"]) & marks:
            row["ids"] = row["ids_special_parsed"]
        strings.append(row)
    with open(f"{folder}/expected.json", "w") as f:
        json.dump({"strings": strings}, f, ensure_ascii=False)
    with open(f"{folder}/case.json", "w") as f:
        json.dump({"what": "a trained tokenizer.json: text to ids",
                   "source": {"made_by": "tests/peers/tokenizers_cases.py", "reference": {"tokenizers": "0.23.3"}},
                   "op": "tokenizer.spm" if fallback else "tokenizer.bbpe", "params": {}, "tolerance": {"exact": True}}, f, indent=1)


for one, (tokenizer, settings) in MODELS.items():
    write_case(one, tokenizer, settings)
    print(one)
