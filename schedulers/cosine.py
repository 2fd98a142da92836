from __future__ import annotations

import math
from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("cosine")
@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from the peak to `final_lr_ratio` of it (f = 0.1):
    lr/peak = f + (1 - f)(1 + cos(pi min(p/cycle, 1)))/2.

    `cycle` (1.0) is the length of the decay over the run after warmup: above 1 the run ends before the cosine does,
    below 1 it holds f. ValueError for a cycle of 0 or less. Source: Loshchilov & Hutter 2016 (arXiv 1608.03983);
    nanoGPT; SambaFlow's cosine_schedule_with_warmup.
    """

    final_lr_ratio: float = param(0.1, low=0, high=1)
    cycle: float = param(1.0, above=0)

    def scale(self, t):
        f = self.final_lr_ratio
        return f + (1 - f) * (1 + math.cos(math.pi * min(self.progress(t) / self.cycle, 1))) / 2
