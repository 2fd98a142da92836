from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from schedulers.core import Schedule, param, register


@register("one_cycle")
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up once and down once.

        lr/peak = f + (1 - f) h,  h = t / r up to step r = pct_start T, then (T - t) / (T - r)
        with the shape cosine (1 - cos(pi h)) / 2 in place of h

    It defines its own rise: `warmup_steps` is not used.

    Args:
        pct_start: length of the rise as a fraction of all T steps, from 0 to 1; default 0.3.
        final_lr_ratio: f, both the first and the final lr over the peak, from 0 to 1; default 0.1.
        shape: linear or cosine; default linear.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Smith 2018, arXiv 1803.09820.
    """

    own_rise: ClassVar[bool] = True

    pct_start: float = param(0.3, low=0, high=1)
    final_lr_ratio: float = param(0.1, low=0, high=1)
    shape: str = param("linear", choices=("linear", "cosine"))

    def scale(self, t):
        top = self.pct_start * self.steps
        h = t / top if t < top else (self.steps - t) / (self.steps - top) if top < self.steps else 1.0
        if self.shape == "cosine":
            h = (1 - math.cos(math.pi * h)) / 2
        return self.final_lr_ratio + (1 - self.final_lr_ratio) * h
