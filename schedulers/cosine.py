from __future__ import annotations

import math
from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("cosine")
@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from the peak to the final lr.

        lr/peak = f + (1 - f) (1 + cos(pi min(p / cycle, 1))) / 2

    Args:
        final_lr_ratio: f, final lr over peak, from 0 to 1; default 0.1.
        cycle: length of the decay over that of the run after warmup, above 0; default 1. Above 1 the run
            ends before the cosine does, below 1 it holds f.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Loshchilov & Hutter 2016, arXiv 1608.03983; nanoGPT; SambaFlow's cosine_schedule_with_warmup.
    """

    final_lr_ratio: float = param(0.1, low=0, high=1)
    cycle: float = param(1.0, above=0)

    def scale(self, t):
        f = self.final_lr_ratio
        return f + (1 - f) * (1 + math.cos(math.pi * min(self.progress(t) / self.cycle, 1))) / 2
