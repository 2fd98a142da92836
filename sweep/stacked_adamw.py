"""Clipping and AdamW for stacked runs: one update of all their numbers, each run with factors of its own."""

from __future__ import annotations

import math

import torch

from nanosched.config import Config

EPS = 1e-8  # torch's default


def adamw_factors(lr: float, step: int, config: Config) -> tuple[float, float, float]:
    """What a run's update depends on beside its gradient, in Python's double precision as in torch.

    Args:
        lr: learning rate of the step.
        step: from 1.
        config: for weight decay and betas.

    Returns:
        (1 - lr * weight_decay, lr / (1 - beta1^step), sqrt(1 - beta2^step)).
    """
    c = config
    return 1 - lr * c.weight_decay, lr / (1 - c.beta1**step), math.sqrt(1 - c.beta2**step)


@torch.no_grad()
def clipped_adamw(rows, gradients, factors, sizes, n_decaying, beta1, beta2, grad_clip) -> torch.Tensor:
    """Clip each run's gradient by its own norm and update its weights and moments, in place.

    Args:
        rows: weights and both moments, float32 (R, parameters) each.
        gradients: float32 (R, parameters).
        factors: float32 (R, 3), a row from `adamw_factors` for each run.
        sizes: of the parameters in a row.
        n_decaying: how many numbers of a row decay; they come first.
        beta1, beta2: AdamW's.
        grad_clip: the norm that gradients are scaled down to; inf for none.

    Returns:
        float32 (R,), the norms before clipping.

    References:
        Loshchilov and Hutter 2019, Decoupled weight decay regularization; torch.nn.utils.clip_grad_norm_.
    """
    weights, exp_avg, exp_avg_sq = rows
    # by parameter: one sum over a whole row can be off by 1e-4
    grad_norms = torch.stack([part.norm(dim=1) for part in gradients.split(sizes, 1)], 1).norm(dim=1)
    gradients = gradients * (grad_clip / (grad_norms + 1e-6)).clamp(max=1.0)[:, None]
    decay, size, root = factors[:, :, None].unbind(1)  # (R, 1) each
    weights[:, :n_decaying] *= decay
    exp_avg.lerp_(gradients, 1 - beta1)
    exp_avg_sq.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
    weights.addcdiv_(exp_avg * size, exp_avg_sq.sqrt().div_(root).add_(EPS), value=-1)
    return grad_norms
