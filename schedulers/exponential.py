from __future__ import annotations

from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register


@register("exponential")
@dataclass(frozen=True)
class Exponential(Schedule):
    """The same factor at every step.

        lr/peak = gamma^(t - W) if gamma is given, else f^p

    Args:
        gamma: factor per step, above 0 and up to 1; default None.
        final_lr_ratio: f, final lr over peak without a gamma, above 0 and up to 1; default 0.01.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        torch's ExponentialLR.
    """

    gamma: float | None = param(None, above=0, high=1)
    final_lr_ratio: float = param(0.01, low=0, high=1)

    def check(self):
        if self.gamma is None and self.final_lr_ratio == 0:
            allowed = "an exponential needs a number above 0 and up to 1"
            raise not_allowed("final_lr_ratio", self.final_lr_ratio, allowed)

    def scale(self, t):
        if self.gamma is not None:
            return self.gamma ** (t - self.warmup_steps)
        return self.final_lr_ratio ** self.progress(t)
