from __future__ import annotations

import math
from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("inverse_sqrt")
@dataclass(frozen=True)
class InverseSqrt(Schedule):
    """One over the square root of the step.

        lr/peak = sqrt(s / (t - W + s))

    Args:
        timescale: s in steps, above 0; default W (then lr/peak = sqrt(W / t)), or 1 without warmup.

    Raises:
        ValueError: a timescale of 0 or less.

    References:
        Vaswani et al. 2017, arXiv 1706.03762; Zhai et al. 2022, arXiv 2106.04560.
    """

    timescale: float | None = param(None, above=0)

    def scale(self, t):
        s = self.timescale or self.warmup_steps or 1
        return math.sqrt(s / (t - self.warmup_steps + s))
