from __future__ import annotations

from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step
from schedulers.core.shapes import SHAPES, check_shape, cool, cooldown_start


@register("wssd")
@dataclass(frozen=True)
class WSSD(Schedule):
    """Warmup, stable, stable, decay: it extends a finished run to a longer horizon.

        lr/peak = 1, then factor from the milestone to step t0, then f + (factor - f) shape(q)
        with q = (t - t0) / (T - t0); the shapes as in `wsd`

    Args:
        milestone: fraction of T, or a whole step counted from step 0, not after t0; default 0.5.
        factor: above 0 and up to 1; default 0.5. One at or below f stays.
        cooldown: fraction of all T steps, from 0 to 1, rounded to whole steps and cut where the warmup ends;
            default 0.2.
        shape: linear, sqrt, cosine, mirror_cosine, square, power, exp or inverse; default linear.
        exponent: of the shape power, (1 - q)^exponent, above 0; default None, which is 1.2.
        final_lr_ratio: f, final lr over peak, from 0 to 1, above 0 for exp and inverse; default 0.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Schaipp et al. 2025, arXiv 2501.18965.
    """

    milestone: int | float = param(0.5)
    factor: float = param(0.5, above=0, high=1)
    cooldown: float = param(0.2, low=0, high=1)
    shape: str = param("linear", choices=SHAPES)
    exponent: float | None = param(None, above=0)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        check_shape(self.shape, self.exponent, self.final_lr_ratio)
        check_milestones("milestone", self.milestone, self.steps)
        start = cooldown_start(self, self.cooldown)
        if milestone_step(self.milestone, self.steps) > start:
            allowed = f"the cooldown starts at step {start}: give an earlier one"
            raise not_allowed("milestone", self.milestone, allowed)

    def scale(self, t):
        start = cooldown_start(self, self.cooldown)
        if t > start:
            q = (t - start) / (self.steps - start)
            return cool(q, self.factor, self.final_lr_ratio, self.shape, self.exponent)
        return self.factor if t >= milestone_step(self.milestone, self.steps) else 1.0
