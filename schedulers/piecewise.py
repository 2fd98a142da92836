from __future__ import annotations

import math
from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step


@register("piecewise")
@dataclass(frozen=True)
class Piecewise(Schedule):
    """Piecewise constant.

        lr/peak = the product of the factors whose milestone is <= t

    Args:
        milestones: fractions of T, or whole steps counted from step 0, in ascending order; default [0.8,
            0.9].
        factors: one number of at least 0 for each milestone; default sqrt(0.1) twice, so 1, then 0.316,
            then 0.1.

    Raises:
        ValueError: milestones that are out of order, or not as many factors.

    References:
        Schaipp et al. 2025, arXiv 2501.18965; the defaults are DeepSeek LLM's, arXiv 2401.02954.
    """

    milestones: tuple[float, ...] = param((0.8, 0.9))
    factors: tuple[float, ...] = param((math.sqrt(0.1), math.sqrt(0.1)), low=0)

    def check(self):
        check_milestones("milestones", self.milestones, self.steps)
        if len(self.factors) != len(self.milestones):
            allowed = f"give {len(self.milestones)} numbers, one for each milestone"
            raise not_allowed("factors", self.factors, allowed)

    def scale(self, t):
        pairs = zip(self.milestones, self.factors)
        return math.prod(factor for m, factor in pairs if milestone_step(m, self.steps) <= t)
