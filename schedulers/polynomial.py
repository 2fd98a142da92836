from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("polynomial")
@dataclass(frozen=True)
class Polynomial(Schedule):
    """A power of the part of the run that is left.

        lr/peak = f + (1 - f) (1 - p)^power

    Args:
        power: at least 0; default 2.
        final_lr_ratio: f, final lr over peak, from 0 to 1; default 0.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Hugging Face's get_polynomial_decay_schedule_with_warmup; torch's PolynomialLR with f = 0.
    """

    power: float = param(2.0, low=0)
    final_lr_ratio: float = param(0.0, low=0, high=1)

    def scale(self, t):
        f = self.final_lr_ratio
        return f + (1 - f) * (1 - self.progress(t)) ** self.power
