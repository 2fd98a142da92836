from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import param, register
from schedulers.core.shapes import SHAPES, check_exp, cool, cooldown_start
from schedulers.inverse_sqrt import InverseSqrt


@register("inverse_sqrt_cooldown")
@dataclass(frozen=True)
class InverseSqrtCooldown(InverseSqrt):
    """`inverse_sqrt`, then a cooldown from where it stands.

        lr/peak = sqrt(s / (t - W + s)) to step t0, then f + (v - f) shape(q), or v (f/v)^q for the shape exp
        v = sqrt(s / (t0 - W + s)),  q = (t - t0) / (T - t0)

    Args:
        timescale: s in steps, above 0; default W, or 1 without warmup.
        cooldown: fraction of all T steps, from 0 to 1, cut where the warmup ends; default 0.2.
        shape: linear, sqrt, cosine, mirror_cosine, square or exp; default linear.
        final_lr_ratio: f, final lr over peak, from 0 to 1, above 0 for exp; default 0. Where v <= f the lr
            stays at v.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Zhai et al. 2022, arXiv 2106.04560; Schaipp et al. 2025, arXiv 2501.18965.
    """

    cooldown: float = param(0.2, low=0, high=1)
    shape: str = param("linear", choices=SHAPES)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        check_exp(self.shape, self.final_lr_ratio)

    def scale(self, t):
        start = cooldown_start(self, self.cooldown)
        if t <= start:
            return super().scale(t)
        return cool((t - start) / (self.steps - start), super().scale(start), self.final_lr_ratio, self.shape)
