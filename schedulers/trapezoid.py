from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.shapes import cool, cooldown_start


@register("trapezoid")
@dataclass(frozen=True)
class Trapezoid(Schedule):
    """Constant, then a long straight line to zero.

        lr/peak = 1 to step t0, then 1 - q with q = (t - t0) / (T - t0)

    Args:
        warmdown: fraction of all T steps, from 0 to 1, rounded to whole steps and cut where the warmup ends;
            default 0.4.

    Raises:
        ValueError: a warmdown outside its limits.

    References:
        The modded-nanogpt speedruns.
    """

    warmdown: float = param(0.4, low=0, high=1)

    def scale(self, t):
        start = cooldown_start(self, self.warmdown)
        return 1.0 if t <= start else cool((t - start) / (self.steps - start), 1.0, 0.0, "linear")
