from __future__ import annotations

from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step
from schedulers.core.shapes import SHAPES, check_exp, cool, cooldown_start


@register("wssd")
@dataclass(frozen=True)
class WSSD(Schedule):
    """Warmup, stable, stable, decay: lr/peak = 1, from `milestone` on `factor`, then a cooldown from there as in
    `wsd`.

    It extends a finished run to a longer horizon. `milestone` (0.5) is a fraction of T or a whole step counted from
    step 0, not after the cooldown's start; `factor` (0.5) is in (0, 1]; `cooldown` (0.2, a fraction of all T
    steps), `shape` (linear) and `final_lr_ratio` (f = 0, final over peak; a factor at or below f stays) are those
    of wsd. ValueError outside these limits, and for exp with f = 0. Source: Schaipp et al. 2025 (arXiv 2501.18965).
    """

    milestone: int | float = param(0.5)
    factor: float = param(0.5, above=0, high=1)
    cooldown: float = param(0.2, low=0, high=1)
    shape: str = param("linear", choices=SHAPES)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        check_exp(self.shape, self.final_lr_ratio)
        check_milestones("milestone", self.milestone, self.steps)
        start = cooldown_start(self, self.cooldown)
        if milestone_step(self.milestone, self.steps) > start:
            raise not_allowed(
                "milestone", self.milestone, f"the cooldown starts at step {start}: give an earlier one"
            )

    def scale(self, t):
        start = cooldown_start(self, self.cooldown)
        if t > start:
            return cool((t - start) / (self.steps - start), self.factor, self.final_lr_ratio, self.shape)
        return self.factor if t >= milestone_step(self.milestone, self.steps) else 1.0
