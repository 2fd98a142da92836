from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step
from schedulers.core.shapes import SHAPES, check_shape, cool


@register("wsd_s")
@dataclass(frozen=True)
class WSDS(Schedule):
    """Warmup, stable, decay, and on from the decayed weights at the peak: several cooldowns in one run.

        lr/peak = 1 to step t0, then f + (1 - f) shape(q) with q = (t - t0) / (e - t0), where the cooldown
        that ends at e begins at t0 = e - cooldown (e - b) and the one before it ended at b, or b = 0

    Every e is the end of a shorter run, and the next step is at the peak again. The shapes are as in `wsd`.

    Args:
        milestones: where the cooldowns before the last one end, as fractions of T, or whole steps counted
            from step 0, in ascending order; default [0.25, 0.5], each run twice as long as the one before.
            The last cooldown ends at T.
        cooldown: fraction of the e - b steps since the last one, from 0 to 1, rounded to whole steps and cut
            where the warmup ends; default 0.2.
        shape: linear, sqrt, cosine, mirror_cosine, square, power, exp or inverse (the paper's); default
            linear.
        exponent: of the shape power, (1 - q)^exponent, above 0; default None, which is 1.2.
        final_lr_ratio: f, the end of each cooldown over the peak, from 0 to 1, above 0 for exp and inverse;
            default 0.

    Raises:
        ValueError: a parameter outside its limits; milestones that are neither or out of order.

    References:
        WSD-S of Wen et al. 2024, arXiv 2410.05192.
    """

    milestones: tuple[float, ...] = param((0.25, 0.5))
    cooldown: float = param(0.2, low=0, high=1)
    shape: str = param("linear", choices=SHAPES)
    exponent: float | None = param(None, above=0)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        check_milestones("milestones", self.milestones, self.steps)
        check_shape(self.shape, self.exponent, self.final_lr_ratio)

    def scale(self, t):
        begin, end = self.segment(t)
        start = max(self.warmup_steps, end - round(self.cooldown * (end - begin)))
        if t <= start:
            return 1.0
        return cool((t - start) / (end - start), 1.0, self.final_lr_ratio, self.shape, self.exponent)

    def segment(self, t):
        """The steps at which the cooldowns before and after step t end."""
        ends = [e for e in (milestone_step(m, self.steps) for m in self.milestones) if e < self.steps]
        return max((e for e in ends if e <= t), default=0), min(
            (e for e in ends if e > t), default=self.steps
        )
