"""torch_calls.py MODEL: the peer's side of p2.py, p3.py and p4.py: the calls of calls.c in PyTorch and diffusers, on the CPU.

The same commands on standard input and the same operands (latents.npy, text.npy); `save` writes theirs.npz. Arithmetic is
f32. Guidance and maps as torch_attention.py says; `step` is diffusers as it comes.
"""
import functools
import resource
import sys
import time

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from torch_attention import Listener

T = 500


def part(kind, name):
    return kind.from_pretrained(sys.argv[1], subfolder=name, torch_dtype=torch.float32).eval().requires_grad_(False)


@functools.cache
def unet():
    return part(UNet2DConditionModel, "unet")


@functools.cache
def listener():
    return Listener(unet())


@functools.cache
def vae():
    return part(AutoencoderKL, "vae")


@functools.cache
def cosines(shape):
    n = int(np.prod(shape))
    return torch.cos(0.1 * torch.arange(n, dtype=torch.float64)).float().reshape(shape)


@torch.inference_mode()
def step(latents, text):
    return [unet()(torch.cat([latents, latents]), T, text).sample]


@torch.no_grad()
def captured(latents, text):
    y, maps = listener().captured(torch.cat([latents, latents]), T, text)
    return [*maps.values(), y]


def guide(latents, text):
    x = latents.clone().requires_grad_(True)
    maps = listener().guide(x, T, text[1:])
    return torch.autograd.grad(sum((cosines(p.shape) * p).sum() for p in maps.values()), x)


@torch.no_grad()
def decode(latents, _):
    return [vae().decode(latents / vae().config.scaling_factor).sample.permute(0, 2, 3, 1)]


def main():
    torch.set_num_threads(2)
    operands = [torch.from_numpy(np.load(n)) for n in ("latents.npy", "text.npy")]
    calls = {f.__name__: f for f in (step, captured, guide, decode)}
    print("ready", flush=True)
    for line in map(str.strip, sys.stdin):
        if line in calls:
            start = time.perf_counter()
            last = calls[line](*operands)
            answer = time.perf_counter() - start
        elif line == "save":
            np.savez("theirs.npz", *(x.numpy() for x in last))
            answer = "saved"
        else:
            answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(answer, flush=True)


if __name__ == "__main__":
    main()
