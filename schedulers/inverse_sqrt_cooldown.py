from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import param, register
from schedulers.core.shapes import SHAPES, check_exp, cool, cooldown_start
from schedulers.inverse_sqrt import InverseSqrt


@register("inverse_sqrt_cooldown")
@dataclass(frozen=True)
class InverseSqrtCooldown(InverseSqrt):
    """`inverse_sqrt`, then a cooldown from where it stands: v = sqrt(s / (t0 - W + s)) at the start t0 of the
    cooldown, then lr/peak = f + (v - f) shape(q), or v (f/v)^q for the shape exp, with q = (t - t0) / (T - t0).

    `cooldown` (0.2) is a fraction of all T steps, cut where the warmup ends; `shape` (linear) is any of shapes.py;
    `final_lr_ratio` (f = 0) is final over peak; where v <= f the lr stays at v. ValueError outside these limits,
    and for exp with f = 0. Source: Zhai et al. 2022 (arXiv 2106.04560); Schaipp et al. 2025 (arXiv 2501.18965).
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
