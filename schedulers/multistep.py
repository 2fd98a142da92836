from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step


@register("multistep")
@dataclass(frozen=True)
class MultiStep(Schedule):
    """Multiply by gamma at every milestone.

        lr/peak = gamma^(number of milestones <= t)

    Args:
        milestones: fractions of T, or whole steps counted from step 0, in ascending order; default [0.5,
            0.75].
        gamma: from 0 to 1; default 0.1.

    Raises:
        ValueError: milestones that are neither or out of order; a gamma outside its limits.

    References:
        torch's MultiStepLR.
    """

    milestones: tuple[float, ...] = param((0.5, 0.75))
    gamma: float = param(0.1, low=0, high=1)

    def check(self):
        check_milestones("milestones", self.milestones, self.steps)

    def scale(self, t):
        return self.gamma ** sum(milestone_step(m, self.steps) <= t for m in self.milestones)
