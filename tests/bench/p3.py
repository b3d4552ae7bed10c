"""p3.py MODEL [f32|f16] [SIDE]: one iteration of attention guidance: forward, loss over maps, gradient to the latents.

The peer does it as the reference code of LLM-grounded diffusion does: the whole UNet runs in PyTorch on the CPU with the
softmax of every cross-attention at hand, and autograd goes back to the latents. Ours stops at the last guided map. Same
weights, latents, text states and loss (p3.c says which); the gradients are compared.
"""
import os
import sys
import tempfile

import numpy as np

import peer
from p2 import Side, operands

PROGRAM = os.path.join(peer.ROOT, "build", "release", "tests", "bench", "p3")
THEIRS = """
import resource, sys, time
import numpy as np, torch
from diffusers import UNet2DConditionModel
torch.set_num_threads(2)
unet = UNet2DConditionModel.from_pretrained(sys.argv[1], subfolder="unet", torch_dtype=torch.float32).eval()
unet.requires_grad_(False)
z, e = (torch.from_numpy(np.load(n)) for n in ("latents.npy", "text.npy"))
maps = {}

class Keep:  # attention with its probabilities; those of cross-attention are kept
    def __init__(self, name):
        self.name = name
    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        cross = encoder_hidden_states is not None
        source = encoder_hidden_states if cross else hidden_states
        q, k, v = attn.to_q(hidden_states), attn.to_k(source), attn.to_v(source)
        q, k, v = (attn.head_to_batch_dim(x) for x in (q, k, v))
        p = attn.get_attention_scores(q, k)
        if cross:
            maps[self.name] = p
        return attn.to_out[0](attn.batch_to_head_dim(torch.bmm(p, v)))

unet.set_attn_processor({n: Keep(n) for n in unet.attn_processors})
weights = {}
print("ready", flush=True)
for line in sys.stdin:
    if line.startswith("step"):
        start = time.perf_counter()
        x = z.clone().requires_grad_(True)
        unet(x, 500, e)
        loss = 0
        for name, p in maps.items():
            if name.startswith(("mid_block.", "up_blocks.1.")):
                if name not in weights:
                    weights[name] = torch.cos(0.1 * torch.arange(p.numel(), dtype=torch.float64)).float().reshape(p.shape)
                loss = loss + (weights[name] * p).sum()
        g, = torch.autograd.grad(loss, x)
        maps.clear()
        print(time.perf_counter() - start, flush=True)
    elif line.startswith("save"):
        np.save("theirs.npy", g.numpy())
        print("saved", flush=True)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
"""


def main():
    model = os.path.abspath(sys.argv[1])
    dtype = sys.argv[2] if len(sys.argv) > 2 else "f32"
    side = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    with tempfile.TemporaryDirectory() as folder:
        operands(model, side, 1, folder)
        ours = Side([PROGRAM, model, dtype, str(side)], folder)
        theirs = Side([sys.executable, "-c", THEIRS, model], folder)
        ours.ask("step"), theirs.ask("step")  # the first call compiles and touches memory
        a, b = peer.interleave(lambda: float(ours.ask("step")), lambda: float(theirs.ask("step")), 3)
        peer.report(f"P3 guidance iteration {side}x{side} latents, {dtype}", a, b)
        ours.compare(theirs, folder)
        ours.memory(theirs)


if __name__ == "__main__":
    main()
