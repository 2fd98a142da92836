from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from schedulers.core import Schedule, param, register


@register("cyclic")
@dataclass(frozen=True)
class Cyclic(Schedule):
    """A triangle wave between `final_lr_ratio` of the peak (f = 0.1, where it starts) and the peak:
    lr/peak = f + (1 - f) h a.

    With x = t / half_period and the cycle c = floor(x / 2), h = 1 - |x - 2c - 1|, and a = 1 for `mode` triangular,
    2^-c for triangular2, gamma^t for exp_range. `half_period` is in steps, by default T/4; `gamma` (0.999, in (0,
    1]) is used by exp_range only. It defines its own rise: `warmup_steps` is not used. ValueError outside these
    limits. Source: Smith 2017 (arXiv 1506.01186); torch's CyclicLR.
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
