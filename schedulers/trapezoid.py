from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.shapes import cool, cooldown_start


@register("trapezoid")
@dataclass(frozen=True)
class Trapezoid(Schedule):
    """Constant, then a long straight line to zero: lr/peak = 1, then 1 - q with q = (t - t0) / (T - t0).

    `warmdown` (0.4) is a fraction of all T steps (rounded to whole steps, cut where the warmup ends). ValueError
    for a warmdown outside [0, 1]. Source: the modded-nanogpt speedruns.
    """

    warmdown: float = param(0.4, low=0, high=1)

    def scale(self, t):
        start = cooldown_start(self, self.warmdown)
        return 1.0 if t <= start else cool((t - start) / (self.steps - start), 1.0, 0.0, "linear")
