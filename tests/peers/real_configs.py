"""real_configs.py: models of published folders' own configs, with small random weights, against diffusers.

MOONWEAVE_REAL_CONFIGS names a folder of folders as published (configs and tokenizers, no weights); without it the script says
"skipped". From each a folder is made that can be opened: widths and the numbers of heads and layers are shrunk,
every other key is kept as it was published, weights are random, a vocabulary that a folder lacks is another's. What
`moonweave inspect` says can be run is drawn by both sides at the model's own size with its own scheduler: latents must
agree within 2e-4 of the largest value.

    MOONWEAVE_REAL_CONFIGS=... build/peer/bin/python tests/peers/real_configs.py [FOLDER ...]

Shrunk: UNet to 32, 64, 96, ... channels (64 for each head where the heads differ between levels) and transformers of at most
2 layers; autoencoder to 32 channels; text encoders to 64 wide, 4 heads, 3 layers.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

CONFIGS = os.environ.get("MOONWEAVE_REAL_CONFIGS")
if not CONFIGS:
    print("skipped: MOONWEAVE_REAL_CONFIGS names no folder of published configs")
    sys.exit(0)

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOONWEAVE = os.path.join(ROOT, "build", "moonweave")
TOLERANCE = 2e-4
PROMPT, NEGATIVE = "a photo of an astronaut riding a horse, detailed", "blurry, lowres"
STEPS, CFG, SEED = 4, 4.0, 1
TEXT_WIDTH = 64
for library in (diffusers.utils.logging, transformers.utils.logging):
    library.set_verbosity_error()
    library.disable_progress_bar()


def read(path):
    with open(path) as f:
        return json.load(f)


def write(path, value):
    with open(path, "w") as f:
        json.dump(value, f, indent=2)


def shrink_layers(n):
    return [shrink_layers(x) for x in n] if isinstance(n, list) else min(n, 2)


def shrink_unet(config, encoders):
    heads = config.get("attention_head_dim", 8)
    levels = len(config["block_out_channels"])
    if isinstance(heads, list):  # as many channels for each head at every level, as published
        config["block_out_channels"] = [64 * min(2 ** i, 4) for i in range(levels)]
        config["attention_head_dim"] = [c // 64 for c in config["block_out_channels"]]
    else:
        config["block_out_channels"] = [32 * min(i + 1, 3) for i in range(levels)]
    config["cross_attention_dim"] = TEXT_WIDTH * max(encoders, 1)
    if "transformer_layers_per_block" in config:
        config["transformer_layers_per_block"] = shrink_layers(config["transformer_layers_per_block"])
    if config.get("projection_class_embeddings_input_dim"):
        config["projection_class_embeddings_input_dim"] = 6 * config["addition_time_embed_dim"] + TEXT_WIDTH
    return config


def shrink_text(config):
    return {**config, "hidden_size": TEXT_WIDTH, "intermediate_size": 2 * TEXT_WIDTH, "num_attention_heads": 4,
            "num_hidden_layers": 3, "projection_dim": TEXT_WIDTH}


def randomize(module, seed):
    """Every parameter away from where training starts, so that none can be mixed up with another."""
    generator = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        noise = torch.randn(p.shape, generator=generator)
        p.data = p.data + 0.1 * noise if p.ndim < 2 else noise * p[0].numel() ** -0.5
    return {k: v.contiguous() for k, v in module.state_dict().items()}


def vocabulary():
    """A folder that has the vocabulary of CLIP, which most of the folders only name."""
    for name in sorted(os.listdir(CONFIGS)):
        folder = os.path.join(CONFIGS, name, "tokenizer")
        if os.path.exists(os.path.join(folder, "vocab.json")) and os.path.getsize(os.path.join(folder, "vocab.json")) == 1059962:
            return folder
    raise SystemExit(f"{CONFIGS}: no folder has the vocabulary")


def make(source, target):
    """The folder `source` made whole; None where it has no index or lacks configs."""
    index_path = os.path.join(source, "model_index.json")
    if not os.path.exists(index_path):
        return None
    shutil.copytree(source, target)
    subprocess.run(["chmod", "-R", "u+w", target], check=True)
    index = read(index_path)
    encoders = [k for k in ("text_encoder", "text_encoder_2") if index.get(k, [None, None])[1]]
    try:
        unet = shrink_unet(read(f"{source}/unet/config.json"), len(encoders))
        vae = read(f"{source}/vae/config.json")
        vae["block_out_channels"] = [32] * len(vae["block_out_channels"])
        texts = {name: shrink_text(read(f"{source}/{name}/config.json")) for name in encoders}
    except (OSError, ValueError, KeyError):
        return target
    write(f"{target}/unet/config.json", unet)
    write(f"{target}/vae/config.json", vae)
    torch.manual_seed(0)
    try:
        save_file(randomize(diffusers.UNet2DConditionModel.from_config(unet), 1), f"{target}/unet/diffusion_pytorch_model.safetensors")
        save_file(randomize(diffusers.AutoencoderKL.from_config(vae), 2), f"{target}/vae/diffusion_pytorch_model.safetensors")
        for i, (name, config) in enumerate(texts.items()):
            write(f"{target}/{name}/config.json", config)
            model = CLIPTextModelWithProjection if index[name][1].endswith("WithProjection") else CLIPTextModel
            save_file(randomize(model(CLIPTextConfig(**config)), 3 + i), f"{target}/{name}/model.safetensors")
            tokenizer = f"{target}/tokenizer{'_2' if name.endswith('_2') else ''}"
            for file in ("vocab.json", "merges.txt"):
                if os.path.isdir(tokenizer) and not os.path.exists(f"{tokenizer}/{file}"):
                    shutil.copy(os.path.join(VOCABULARY, file), tokenizer)
                    os.chmod(f"{tokenizer}/{file}", 0o644)
    except (TypeError, ValueError) as why:  # diffusers has no such network either
        print(f"  no weights made: {why}")
    return target


def theirs(folder):
    parts = {"safety_checker": None, "feature_extractor": None, "image_encoder": None, "requires_safety_checker": False}
    xl = "XL" in read(f"{folder}/model_index.json")["_class_name"]
    cls = diffusers.StableDiffusionXLPipeline if xl else diffusers.StableDiffusionPipeline
    pipe = cls.from_pretrained(folder, dtype=torch.float32, **({"feature_extractor": None, "image_encoder": None} if xl else parts))
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(SEED)
    latents = pipe(PROMPT, negative_prompt=NEGATIVE, num_inference_steps=STEPS, guidance_scale=CFG, generator=generator,
                   output_type="latent").images
    return latents, type(pipe.scheduler).__name__


def ours(folder, out):
    subprocess.run([MOONWEAVE, "run", f"{ROOT}/tests/peers/latents.lua", "--dtype", "f32", "-p", f"model={folder}", "-p", f"prompt={PROMPT}",
                    "-p", f"negative={NEGATIVE}", "-p", f"steps={STEPS}", "-p", f"cfg={CFG}", "-p", f"seed={SEED}", "-o", out],
                   check=True, stdout=subprocess.DEVNULL)
    return next(iter(load_file(f"{out}/latents.safetensors").values()))


def inspect(folder):
    """None where it can be run, else why not."""
    done = subprocess.run([MOONWEAVE, "inspect", folder], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1].replace(folder, "").lstrip("/: ")


def compare(name, scratch):
    """True, False, or None where it can't be run."""
    folder = make(os.path.join(CONFIGS, name), os.path.join(scratch, "model"))
    why = inspect(folder or os.path.join(CONFIGS, name))
    if why:
        print(f"{name}: can't be run: {why}", flush=True)
        return None
    want, scheduler = theirs(folder)
    got = ours(folder, os.path.join(scratch, "out"))
    if got.shape != want.shape:
        print(f"{name}: {scheduler}: latents {list(got.shape)}, diffusers' {list(want.shape)}", flush=True)
        return False
    largest, difference = want.abs().max().item(), (got - want).abs().max().item()
    good = difference <= TOLERANCE * largest
    print(f"{name}: {scheduler} {list(want.shape)}: largest {largest:.3g}, difference {difference:.2g}"
          f" = {difference / largest:.1e} of it{'' if good else ' TOO MUCH'}", flush=True)
    return good


VOCABULARY = vocabulary()


def main():
    names = sys.argv[1:] or sorted(d for d in os.listdir(CONFIGS) if os.path.isdir(os.path.join(CONFIGS, d)))
    verdicts = []
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            verdicts.append(compare(name, scratch))
    print(f"{verdicts.count(True)} agree, {verdicts.count(False)} differ, {verdicts.count(None)} can't be run")
    return 1 if False in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
