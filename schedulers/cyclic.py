from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from schedulers.core import Schedule, param, register


@register("cyclic")
@dataclass(frozen=True)
class Cyclic(Schedule):
    """A triangle wave between the final lr, where it starts, and the peak.

        lr/peak = f + (1 - f) h a,  h = 1 - |x - 2c - 1|,  x = t / half_period,  c = floor(x / 2)
        a = 1 (triangular), 2^-c (triangular2) or gamma^t (exp_range)

    It defines its own rise: `warmup_steps` is not used.

    Args:
        half_period: from trough to peak in steps, at least 1; default T / 4.
        final_lr_ratio: f, trough over peak, from 0 to 1; default 0.1.
        mode: triangular, triangular2 or exp_range; default triangular.
        gamma: for exp_range only, above 0 and up to 1; default 0.999.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Smith 2017, arXiv 1506.01186; torch's CyclicLR.
    """

    own_rise: ClassVar[bool] = True

    half_period: int | None = param(None, low=1)
    final_lr_ratio: float = param(0.1, low=0, high=1)
    mode: str = param("triangular", choices=("triangular", "triangular2", "exp_range"))
    gamma: float = param(0.999, above=0, high=1)

    def scale(self, t):
        x = t / (self.half_period or self.steps / 4)
        cycle = x // 2
        amplitude = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**t}[self.mode]
        return self.final_lr_ratio + (1 - self.final_lr_ratio) * (1 - abs(x - 2 * cycle - 1)) * amplitude
