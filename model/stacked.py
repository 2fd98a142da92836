"""GPT-2 for several runs at once: each operation is done once for all of them, matrix products in a batch.

Its numbers are those of model.gpt2 for each run alone, but for rounding: nothing is summed over runs.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from .gpt2 import GPT2, causal_attention
from .masks import Masks


class StackedGPT2:
    """R models of one shape, the weights of each in a row of one tensor.

    Args:
        model: any GPT2 of the shape; its weights are not looked at.

    Attributes:
        sizes: of the parameters in a row; those that decay come first, as in the optimizer's groups.
        n_decaying: how many numbers of a row belong to them.
    """

    def __init__(self, model: GPT2):
        self.config = model.config
        self.shapes = {name: p.shape for name, p in in_order(model)}
        self.sizes = [shape.numel() for shape in self.shapes.values()]
        self.n_decaying = sum(shape.numel() for shape in self.shapes.values() if len(shape) >= 2)

    def split(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Views of (R, parameters) by parameter name, (R, *shape) each."""
        parts = rows.split(self.sizes, 1)
        return {name: part.view(-1, *shape) for (name, shape), part in zip(self.shapes.items(), parts)}

    def losses(self, rows: torch.Tensor, x, y, keys: torch.Tensor | None = None) -> torch.Tensor:
        """The mean cross-entropy of each run.

        Args:
            rows: float32 (R, parameters), the weights, each row as from `row_of`.
            x, y: int64 (R, B, T), token ids and those that follow; a target of -1 is left out of the mean.
            keys: int32 (R, 2), a `mask_key` for each run; default no dropout.

        Returns:
            float32 (R,), in nats per token.
        """
        weights, T = self.split(rows), x.shape[2]
        masks = None if keys is None else Masks(keys, self.config.dropout, 1 + 3 * self.config.n_layer)
        wte = weights["transformer.wte.weight"]
        h = embedded(x, wte) + weights["transformer.wpe.weight"][:, None, :T]
        h = dropped(h.flatten(1, 2), masks, 0)  # (R, B * T, C)
        for layer in range(self.config.n_layer):
            h = self.block(h, T, weights, f"transformer.h.{layer}", masks, 1 + 3 * layer)
        logits = torch.bmm(normed(h, weights, "transformer.ln_f"), wte.mT)
        return mean_cross_entropies(logits, y.flatten(1))

    def block(self, h, T: int, weights, name: str, masks, site: int):
        """(R, B * T, C) to the same; it drops at `site` and the two after it."""
        a = linear(normed(h, weights, f"{name}.ln_1"), weights, f"{name}.attn.c_attn")
        a = linear(self.attention(a, T, masks, site), weights, f"{name}.attn.c_proj")
        h = h + dropped(a, masks, site + 1)
        m = F.gelu(linear(normed(h, weights, f"{name}.ln_2"), weights, f"{name}.mlp.c_fc"))
        return h + dropped(linear(m, weights, f"{name}.mlp.c_proj"), masks, site + 2)

    def attention(self, qkv, T: int, masks, site: int):
        """(R, B * T, 3 C) to (R, B * T, C): the runs are more rows of the batch."""
        R, n, C = qkv.shape[0], qkv.shape[1], self.config.n_embd
        heads = self.config.n_head
        q, k, v = qkv.view(R * (n // T), T, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
        attended = causal_attention(q, k, v) if masks is None else masked_attention(q, k, v, masks, site)
        return attended.transpose(1, 2).reshape(R, n, C)


def in_order(model: GPT2) -> list:
    """(name, parameter), each distinct one once, as they stand in a row."""
    return sorted(model.named_parameters(), key=lambda item: item[1].dim() < 2)


def row_of(tensors) -> torch.Tensor:
    """(parameters,) of tensors in the order of `in_order`."""
    return torch.cat([t.flatten() for t in tensors])


def embedded(x, tables):
    """Rows of each run's own table: (R, B, T) of (R, V, C) gives (R, B, T, C)."""
    R, V, _ = tables.shape
    first = torch.arange(R, device=x.device)[:, None, None] * V
    return F.embedding(x + first, tables.flatten(0, 1))


def linear(h, weights, name: str):
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    return torch.bmm(h, weight.mT) if bias is None else torch.baddbmm(bias[:, None], h, weight.mT)


def normed(h, weights, name: str):
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    h = F.layer_norm(h, h.shape[-1:], eps=1e-5) * weight[:, None]
    return h if bias is None else h + bias[:, None]


def dropped(h, masks: Masks | None, site: int):
    return h if masks is None else masks.drop(h, site)


def masked_attention(q, k, v, masks: Masks, site: int):
    """model.gpt2.causal_attention written out, since torch's own draws its masks by itself."""
    T, D = q.shape[-2:]
    future = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    scores = (q @ k.mT / math.sqrt(D)).masked_fill(future, -math.inf)
    return masks.drop(scores.softmax(-1).to(v.dtype), site) @ v


def mean_cross_entropies(logits, y):
    """(R,) of (R, n, V) and (R, n)."""
    each = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-1, reduction="none")
    return each.view(y.shape).sum(1) / (y != -1).sum(1)
