"""torch_lmd.py: LLM-grounded diffusion (arXiv 2305.13655) over diffusers' models, in the call pattern of its published code.

Each object is drawn alone under attention guidance (DDIM, classifier-free guidance) from the shared noise, in the middle
and near the ground; its attention gives a mask; latents, mask and attention move to its box; then the whole picture is
drawn, guided towards boxes and moved attention, over the objects' latents for the first half. One picture at a time,
square, of objects whose phrases all differ. Prompts are "{phrases}, {background}".
"""
import dataclasses
import math

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from scipy.ndimage import gaussian_filter
from transformers import CLIPTextModel, CLIPTokenizer

from torch_attention import Listener

ITERATIONS = [4] * 5 + [3] * 5 + [2] * 10 + [1]  # gradient steps before each step; the last serves all later ones
GUIDED_STEPS, FROZEN, BLEND, TOP_P, GROUND = 30, 0.5, 0.01, 0.2, 0.2
SIGMA, THRESHOLD = 1.5, 0.25  # of an object's mask


@dataclasses.dataclass
class Settings:
    steps: int = 50
    cfg: float = 7.5
    eta: float = 5
    omega: float = 4
    transfer: float = 2  # lambda
    threshold: float = 5  # guidance ends for good once the energy was not above it


@dataclasses.dataclass
class Phrase:
    box: tuple  # x0, y0, x1, y1, in shares of the canvas
    tokens: list  # places in the prompt
    word: int  # place of the last word's token


# ---- boxes and shifts

def cells(box, n):
    """Mask [n,n] of a box: corner and size rounded each on its own, half to even."""
    x0, y0 = round(box[0] * n), round(box[1] * n)
    x1, y1 = x0 + round((box[2] - box[0]) * n), y0 + round((box[3] - box[1]) * n)
    mask = torch.zeros(n, n)
    mask[max(y0, 0):max(y1, 0), max(x0, 0):max(x1, 0)] = 1
    return mask


def alone(box):
    """The box in the middle from left to right, its lower edge on the ground."""
    w, h = box[2] - box[0], box[3] - box[1]
    return 0.5 - w / 2, 1 - GROUND - h, 0.5 + w / 2, 1 - GROUND


def offset(mask, box):
    """From the centre of the mask's cells (by their indices) to the box's, in shares of the canvas."""
    y, x = (float(i.sum() / torch.tensor(len(i), dtype=torch.float32) / mask.shape[0]) for i in mask.nonzero(as_tuple=True))
    return (box[0] + box[2]) / 2 - x, (box[1] + box[3]) / 2 - y


def shifted(x, by):
    """[..., n, n] moved by eighths of the canvas; zeros come in."""
    n = x.shape[-1]
    dx, dy = (round(round(d * 8) * n / 8) for d in by)
    out = torch.zeros_like(x)
    a, b = [(slice(max(d, 0), n + min(d, 0)), slice(max(-d, 0), n + min(-d, 0))) for d in (dx, dy)]
    out[..., b[0], a[0]] = x[..., b[1], a[1]]
    return out


# ---- energy

def largest(x, mask, cells_there):
    """Mean of the largest values of x [heads,cells,tokens] where the mask is."""
    k = max(1, int(cells_there * TOP_P))
    return (x * mask[None, :, None]).topk(k, dim=1).values.mean(1)


def shares(x, box):
    x = x * box
    return x / (x.sum(-1, keepdim=True) + 1e-5)


def energy(maps, phrases, s, reference):
    """maps by name, [heads,n*n,L]; reference: for each phrase its word's maps by name, [heads,n*n], or None."""
    total = 0
    for name, p in maps.items():
        n = math.isqrt(p.shape[1])
        for i, f in enumerate(phrases):
            box = cells(f.box, n).flatten()
            inside = box.sum()  # f32, so that its share is rounded as published
            fg, bg = (largest(p[:, :, f.tokens], m, c) for m, c in ((box, inside), (1 - box, n * n - inside)))
            total = total + ((1 - fg) + s.omega * bg).sum(0).mean()
            if reference:
                apart = shares(p[:, :, f.word], box) - shares(reference[i][name], box)
                total = total + s.transfer * apart.abs().sum(-1).mean()
    return total / (len(phrases) * len(maps))


# ---- the method

