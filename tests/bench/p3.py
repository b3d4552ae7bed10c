"""p3.py MODEL [f32|f16] [SIDE]: one iteration of attention guidance: forward, loss over maps, gradient to the latents.

The peer does it as the reference code of LLM-grounded diffusion does: the whole UNet runs in PyTorch on the CPU with the
softmax of every attention at hand, and autograd goes back to the latents. Ours stops at the last guided map. Same
weights, latents, text states and loss (calls.c says which); the gradients are compared.
"""
from peer import measure_call

if __name__ == "__main__":
    measure_call("P3 guidance iteration", "guide")
