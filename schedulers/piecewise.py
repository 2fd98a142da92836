from __future__ import annotations

import math
from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step


@register("piecewise")
@dataclass(frozen=True)
class Piecewise(Schedule):
    """Piecewise constant: lr/peak = the product of the `factors` whose milestone is <= t.

    `milestones` ([0.8, 0.9]) are fractions of T, or whole steps counted from step 0, in ascending order; `factors`
    (sqrt(0.1) twice, so 1, then 0.316, then 0.1) has one number of at least 0 for each. ValueError where the two
    don't match. Source: Schaipp et al. 2025 (arXiv 2501.18965); the defaults are DeepSeek LLM's (arXiv 2401.02954).
    """

    milestones: tuple[float, ...] = param((0.8, 0.9))
    factors: tuple[float, ...] = param((math.sqrt(0.1), math.sqrt(0.1)), low=0)

    def check(self):
        check_milestones("milestones", self.milestones, self.steps)
        if len(self.factors) != len(self.milestones):
            raise not_allowed(
                "factors", self.factors, f"give {len(self.milestones)} numbers, one for each milestone"
            )

    def scale(self, t):
        return math.prod(
            f for m, f in zip(self.milestones, self.factors) if milestone_step(m, self.steps) <= t
        )
