from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.milestones import check_milestones, milestone_step
from schedulers.core.shapes import cool


@register("fast_slow")
@dataclass(frozen=True)
class FastSlow(Schedule):
    """A fast decay that flattens out, then a slow straight line to the end.

        lr/peak = 1 - (1 - factor) ((t - W) / (m - W))^exponent to the milestone, step m
        then f + (factor - f) (T - t) / (T - m)

    The record that it is from holds the peak for 100 of its 3,125 steps first: a warmup that is longer by
    them gives its learning rates from there on.

    Args:
        milestone: fraction of T, or a whole step counted from step 0; default 0.56. Where the warmup ends
            after it, there is no fast part.
        factor: lr over peak at the milestone, from 0 to 1; default 0.2. One at or below f stays.
        exponent: above 0, below 1 for a decay that flattens out; default 0.6.
        final_lr_ratio: f, final lr over peak, from 0 to 1; default 0.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        modded-nanogpt, track 3, pull request 351 ("fast-slow-decay").
    """

    milestone: int | float = param(0.56)
    factor: float = param(0.2, low=0, high=1)
    exponent: float = param(0.6, above=0)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def check(self):
        check_milestones("milestone", self.milestone, self.steps)

    def scale(self, t):
        W, m = self.warmup_steps, milestone_step(self.milestone, self.steps)
        if t < m:
            return 1 - (1 - self.factor) * ((t - W) / (m - W)) ** self.exponent
        start = max(W, m)
        q = (t - start) / (self.steps - start) if start < self.steps else 1.0
        return cool(q, self.factor, self.final_lr_ratio, "linear")
