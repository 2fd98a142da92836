from __future__ import annotations

import math
from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("cosine_restarts")
@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Cosine decays that start again: lr/peak = f + (max(d^i, f) - f)(1 + cos(pi c / n_i))/2 at step c of cycle i.

    `period` is n_0 in steps, counted from the end of the warmup, by default a quarter of T - W; n_i = period *
    t_mult^i with `t_mult` (1) of at least 1. Cycle i starts at d^i with d = `decay_mult` (1.0, in (0, 1]) and falls
    to `final_lr_ratio` (f = 0.1). ValueError outside these limits. Source: SGDR, Loshchilov & Hutter 2016 (arXiv
    1608.03983).
    """

    period: int | None = param(None, low=1)
    t_mult: float = param(1.0, low=1)
    final_lr_ratio: float = param(0.1, low=0, high=1)
    decay_mult: float = param(1.0, above=0, high=1)

    def scale(self, t):
        length = self.period or max(self.steps - self.warmup_steps, 1) / 4
        cycle, at = 0, t - self.warmup_steps
        if self.t_mult == 1:
            cycle, at = divmod(at, length)
        else:
            while at >= length:
                at -= length
                length *= self.t_mult
                cycle += 1
        f = self.final_lr_ratio
        return f + (max(self.decay_mult**cycle, f) - f) * (1 + math.cos(math.pi * at / length)) / 2
