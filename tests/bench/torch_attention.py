"""torch_attention.py: a diffusers UNet whose attention runs as in the published code of LLM-grounded diffusion.

Guidance runs the whole network with every attention written out (scores, softmax, product) and keeps the probabilities of
the guided cross-attentions; a denoising step is fused (scaled_dot_product_attention) but for the layers whose maps are
saved.
"""
import torch
import torch.nn.functional as F


class Attention:
    """One layer's processor; `listener` says how it runs and keeps its map."""

    def __init__(self, listener, name):
        self.listener, self.name = listener, name

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, **_):
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (attn.head_to_batch_dim(x) for x in (attn.to_q(hidden_states), attn.to_k(source), attn.to_v(source)))
        kept = self.name in self.listener.kept
        if kept or self.listener.written_out:
            p = attn.get_attention_scores(q, k)
            if kept:
                self.listener.maps[self.name] = p.unflatten(0, (hidden_states.shape[0], -1))
            y = torch.bmm(p, v)
        else:
            y = F.scaled_dot_product_attention(q, k, v, scale=attn.scale)
        return attn.to_out[0](attn.batch_to_head_dim(y))


class Listener:
    """A UNet, its guided layers (the middle's and those of the first block of the way up that has any) and the layer that
    masks come from (the second at a quarter of the latents' size on the way down, else the last)."""

    def __init__(self, unet):
        self.unet, self.maps, self.kept, self.written_out = unet, {}, (), False
        names = [n.removesuffix(".processor") for n in unet.attn_processors]
        unet.set_attn_processor({n + ".processor": Attention(self, n) for n in names})
        cross = [n for n in names if n.endswith("attn2")]
        up = [n for n in cross if n.startswith("up_blocks.")]
        first = ".".join(up[0].split(".")[:2]) + "."
        self.guided = [n for n in cross if n.startswith(("mid_block.", first))]
        favourite = "down_blocks.2.attentions.1.transformer_blocks.0.attn2"
        self.mask = favourite if favourite in cross else up[-1]

    def _run(self, latents, t, text, kept, written_out):
        self.maps, self.kept, self.written_out = {}, kept, written_out
        y = self.unet(latents, t, text).sample
        return y, self.maps

    def guide(self, latents, t, text):
        """Maps of the guided layers by name, [B,heads,h*w,L], in the order of execution: differentiable."""
        return self._run(latents, t, text, self.guided, True)[1]

    def captured(self, latents, t, text):
        """A prediction for [negative, prompt], and the prompt's maps of the guided layers and the mask's, by name."""
        y, maps = self._run(latents, t, text, [*self.guided, self.mask], False)
        return y, {n: m[1:] for n, m in maps.items()}
