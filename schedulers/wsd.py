from __future__ import annotations

from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from schedulers.core.shapes import SHAPES, check_exp, cool, cooldown_start


@register("wsd")
@dataclass(frozen=True)
class WSD(Schedule):
    """Warmup, stable, decay: lr/peak = 1, then from the step t0 where the cooldown starts f + (1 - f) shape(q),
    or f^q for the shape exp, with q = (t - t0) / (T - t0).

    `cooldown` (0.2) is a fraction of all T steps (rounded to whole steps, cut where the warmup ends);
    `cooldown_steps`, if given, is used instead, in steps. `shape` (linear) is linear, sqrt, cosine, mirror_cosine,
    square or exp (shapes.py); `final_lr_ratio` (f = 0) is final over peak. ValueError outside these limits, for
    cooldown_steps longer than the run after warmup, and for exp with f = 0. Source: MiniCPM, Hu et al. 2024 (arXiv
    2404.06395); Haegele et al. 2024 (arXiv 2405.18392).
    """

    cooldown: float = param(0.2, low=0, high=1)
    cooldown_steps: int | None = param(None, low=0)
    shape: str = param("linear", choices=SHAPES)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        longest = self.steps - self.warmup_steps
        if self.cooldown_steps is not None and self.cooldown_steps > longest:
            allowed = f"give a whole number from 0 to {longest} (steps - warmup_steps)"
            raise not_allowed("cooldown_steps", self.cooldown_steps, allowed)
        check_exp(self.shape, self.final_lr_ratio)

    def scale(self, t):
        start = (
            cooldown_start(self, self.cooldown)
            if self.cooldown_steps is None
            else self.steps - self.cooldown_steps
        )
        return (
            1.0
            if t <= start
            else cool((t - start) / (self.steps - start), 1.0, self.final_lr_ratio, self.shape)
        )
