from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.shapes import cool, cooldown_start


@register("power")
@dataclass(frozen=True)
class Power(Schedule):
    """A power of the step, then an exponential cooldown.

        lr/peak = min(1, a max(t, 1)^b) to step t0, then v (f/v)^q
        v = the value at t0,  q = (t - t0) / (T - t0)

    Args:
        a: of t in steps counted from step 0 (the paper counts tokens), above 0; default W^-b, with which
            the power law takes over where the warmup ends.
        b: at most 0; default -0.51.
        cooldown: fraction of all T steps, from 0 to 1, cut where the warmup ends; default 0.2.
        final_lr_ratio: f, final lr over peak, above 0 and up to 1; default 0.01. Where v <= f the lr stays
            at v.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Shen et al. 2024, arXiv 2408.13359.
    """

    a: float | None = param(None, above=0)
    b: float = param(-0.51, high=0)
    cooldown: float = param(0.2, low=0, high=1)
    final_lr_ratio: float = param(0.01, above=0, high=1)

    def scale(self, t):
        start = cooldown_start(self, self.cooldown)
        a = max(self.warmup_steps, 1) ** -self.b if self.a is None else self.a
        v = min(1.0, a * max(min(t, start), 1) ** self.b)
        if t <= start:
            return v
        return cool((t - start) / (self.steps - start), v, self.final_lr_ratio, "exp")
