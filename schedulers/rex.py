from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("rex")
@dataclass(frozen=True)
class Rex(Schedule):
    """Reflected exponential, slow at first and fast at the end.

        lr/peak = f + (1 - f) (1 - p) / (1 - p/2)

    Args:
        final_lr_ratio: f, final lr over peak, from 0 to 1; default 0.

    Raises:
        ValueError: a final_lr_ratio outside its limits.

    References:
        Chen et al. 2021, arXiv 2107.04197.
    """

    final_lr_ratio: float = param(0.0, low=0, high=1)

    def scale(self, t):
        p = self.progress(t)
        return self.final_lr_ratio + (1 - self.final_lr_ratio) * (1 - p) / (1 - p / 2)
