from __future__ import annotations

from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register


@register("exponential")
@dataclass(frozen=True)
class Exponential(Schedule):
    """The same factor at every step: lr/peak = gamma^(t - W) if `gamma` is given, else f^p.

    `gamma` is a factor per step in (0, 1]; without it the decay ends at `final_lr_ratio` (f = 0.01) of the peak,
    which must be above 0. ValueError outside these limits. Source: torch's ExponentialLR.
    """

    gamma: float | None = param(None, above=0, high=1)
    final_lr_ratio: float = param(0.01, low=0, high=1)

    def check(self):
        if self.gamma is None and self.final_lr_ratio == 0:
            raise not_allowed(
                "final_lr_ratio", self.final_lr_ratio, "an exponential needs a number above 0 and up to 1"
            )

    def scale(self, t):
        if self.gamma is not None:
            return self.gamma ** (t - self.warmup_steps)
        return self.final_lr_ratio ** self.progress(t)
