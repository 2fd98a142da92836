from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register
from schedulers.core.shapes import cool, cooldown_start


@register("power")
@dataclass(frozen=True)
class Power(Schedule):
    """A power of the step, then an exponential cooldown: lr/peak = min(1, a max(t, 1)^b), then from its value
    v at step t0, where the cooldown starts, v (f/v)^q with q = (t - t0) / (T - t0).

    `a` (above 0) and `b` (-0.51, at most 0) apply to t in steps counted from step 0 (the paper counts tokens); without
    an `a` the power law takes over where the warmup ends: a = W^-b. `cooldown` (0.2) is a fraction of all T steps, cut
    where the warmup ends; `final_lr_ratio` (f = 0.01, above 0) is final over peak; where v <= f the lr stays at v.
    ValueError outside these limits. Source: Shen et al. 2024 (arXiv 2408.13359).
    """

    a: float | None = param(None, above=0)
    b: float = param(-0.51, high=0)
    cooldown: float = param(0.2, low=0, high=1)
    final_lr_ratio: float = param(0.01, above=0, high=1)

    def scale(self, t):
        start = cooldown_start(self, self.cooldown)
        a = max(self.warmup_steps, 1) ** -self.b if self.a is None else self.a
        v = min(1.0, a * max(min(t, start), 1) ** self.b)
        return v if t <= start else cool((t - start) / (self.steps - start), v, self.final_lr_ratio, "exp")
