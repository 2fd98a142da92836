from __future__ import annotations

import math
from dataclasses import dataclass

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register


@register("tanh")
@dataclass(frozen=True)
class Tanh(Schedule):
    """Hyperbolic-tangent decay.

        lr/peak = (1 - tanh(lower + (upper - lower) p)) / 2

    Args:
        lower: where the piece of tanh begins, below upper; default -6.
        upper: where it ends; default 3, with which the final lr is (1 - tanh(3)) / 2 = 0.0025 of the peak.

    Raises:
        ValueError: unless lower < upper.

    References:
        Hsueh et al. 2018, arXiv 1806.01593; timm.
    """

    lower: float = param(-6.0)
    upper: float = param(3.0)

    def check(self):
        if not self.lower < self.upper:
            raise not_allowed("lower", self.lower, f"give a number below {self.upper} (upper)")

    def scale(self, t):
        return (1 - math.tanh(self.lower + (self.upper - self.lower) * self.progress(t))) / 2