class Painter:
    """The parts of a diffusers folder; `calls` counts what was run."""

    def __init__(self, model):
        def part(kind, name):
            return kind.from_pretrained(model, subfolder=name, torch_dtype=torch.float32).eval().requires_grad_(False)
        self.listener = Listener(part(UNet2DConditionModel, "unet"))
        self.vae, self.text = part(AutoencoderKL, "vae"), part(CLIPTextModel, "text_encoder")
        self.tokenizer = CLIPTokenizer.from_pretrained(model, subfolder="tokenizer")
        self.scheduler = DDIMScheduler.from_pretrained(model, subfolder="scheduler")
        self.calls = {}

    def count(self, call):
        self.calls[call] = self.calls.get(call, 0) + 1

    @torch.no_grad()
    def encode(self, prompt):
        ids = self.tokenizer(prompt, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        return self.text(ids).last_hidden_state

    def phrase(self, prompt, phrase, box):
        ids, part, word = (self.tokenizer(x).input_ids[1:-1] for x in (prompt, phrase, phrase.split()[-1]))
        first = next(i for i in range(len(ids)) if ids[i:i + len(part)] == part) + 1  # behind the begin token
        return Phrase(box, list(range(first, first + len(part))), first + part.index(word[-1]))

    def noise(self, seed):
        side = self.listener.unet.config.sample_size
        return torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(seed))

    def gradient(self, z, t, text, phrases, s, reference):
        self.count("guide")
        z = z.detach().requires_grad_(True)
        maps = {n: m[0] for n, m in self.listener.guide(z, t, text).items()}
        e = energy(maps, phrases, s, reference)
        return float(e.detach()), torch.autograd.grad(s.eta * e, z)[0]

    @torch.no_grad()
    def denoise(self, z, t, text, s):
        self.count("captured")
        y, maps = self.listener.captured(torch.cat([z, z]), t, text)
        negative, prompt = y.chunk(2)
        z = self.scheduler.step(negative + s.cfg * (prompt - negative), t, z).prev_sample
        return z, {n: m[0] for n, m in maps.items()}

    def sample(self, z, prompt, phrases, s, reference=None, frozen=None):
        """Latents before each step and behind the last; the first phrase's word's maps at each step, by name. reference(i):
        what energy() takes; frozen(i): a mask and what is there after step i, or None."""
        text, last = torch.cat([self.encode(""), self.encode(prompt)]), math.inf
        latents, words = [z], []
        for i, t in enumerate(self.scheduler.timesteps):
            for _ in range(ITERATIONS[min(i, len(ITERATIONS) - 1)] if i < GUIDED_STEPS else 0):
                if not last > s.threshold:
                    break
                last, g = self.gradient(z, t, text[1:], phrases, s, reference and reference(i))
                z = z - (1 - self.scheduler.alphas_cumprod[t]) ** 0.5 * g
            z, maps = self.denoise(z, t, text, s)
            words.append({n: m[:, :, phrases[0].word] for n, m in maps.items()})
            kept = frozen and frozen(i)
            if kept:
                z = kept[1] * kept[0] + z * (1 - kept[0])
            latents.append(z)
        return latents, words

    def mask(self, words):
        """[n,n] of the latents, from the word's attention in the last four fifths of the steps."""
        mean = torch.stack([w[self.listener.mask] for w in words[len(words) // 5:]]).mean(0).mean(0)
        n, side = math.isqrt(len(mean)), self.listener.unet.config.sample_size
        v = gaussian_filter(mean.reshape(n, n).double().numpy(), SIGMA)
        coarse = (v - v.min()) / (v.max() - v.min()) > THRESHOLD
        near = np.arange(side) * n // side
        return torch.from_numpy(coarse[near][:, near]).float()

    def object(self, noise, prompt, phrase, box, seed, s):
        """Latents of all steps, mask and words' maps of one object, where it belongs."""
        there = cells(alone(box), noise.shape[-1])
        own = noise * math.sqrt(1 - BLEND) + self.noise(seed) * math.sqrt(BLEND)
        start = noise * (1 - there) + own * there
        latents, words = self.sample(start, prompt, [self.phrase(prompt, phrase, alone(box))], s)
        mask = self.mask(words)
        by = offset(mask, box)

        def moved(m):
            n = math.isqrt(m.shape[1])
            return shifted(m.unflatten(1, (n, n)), by).flatten(1)
        maps = [{n: moved(w[n]) for n in self.listener.guided} for w in words]
        return [shifted(z, by) for z in latents], shifted(mask, by), maps

    def draw(self, layout, seed, s):
        """layout: objects [{phrase, box}], background and canvas as ours takes them. Latents and picture [1,3,H,W]."""
        self.scheduler.set_timesteps(s.steps)
        self.calls = {}
        noise, canvas, back = self.noise(seed), layout["canvas"], layout["background"]
        objects = sorted(layout["objects"], key=lambda o: o["phrase"])
        boxes = [(x / canvas[0], y / canvas[1], (x + w) / canvas[0], (y + h) / canvas[1])
                 for x, y, w, h in (o["box"] for o in objects)]
        drawn = [self.object(noise, f"{o['phrase']}, {back}", o["phrase"], boxes[i], seed + 19 + i, s)
                 for i, o in enumerate(objects)]
        composed = Composed(noise, drawn)
        prompt = ", ".join([o["phrase"] for o in objects] + [back])
        kept = int(s.steps * FROZEN)
        latents, _ = self.sample(
            composed.start(), prompt, [self.phrase(prompt, o["phrase"], b) for o, b in zip(objects, boxes)], s,
            reference=lambda i: [maps[i] for _, _, maps in drawn],
            frozen=lambda i: (composed.mask, composed.at(i + 1)) if i < kept else None)
        self.count("decode")
        with torch.no_grad():
            image = self.vae.decode(latents[-1] / self.vae.config.scaling_factor).sample
        return latents[-1], (image / 2 + 0.5).clamp(0, 1)


class Composed:
    """Objects' latents laid over each other, larger ones below."""

    def __init__(self, noise, drawn):
        self.noise, self.drawn = noise, sorted(drawn, key=lambda d: -float(d[1].sum()))
        self.mask = torch.stack([mask for _, mask, _ in drawn]).amax(0)

    def at(self, i, below=None):
        z = torch.zeros_like(self.noise) if below is None else below
        for latents, mask, _ in self.drawn:
            z = torch.where(mask.bool(), latents[i], z)
        return z

    def start(self):
        """At step 0 each object's bounds, a cell wider, lie on the noise, too."""
        z = self.noise.clone()
        for latents, mask, _ in self.drawn:
            y, x = (slice(max(int(i.min()) - 1, 0), int(i.max()) + 2) for i in mask.nonzero(as_tuple=True))
            z[..., y, x] = latents[0][..., y, x]
        return self.at(0, z)
