from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import param, register
from schedulers.core.shapes import SHAPES, check_shape, cool, cooldown_start
from schedulers.inverse_sqrt import InverseSqrt


@register("inverse_sqrt_cooldown")
@dataclass(frozen=True)
class InverseSqrtCooldown(InverseSqrt):
    """`inverse_sqrt`, then a cooldown from where it stands.

        lr/peak = sqrt(s / (t - W + s)) to step t0, then f + (v - f) shape(q)
        v = sqrt(s / (t0 - W + s)),  q = (t - t0) / (T - t0); the shapes as in `wsd`

    Args:
        timescale: s in steps, above 0; default W, or 1 without warmup.
        cooldown: fraction of all T steps, from 0 to 1, cut where the warmup ends; default 0.2.
        shape: linear, sqrt, cosine, mirror_cosine, square, power, exp or inverse; default linear.
        exponent: of the shape power, (1 - q)^exponent, above 0; default None, which is 1.2.
        final_lr_ratio: f, final lr over peak, from 0 to 1, above 0 for exp and inverse; default 0. Where
            v <= f the lr stays at v.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Zhai et al. 2022, arXiv 2106.04560; Schaipp et al. 2025, arXiv 2501.18965.
    """

    cooldown: float = param(0.2, low=0, high=1)
    shape: str = param("linear", choices=SHAPES)
    exponent: float | None = param(None, above=0)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        check_shape(self.shape, self.exponent, self.final_lr_ratio)

    def scale(self, t):
        start = cooldown_start(self, self.cooldown)
        if t <= start:
            return super().scale(t)
        q = (t - start) / (self.steps - start)
        return cool(q, super().scale(start), self.final_lr_ratio, self.shape, self.exponent)
