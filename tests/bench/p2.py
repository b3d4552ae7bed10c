"""p2.py MODEL [f32|f16] [SIDE]: one classifier-free-guidance step of a UNet, ours and diffusers' on the CPU, and peak memory.

MODEL is a diffusers folder; `build/release/tests/bench/random_checkpoint` makes one of SD 1.5's size. SIDE: latent side
(64 = 512x512 pixels). The same weights, latents and text states on both sides; the results are compared. The peer runs
f32 arithmetic; its memory is measured in a process of its own.
"""
from peer import measure_call

if __name__ == "__main__":
    measure_call("P2 CFG step", "step")
