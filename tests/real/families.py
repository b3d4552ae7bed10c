"""Makes random models of the language models' families with transformers, and golden cases of what it computes with them:
streams, norms, logits and greedy tokens in f32. Then build/golden holds the engine against them.

usage: families.py OUT_FOLDER
"""
import json
import os
import sys

import torch
import transformers
from safetensors.numpy import save_file

COMMON = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
              vocab_size=199, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LENGTHS = (90, 7, 1)  # of the sequences; the first is longer than every window


def llama(**more):
    return transformers.LlamaForCausalLM, transformers.LlamaConfig(**{**COMMON, **more})


def mistral(**more):
    return transformers.MistralForCausalLM, transformers.MistralConfig(**{**COMMON, **more})


def qwen2(**more):
    return transformers.Qwen2ForCausalLM, transformers.Qwen2Config(**{**COMMON, **more})


def qwen3(**more):
    return transformers.Qwen3ForCausalLM, transformers.Qwen3Config(**{**COMMON, "head_dim": 20, **more})


def gemma3(**more):
    config = {**COMMON, "head_dim": 16, "query_pre_attn_scalar": 24, "num_hidden_layers": 7, "sliding_window": 8, **more}
    return transformers.Gemma3ForCausalLM, transformers.Gemma3TextConfig(**config)


def gemma3_with_pictures():
    text = gemma3()[1]
    vision = transformers.SiglipVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                                             num_attention_heads=2, image_size=28, patch_size=14)
    config = transformers.Gemma3Config(text_config=text.to_dict(), vision_config=vision.to_dict(), mm_tokens_per_image=4)
    return transformers.Gemma3ForConditionalGeneration, config


def yarn(**more):
    return {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, **more}


FAMILIES = {
    "llama_linear": lambda: llama(rope_scaling={"rope_type": "linear", "factor": 3.0}),
    "llama_llama3": lambda: llama(rope_theta=500000.0, rope_scaling={
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}),
    "llama_yarn": lambda: llama(rope_scaling=yarn()),
    "llama_yarn_settings": lambda: llama(rope_scaling=yarn(beta_fast=16.0, beta_slow=2.0, attention_factor=1.3, truncate=False)),
    "llama_biases": lambda: llama(attention_bias=True, tie_word_embeddings=True),
    "mistral_head": lambda: mistral(head_dim=16, sliding_window=None),
    "mistral_window": lambda: mistral(sliding_window=9),
    "qwen2": lambda: qwen2(tie_word_embeddings=True),
    "qwen2_window": lambda: qwen2(use_sliding_window=True, sliding_window=12, max_window_layers=2),
    "qwen3": qwen3,
    "qwen3_tied_biases": lambda: qwen3(attention_bias=True, tie_word_embeddings=True),
    "qwen3_window": lambda: qwen3(use_sliding_window=True, sliding_window=12, max_window_layers=1),
    "gemma3": gemma3,
    "gemma3_linear": lambda: gemma3(rope_scaling={"rope_type": "linear", "factor": 8.0}, rope_local_base_freq=700.0),
    "gemma3_untied": lambda: gemma3(tie_word_embeddings=False, attention_bias=True),
    "gemma3_with_pictures": gemma3_with_pictures,
}


def lively(model):
    """Weights that make every part count: norms away from their first values, biases that are none of 0."""
    with torch.no_grad():
        for name, w in model.named_parameters():
            if w.ndim == 1:
                w.add_(torch.randn_like(w) * 0.2)
            else:
                w.mul_(4)


def compute(model, ids, rows):
    out = model(input_ids=torch.tensor([ids]), output_hidden_states=True, use_cache=False)
    values = {f"hidden_states.{i}": h[0].numpy() for i, h in enumerate(out.hidden_states)}
    values["logits"] = out.logits[0, -rows:].numpy()
    return values


def greedy_tokens(model, ids, n):
    made = []
    for _ in range(n):
        logits = model(input_ids=torch.tensor([ids + made]), use_cache=False).logits[0, -1]
        made.append(int(logits.argmax()))
    return torch.tensor(made, dtype=torch.int32).numpy()


def write_case(folder, path, model, sequences, rows, within, greedy):
    """The golden case of one model: streams, and logits of the last `rows` positions, within `within` (of the largest value
    where that is more than 50) of what transformers gives; so many greedy tokens."""
    inputs, expected, tensors = {}, {}, {}
    for s, ids in enumerate(sequences):
        inputs[f"s{s}.ids"] = torch.tensor(ids, dtype=torch.int32).numpy()
        with torch.no_grad():
            for key, value in compute(model, ids, rows).items():
                expected[f"s{s}.{key}"] = value
            if greedy:
                expected[f"s{s}.greedy"] = greedy_tokens(model, ids, greedy)
    for key, value in expected.items():
        most = float(abs(value).max())
        tensors[key] = {"f32": {"max_abs": within * max(most / 50, 1), "rel_l2": 1e-4}}
        if key.endswith(".greedy"):
            tensors[key] = {"f32": {"max_abs": 0, "rel_l2": 0}}
    save_file(inputs, os.path.join(folder, "inputs.safetensors"))
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    case = {"what": "streams, logits and greedy tokens of a language model", "op": "llm.forward", "params": {"model": path},
            "source": {"transformers": transformers.__version__, "torch": torch.__version__},
            "tolerance": {"f32": {"max_abs": within, "rel_l2": 1e-4}, "tensors": tensors}}
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file, indent=1)


def main(out):
    for name, make in FAMILIES.items():
        folder = os.path.join(out, name)
        torch.manual_seed(7)
        kind, config = make()
        config._attn_implementation = "eager"
        model = kind(config).eval()
        lively(model)
        model.save_pretrained(os.path.join(folder, "model"))
        sequences = [torch.randint(3, COMMON["vocab_size"], (n,)).tolist() for n in LENGTHS]
        write_case(folder, "model", model, sequences, rows=max(LENGTHS), within=2e-4, greedy=8)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
