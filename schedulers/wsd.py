from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from schedulers.core.shapes import SHAPES, check_shape, cool, cooldown_start


@register("wsd")
@dataclass(frozen=True)
class WSD(Schedule):
    """Warmup, stable, decay.

        lr/peak = 1 to step t0, then f + (1 - f) shape(q) with q = (t - t0) / (T - t0)
        or f^q for the shape exp, 1 / (1 - q + q / f) for inverse

    Args:
        cooldown: fraction of all T steps, from 0 to 1, rounded to whole steps and cut where the warmup ends;
            default 0.2.
        cooldown_steps: used instead if given, in steps, from 0 to T - W; default None.
        shape: linear, sqrt, cosine, mirror_cosine, square, power, exp or inverse; default linear.
        exponent: of the shape power, (1 - q)^exponent, above 0; default None, which is 1.2.
        final_lr_ratio: f, final lr over peak, from 0 to 1, above 0 for exp and inverse; default 0.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        MiniCPM, Hu et al. 2024, arXiv 2404.06395; Haegele et al. 2024, arXiv 2405.18392. The shape power is
        of modded-nanogpt's track 3 (pull request 293 has the exponent 1.5), inverse of Wen et al. 2024, arXiv
        2410.05192.
    """

    cooldown: float = param(0.2, low=0, high=1)
    cooldown_steps: int | None = param(None, low=0)
    shape: str = param("linear", choices=SHAPES)
    exponent: float | None = param(None, above=0)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        longest = self.steps - self.warmup_steps
        if self.cooldown_steps is not None and self.cooldown_steps > longest:
            allowed = f"give a whole number from 0 to {longest} (steps - warmup_steps)"
            raise not_allowed("cooldown_steps", self.cooldown_steps, allowed)
        check_shape(self.shape, self.exponent, self.final_lr_ratio)

    def scale(self, t):
        start = self.decay_start
        if t <= start:
            return 1.0
        q = (t - start) / (self.steps - start)
        return cool(q, 1.0, self.final_lr_ratio, self.shape, self.exponent)

    @cached_property
    def decay_start(self):
        if self.cooldown_steps is None:
            return cooldown_start(self, self.cooldown)
        return self.steps - self.cooldown_steps
